plots.cost_and_limit = (section, chosen) => {
  const {names, ...figures} = section.plots.cost_and_limit.data;
  const place = new Map(names.map((name, number) => [name, number]));
  const of = (algorithm, key) => figures[key][place.get(section.board[algorithm].algorithm)] ?? null;
  const drawn = chosen.filter(algorithm => of(algorithm, "strain") > 0 && of(algorithm, "cost") > 0);
  const points = drawn.map(algorithm => ({algorithm, x: of(algorithm, "strain"), y: of(algorithm, "cost")}));
  const front = points.filter(point => !points.some(other => other.x <= point.x && other.y <= point.y && (other.x < point.x || other.y < point.y))).sort((a, b) => a.x - b.x || b.y - a.y);
  const [low, high] = [Math.min(1, ...points.map(point => point.y)), Math.max(1, ...points.map(point => point.y))];
  const times = value => `${wording.quantity(Number(value.toPrecision(3)))}×`;
  const ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
  const scale = (title, values) => {
    const [least, most] = [Math.log10(Math.min(1, ...values)), Math.log10(Math.max(1, ...values))], rim = 0.06 * (most - least) + 0.02;
    // Where all lie within a factor of two the round numbers are too few.
    const shown = most - least < 0.3 ? [...Array(41).keys()].map(step => 0.5 + step / 20) : ticks;
    return {...axis(title), type: "log", range: [least - rim, most + rim], tickvals: shown.filter(tick => most - least < 0.08 || most - least >= 0.3 || Math.round(20 * tick) % 2 === 0), ticktext: undefined, tickformat: "~g"};
  };
  return {
    traces: [
      {type: "scatter", mode: "lines", x: [1, 1], y: [low / 1.3, high * 1.3], line: {color: INK, dash: "dash", width: 1.2}, hoverinfo: "skip"},
      {type: "scatter", mode: "lines", x: front.map(point => point.x), y: front.map(point => point.y), line: {color: "#8c8c8c", width: 1, shape: "hv"}, hoverinfo: "skip"},
      ...points.map(({algorithm, x, y}) => {
        const {colour, symbol} = look(section.slots.get(algorithm));
        const name = section.board[algorithm].algorithm;
        return {type: "scatter", mode: "markers", x: [x], y: [y], name, marker: {color: colour, symbol, size: 13, line: {color: "white", width: 1}}, hovertemplate: `${plain(name)}<br>${times(y)} the bound at ${times(x)} the limit<extra></extra>`};
      }),
    ].filter(trace => trace.x.length),
    layout: {...layout(420), xaxis: scale("limited quantity / limit", points.map(point => point.x)), yaxis: scale("objective / bound", points.map(point => point.y))},
    columns: [
      named(section),
      {name: "objective / bound", kind: "quantity", get: row => of(row.algorithm, "cost")},
      {name: "limited / limit", kind: "quantity", get: row => of(row.algorithm, "strain")},
      {name: "largest", kind: "quantity", help: "of a single run", get: row => of(row.algorithm, "worst")},
      {name: "violating", kind: "share", get: row => of(row.algorithm, "violating")},
      {name: "runs with a solution", kind: "quantity", get: row => of(row.algorithm, "counted") ?? 0},
    ],
    rows: section.board.map((_, algorithm) => ({algorithm})),
  };
};
