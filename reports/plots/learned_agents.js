plots.learned_agents = section => {
  const {agents, rival, limited} = section.plots.learned_agents.data;
  const size = narrow() ? 11 : 13;
  const colour = agent => agent.kind === "learned" ? COLOURS[0] : COLOURS[5];
  const span = (name, key) => ({name, get: row => row[`${key}_low`], show: row => missing(row[`${key}_low`]) ? NONE : wording.interval(row[`${key}_low`], row[`${key}_high`]), raw: {[`${key} low`]: row => row[`${key}_low`], [`${key} high`]: row => row[`${key}_high`]}});
  const figure = (name, kind, key, help) => ({name, kind, help, get: row => row[key]});
  return {
    traces: agents.map((agent, number) => {
      const [low, gap, high] = [agent.iqm_gap_low, agent.iqm_gap, agent.iqm_gap_high].map(clip);
      return {type: "scatter", mode: "markers", x: [gap], y: [-number], name: agent.agent, error_x: {array: [high - gap], arrayminus: [gap - low], thickness: 4, width: 0, color: colour(agent)},
        marker: {color: colour(agent), size: 11, symbol: agent.kind === "learned" ? "circle" : "diamond", line: {color: "white", width: 1}},
        hovertemplate: `${plain(agent.agent)}<br>${wording.percent(agent.iqm_gap)} (${wording.interval(agent.iqm_gap_low, agent.iqm_gap_high)})<extra></extra>`};
    }),
    layout: {...layout(100 + 46 * agents.length), xaxis: gapAxis("priced gap to the certified bound"), yaxis: {visible: false, range: [-agents.length + 0.4, 0.75], fixedrange: true}, margin: {l: 16, r: 30, t: 8, b: 56},
      annotations: agents.map((agent, number) => ({x: 0, xref: "paper", xanchor: "left", y: -number + 0.16, yanchor: "bottom", text: plain(bare(section, agent.agent)), showarrow: false, font: {size}}))},
    columns: [
      {name: "agent", title: true, get: row => row.agent},
      {name: "sees", words: true, choices: true, get: row => row.sees},
      {name: "kind", words: true, choices: true, get: row => row.kind},
      {name: "seeds", help: "training runs", get: row => row.kind === "learned" ? row.seeds : null, kind: "quantity"},
      figure("runs", "quantity", "runs"),
      figure("IQM gap, priced", "percent", "iqm_gap", "interquartile mean over seeds and instances"),
      span("95 % interval", "iqm_gap"),
      ...(rival ? [figure("better", "share", "improvement", `probability of being better than ${rival} on an instance`), span("its interval", "improvement")] : []),
      ...(limited ? [figure("limited", "quantity", "limited_value", "mean over all requests, failed ones included"), figure("limit", "quantity", "limited_limit"), figure("violating", "share", "violating", "share of runs beyond the limit"), figure("worst excess", "percent", "worst_excess"), figure("multiplier", "quantity", "multiplier", "of the limit, as learned"), figure("price", "quantity", "limited_price", "multiplier of the certified bounds, mean over instances")] : []),
      figure("decision p50", "seconds", "decision_latency_p50"),
      figure("decision p95", "seconds", "decision_latency_p95"),
      figure("training", "seconds", "training_cpu_seconds", "processor time of one training run"),
      figure("transitions", "quantity", "transitions"),
      {name: "break-even", help: "instances after which training has paid for itself", get: row => row.break_even === "never" ? Infinity : row.break_even, show: row => missing(row.break_even) ? NONE : row.break_even === "never" ? "never" : wording.quantity(Math.ceil(row.break_even)), raw: {"break-even": row => row.break_even}},
    ],
    rows: agents,
  };
};
