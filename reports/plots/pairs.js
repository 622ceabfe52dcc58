plots.pairs = (section, chosen) => {
  const {tested, instances, improvement, p, p_holm} = section.plots.pairs.data;
  const place = (first, second) => first * (2 * tested.length - first - 1) / 2 + second - first - 1;
  const shown = chosen.filter(algorithm => algorithm < tested.length);
  const cell = (row, column) => {
    if (row === column) return {better: null, text: ""};
    const pair = place(Math.min(row, column), Math.max(row, column));
    const better = missing(improvement[pair]) ? null : row < column ? improvement[pair] : 1 - improvement[pair];
    return {better, star: p_holm[pair] !== null && p_holm[pair] < 0.05, pair};
  };
  const cells = shown.map(row => shown.map(column => cell(row, column)));
  const text = cells.map(row => row.map(item => missing(item.better) ? "" : `${Math.round(100 * item.better)}${item.star ? "*" : ""}`));
  const name = algorithm => plain(section.board[algorithm].algorithm);
  const hover = shown.map((row, i) => shown.map((column, j) => missing(cells[i][j].better) ? "" : `${name(row)}<br>better than ${name(column)}<br>on ${wording.share(cells[i][j].better)} of ${instances[cells[i][j].pair]} instances, p ${wording.probability(p_holm[cells[i][j].pair])}`));
  const small = narrow(); // a phone has room for numbers only, named below
  const tick = (algorithm, number) => small ? String(number + 1) : `${label(section, section.board[algorithm].algorithm)}  ${number + 1}`;
  const lines = Math.max(1, ...shown.map((algorithm, number) => tick(algorithm, number).split("<br>").length));
  const ticks = shown.map((_, number) => number);
  const pairs = [];
  for (let first = 0; first < tested.length; first++) for (let second = first + 1; second < tested.length; second++) pairs.push({first, second, pair: place(first, second)});
  return {
    traces: [{type: "heatmap", x: ticks, y: ticks, z: cells.map(row => row.map(item => item.better)), zmin: 0, zmax: 1, xgap: 2, ygap: 2, showscale: false, colorscale: [[0, "#d98a4b"], [0.5, "#f7f7f7"], [1, "#5a9bd0"]],
      text, texttemplate: "%{text}", textfont: {size: small ? 10 : 13, color: "#111"}, customdata: hover, hovertemplate: "%{customdata}<extra></extra>", hoverongaps: false}],
    layout: {...layout(90 + (14 + 16 * lines) * Math.max(1, shown.length)), margin: {l: 20, r: 14, t: 8, b: 50},
      xaxis: {...axis("against the row of this number, %"), showgrid: false, ticks: "", tickvals: ticks, tickangle: 0, ticktext: shown.map((_, number) => String(number + 1))},
      yaxis: {...axis(""), autorange: "reversed", showgrid: false, ticks: "", tickvals: ticks, ticktext: shown.map(tick)}},
    under: small ? [element("ol", {class: "key"}, ...shown.map(algorithm => element("li", {}, section.board[algorithm].algorithm)))] : [],
    columns: [
      {name: "algorithm", title: true, get: row => tested[row.first]},
      {name: "against", words: true, get: row => tested[row.second]},
      {name: "better", kind: "share", help: "probability that the first is better on an instance", get: row => improvement[row.pair]},
      {name: "instances", get: row => instances[row.pair]},
      {name: "p", kind: "probability", help: "Wilcoxon signed-rank", get: row => p[row.pair]},
      {name: "p (Holm)", kind: "probability", help: "corrected for all pairs", get: row => p_holm[row.pair]},
      {name: "verdict", words: true, choices: true, get: row => missing(p_holm[row.pair]) ? "no common instance" : p_holm[row.pair] < 0.05 ? "differs" : "not separable"},
    ],
    rows: pairs,
  };
};
