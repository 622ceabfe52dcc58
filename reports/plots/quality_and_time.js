plots.quality_and_time = (section, chosen) => {
  const rows = section.board.map((row, algorithm) => ({...row, algorithm}));
  const time = row => Math.max(LEAST_SECONDS, row.sgm_seconds);
  const drawn = chosen.map(algorithm => rows[algorithm]);
  const latency = rows.some(row => !missing(row.decision_latency_p50)) ? ["p50", "p95"] : [];
  return {
    traces: drawn.map(row => {
      const {colour, symbol} = look(section.slots.get(row.algorithm));
      const [low, gap, high] = [row.mean_gap_low, row.mean_gap, row.mean_gap_high].map(clip);
      const name = section.board[row.algorithm].algorithm;
      return {type: "scatter", mode: "markers", x: [time(row)], y: [gap], name, error_y: {array: [high - gap], arrayminus: [gap - low], thickness: 1.5, width: 3},
        marker: {color: colour, symbol, size: 13, line: {color: "white", width: 1}}, hovertemplate: `${plain(name)}<br>${wording.percent(row.mean_gap)}, ${wording.seconds(row.sgm_seconds)}<extra></extra>`};
    }),
    layout: {...layout(420), xaxis: timeAxis("time", Math.min(...drawn.map(time), 1) / 2, 2 * Math.max(...drawn.map(time), LEAST_SECONDS)), yaxis: gapAxis("mean gap")},
    columns: [
      named(section),
      {name: "mean gap", kind: "percent", get: row => row.mean_gap},
      {name: "time", kind: "seconds", get: row => row.sgm_seconds},
      {name: "primal integral", kind: "percent", get: row => row.primal_integral},
      {name: "gap to best", kind: "percent", get: row => row.mean_gap_to_best},
      ...latency.map(part => ({name: `decision ${part}`, kind: "seconds", get: row => row[`decision_latency_${part}`]})),
    ],
    rows,
  };
};
