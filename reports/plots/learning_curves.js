plots.learning_curves = section => {
  const {curves} = section.plots.learning_curves.data;
  const agents = [...new Set(curves.map(curve => curve.agent))];
  const style = curve => look(agents.indexOf(curve.agent) % CURVES);
  const titles = {reward: "mean reward", cost: "limited", multiplier: "multiplier"};
  const panels = Object.keys(titles).filter(name => curves.some(curve => curve[name].some(value => !missing(value))));
  const part = 1 / panels.length, rim = 0.04;
  const side = panel => panel ? `y${panel + 1}` : "y";
  const last = list => list.findLast(value => !missing(value)) ?? null;
  const title = curve => `${plain(curve.agent)}, seed ${missing(curve.seed) ? "?" : curve.seed}`;
  const traces = panels.flatMap((name, panel) => curves.filter(curve => curve[name].some(value => !missing(value))).flatMap(curve => {
    const {colour, dash} = style(curve);
    const chosen = curve.transitions.reduce((best, at, point) => missing(curve.chosen) || Math.abs(at - curve.chosen) >= Math.abs((curve.transitions[best] ?? Infinity) - curve.chosen) || missing(curve[name][point]) ? best : point, -1);
    const common = {type: "scatter", yaxis: side(panel), name: `${curve.agent}, seed ${curve.seed}`};
    return [
      {...common, mode: "lines", x: curve.transitions, y: curve[name], line: {color: colour, dash, width: 1.8}, hovertemplate: `${title(curve)}<br>%{y:.4g} after %{x:.3s}<extra></extra>`},
      ...(chosen < 0 ? [] : [{...common, mode: "markers", x: [curve.transitions[chosen]], y: [curve[name][chosen]], marker: {color: colour, size: 8, line: {color: "white", width: 1}}, hovertemplate: `${title(curve)}<br>chosen by validation<extra></extra>`}]),
    ];
  }));
  const limits = [...new Set(curves.map(curve => curve.limit).filter(limit => !missing(limit)))];
  const heights = Object.fromEntries(panels.map((name, panel) => {
    const domain = [1 - (panel + 1) * part + (panel + 1 < panels.length ? rim : 0), 1 - panel * part - (panel ? rim : 0)];
    const positive = name === "cost" && curves.every(curve => curve.cost.every(value => missing(value) || value > 0));
    return [`yaxis${panel ? panel + 1 : ""}`, {...axis(titles[name]), domain, ...(positive ? {type: "log", dtick: "D2", tickformat: "~g"} : {tickformat: "~g"})}];
  }));
  const shapes = panels.includes("cost") ? limits.map(limit => ({type: "line", xref: "paper", x0: 0, x1: 1, yref: side(panels.indexOf("cost")), y0: limit, y1: limit, line: {color: INK, dash: "dash", width: 1.2}})) : [];
  return {
    traces,
    layout: {...layout(100 + 190 * panels.length), ...heights, shapes, xaxis: {...axis("transitions learned from"), anchor: side(panels.length - 1), tickformat: "~s"}},
    under: [legend(agents.map((agent, number) => ({...look(number % CURVES), name: agent})))],
    columns: [
      {name: "agent", title: true, get: curve => curve.agent},
      {name: "seed", kind: "text", get: curve => curve.seed},
      {name: "transitions", kind: "quantity", get: curve => last(curve.transitions)},
      {name: "first reward", kind: "quantity", get: curve => curve.reward.find(value => !missing(value)) ?? null},
      {name: "last reward", kind: "quantity", get: curve => last(curve.reward)},
      {name: "last limited", kind: "quantity", get: curve => last(curve.cost)},
      {name: "limit", kind: "quantity", get: curve => curve.limit},
      {name: "last multiplier", kind: "quantity", get: curve => last(curve.multiplier)},
      {name: "chosen after", kind: "quantity", get: curve => curve.chosen},
    ],
    rows: curves,
  };
};
