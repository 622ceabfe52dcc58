plots.gap_boxes = (section, chosen) => {
  const levels = [0, 1e-4, 1e-3, 1e-2, 0.05, 0.1, 0.25, 0.5];
  const gaps = byAlgorithm(section, "gap").map(list => list.sort((a, b) => a - b));
  const traces = [], annotations = [];
  chosen.forEach((algorithm, number) => {
    const {colour} = look(section.slots.get(algorithm));
    const [low, first, median, third, high] = [0, 0.25, 0.5, 0.75, 1].map(level => [clip(quantile(gaps[algorithm], level))]);
    const name = section.board[algorithm].algorithm;
    traces.push({type: "box", y: [-number], lowerfence: low, q1: first, median, q3: third, upperfence: high, orientation: "h", name, width: 0.34,
      line: {color: colour, width: 2}, fillcolor: `${colour}40`, hoverinfo: "x+name", whiskerwidth: 0.6});
    // Names stand above their boxes: beside them they would leave a phone no room for the figure.
    annotations.push({x: 0, xref: "paper", xanchor: "left", y: -number + 0.2, yanchor: "bottom", text: plain(bare(section, name)), align: "left", showarrow: false, font: {size: narrow() ? 11 : 13}});
  });
  const row = algorithm => ({algorithm, gaps: gaps[algorithm], ...section.board[algorithm]});
  return {
    traces,
    layout: {...layout(100 + 50 * chosen.length), annotations, xaxis: gapAxis("gap to the certified bound"), yaxis: {visible: false, range: [-chosen.length + 0.4, 0.75], fixedrange: true}, margin: {l: 16, r: 30, t: 8, b: 56}},
    columns: [
      {name: "algorithm", title: true, get: item => section.board[item.place].algorithm},
      ...levels.map(level => ({name: level ? `≤ ${wording.percent(level)}` : "0 %", kind: "share", help: "share of runs with at most this gap", get: item => item.gaps.filter(gap => gap <= Math.max(level, 1e-9)).length / item.gaps.length})),
      {name: "median gap", kind: "percent", get: item => quantile(item.gaps, 0.5)},
      {name: "largest gap", kind: "percent", get: item => item.gaps.at(-1)},
      {name: "IQM gap", kind: "percent", get: item => item.iqm_gap},
      {name: "its 95 % interval", get: item => item.iqm_gap_low, show: item => wording.interval(item.iqm_gap_low, item.iqm_gap_high), raw: {"IQM gap low": item => item.iqm_gap_low, "IQM gap high": item => item.iqm_gap_high}},
    ],
    rows: section.board.map((_, place) => ({...row(place), place})),
  };
};
