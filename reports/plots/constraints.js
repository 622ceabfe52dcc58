plots.constraints = (section, chosen) => {
  const {families, shares} = section.plots.constraints.data;
  const share = (algorithm, family) => shares[section.board[algorithm].algorithm][family];
  const z = chosen.map(algorithm => families.map((_, family) => share(algorithm, family)));
  const lines = Math.max(1, ...chosen.map(algorithm => label(section, section.board[algorithm].algorithm).split("<br>").length));
  return {
    traces: [{type: "heatmap", x: families, y: chosen.map((_, number) => number), z, zmin: 0, zmax: 1, xgap: 2, ygap: 2, showscale: false, colorscale: [[0, "#08306b"], [0.5, "#4a90c2"], [1, "#e3eef8"]],
      text: z.map(row => row.map(wording.share)), texttemplate: "%{text}", customdata: chosen.map(algorithm => families.map(() => plain(section.board[algorithm].algorithm))), hovertemplate: "%{customdata}<br>%{x}: %{text}<extra></extra>"}],
    layout: {...layout(110 + (14 + 18 * lines) * Math.max(1, chosen.length)), margin: {l: 20, r: 14, t: 8, b: 60},
      xaxis: {...axis(""), showgrid: false, ticks: "", type: "category"},
      yaxis: {...axis(""), autorange: "reversed", showgrid: false, ticks: "", tickvals: chosen.map((_, number) => number), ticktext: chosen.map(algorithm => label(section, section.board[algorithm].algorithm)), tickfont: {size: narrow() ? 11 : 13}}},
    columns: [named(section), ...families.map((name, family) => ({name, kind: "share", get: row => share(row.algorithm, family)}))],
    rows: section.board.map((_, algorithm) => ({algorithm})),
  };
};
