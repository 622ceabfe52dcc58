// Dolan and Moré's profile of the chosen algorithms, as reports/profiles.py defines it; a test compares the two.
function performanceProfile(section, chosen, {target, floor}) {
  const {runs} = section, solved = new Map(chosen.map(algorithm => [algorithm, new Map()])), all = new Set(), fastest = new Map();
  runs.algorithm.forEach((algorithm, run) => {
    if (!solved.has(algorithm)) return;
    const pair = `${runs.instance[run]} ${runs.seed[run]}`;
    all.add(pair);
    if (!runs.solved[run] || !(runs.gap_to_best[run] <= target)) return;
    const time = Math.max(floor, runs.seconds[run]);
    const times = solved.get(algorithm);
    times.set(pair, Math.min(time, times.get(pair) ?? Infinity));
    fastest.set(pair, Math.min(time, fastest.get(pair) ?? Infinity));
  });
  return new Map(chosen.map(algorithm => {
    const ratios = [...solved.get(algorithm)].map(([pair, time]) => time / fastest.get(pair)).sort((a, b) => a - b);
    const x = [1], y = [0];
    ratios.forEach((ratio, number) => {
      if (ratio > x.at(-1)) { x.push(ratio); y.push(0); }
      y[y.length - 1] = (number + 1) / all.size;
    });
    return [algorithm, {x, y}];
  }));
}

plots.performance_profile = (section, chosen) => {
  const curves = performanceProfile(section, chosen, section.plots.performance_profile.data);
  const furthest = Math.max(10, 1.2 * Math.max(...[...curves.values()].map(curve => curve.x.at(-1))));
  const within = (row, ratio) => { const {x, y} = curves.get(row.algorithm); return y[x.findLastIndex(step => step <= ratio * (1 + 1e-12))]; };
  return {
    traces: chosen.map(algorithm => {
      const {colour, dash} = look(section.slots.get(algorithm)), {x, y} = curves.get(algorithm);
      const name = section.board[algorithm].algorithm;
      return {type: "scatter", mode: "lines", x: [...x, furthest], y: [...y, y.at(-1)], name, line: {color: colour, dash, width: 2.2, shape: "hv"}, hovertemplate: `${plain(name)}<br>%{y:.0%} within %{x:.3g} times the fastest<extra></extra>`};
    }),
    layout: {...layout(420), xaxis: {...axis(narrow() ? "times the fastest shown" : "time as a multiple of the fastest shown"), type: "log", range: [-0.02, Math.log10(furthest)], dtick: 1}, yaxis: {...axis("share of runs solved"), range: [-0.02, 1.04], tickformat: ".0%"}},
    columns: [named(section), ...[1, 2, 5, 10, 100, 1000].map(ratio => ({name: `${ratio}×`, kind: "share", get: row => within(row, ratio)})), {name: "ever", kind: "share", get: row => curves.get(row.algorithm).y.at(-1)}],
    rows: chosen.map(algorithm => ({algorithm})),
  };
};
