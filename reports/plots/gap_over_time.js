plots.gap_over_time = (section, chosen) => {
  const {moments, curves} = section.plots.gap_over_time.data;
  const curve = algorithm => curves[section.board[algorithm].algorithm];
  const at = (algorithm, time) => curve(algorithm)[Math.max(0, moments.findLastIndex(moment => moment <= time * 1.0001))];
  const times = [0.001, 0.01, 0.1, 1, 10, 100, 1000].filter(time => time <= moments.at(-1));
  return {
    traces: chosen.map(algorithm => {
      const {colour, dash} = look(section.slots.get(algorithm));
      const name = section.board[algorithm].algorithm;
      return {type: "scatter", mode: "lines", x: moments, y: curve(algorithm).map(clip), name, line: {color: colour, dash, width: 2.2, shape: "hv"},
        text: curve(algorithm).map(gap => wording.percent(gap)), hovertemplate: `${plain(name)}<br>%{text} after %{x:.3g} s<extra></extra>`};
    }),
    layout: {...layout(420), xaxis: timeAxis("wall-clock time of a run", moments[0], moments.at(-1)), yaxis: gapAxis("mean gap")},
    columns: [named(section), ...times.map(time => ({name: `after ${wording.seconds(time)}`, kind: "percent", get: row => at(row.algorithm, time)})), {name: "at the end", kind: "percent", get: row => curve(row.algorithm).at(-1)}],
    rows: section.board.map((_, algorithm) => ({algorithm})),
  };
};
