// The page itself: a leaderboard whose ticks choose what the figures show, the figures, instances and runs.
const sections = JSON.parse(document.getElementById("data").textContent);

function boardColumns() {
  const interval = (name, key) => ({name, get: row => row[`${key}_low`], show: row => wording.interval(row[`${key}_low`], row[`${key}_high`]), raw: {[`${key} low`]: row => row[`${key}_low`], [`${key} high`]: row => row[`${key}_high`]}});
  const figure = (name, kind, key, help) => ({name, kind, help, get: row => row[key]});
  return [
    {name: "rank", words: true, get: row => row.rank, show: row => row.mark},
    {name: "algorithm", title: true, get: row => row.algorithm},
    {name: "sees", words: true, choices: true, get: row => row.sees},
    {name: "kind", words: true, choices: true, get: row => row.kind},
    figure("mean gap", "percent", "mean_gap"),
    interval("95 % interval", "mean_gap"),
    figure("p", "probability", "paired_p", "paired test against the row above in the full ranking"),
    figure("IQM gap", "percent", "iqm_gap", "mean of the middle half of the instances"),
    interval("IQM interval", "iqm_gap"),
    {name: "solved", get: row => row.solved / row.runs, show: row => `${row.solved}/${row.runs}`, raw: {solved: row => row.solved, runs: row => row.runs}},
    figure("feasible", "share", "feasible_share"),
    figure("median excess", "percent", "median_excess"),
    ...(sections.some(section => section.board.some(row => !missing(row.median_regret))) ? [figure("median regret", "percent", "median_regret", "certified, with missed limits at their price")] : []),
    figure("time", "seconds", "sgm_seconds", "shifted geometric mean"),
    figure("PAR-2", "seconds", "par2_seconds"),
    figure("claims hold", "share", "correctness"),
    ...(sections.some(section => section.board.some(row => row.alarm)) ? [{name: "alarm", words: true, get: row => row.alarm}] : []),
  ];
}

function runColumns(section) {
  const {runs} = section, figure = (name, kind, key = name) => ({name, kind, get: run => runs[key][run]});
  return [
    {name: "instance", words: true, get: run => section.instances.name[runs.instance[run]]},
    {name: "algorithm", title: true, get: run => section.board[runs.algorithm[run]].algorithm},
    figure("seed", "text"),
    {name: "status", words: true, choices: true, get: run => runs.statuses[runs.status[run]]},
    figure("objective", "quantity"),
    figure("violation", "quantity"),
    figure("gap", "percent"),
    {name: "excess", kind: "percent", get: run => runs.excess[run] ?? Infinity},
    figure("time", "seconds", "wall_seconds"),
    {name: "memory", get: run => runs.peak_memory_mib[run], show: run => missing(runs.peak_memory_mib[run]) ? NONE : `${runs.peak_memory_mib[run].toFixed(0)} MiB`, raw: {"memory [MiB]": run => runs.peak_memory_mib[run]}},
  ];
}

function instanceColumns(section, open) {
  const {name, bound, best} = section.instances, {runs} = section;
  const places = name.map(() => []);
  runs.instance.forEach((instance, run) => places[instance].push(run));
  const stats = places.map(own => {
    const gaps = own.map(run => runs.gap[run]).sort((a, b) => a - b);
    const there = own.filter(run => runs.gap_to_best[run] <= 1e-9 && !missing(runs.seconds[run]));
    const fastest = there.reduce((first, run) => first === null || runs.seconds[run] < runs.seconds[first] ? run : first, null);
    return {solved: own.filter(run => runs.solved[run]).length, runs: own.length, median: quantile(gaps, 0.5), largest: gaps.at(-1), fastest};
  });
  return [
    {name: "instance", title: true, get: place => name[place], open},
    {name: "certified bound", kind: "quantity", get: place => bound[place]},
    {name: "best known", kind: "quantity", get: place => best[place]},
    {name: "solved", get: place => stats[place].solved / stats[place].runs, show: place => `${stats[place].solved}/${stats[place].runs}`, raw: {solved: place => stats[place].solved, runs: place => stats[place].runs}},
    {name: "median gap", kind: "percent", get: place => stats[place].median},
    {name: "largest gap", kind: "percent", get: place => stats[place].largest},
    {name: "fastest to the best known", words: true, get: place => stats[place].fastest === null ? null : section.board[runs.algorithm[stats[place].fastest]].algorithm, show: place => stats[place].fastest === null ? "nobody" : `${section.board[runs.algorithm[stats[place].fastest]].algorithm} (${wording.seconds(runs.seconds[stats[place].fastest])})`},
    {name: "picture", words: true, choices: true, get: place => section.pictures[place] ? "yes" : "no"},
  ];
}

// An algorithm keeps its look as long as it is shown.
function choose(section, wanted) {
  for (const algorithm of [...section.slots.keys()]) if (!wanted.has(algorithm)) section.slots.delete(algorithm);
  for (const algorithm of [...wanted].sort((a, b) => a - b)) {
    if (section.slots.has(algorithm)) continue;
    if (section.slots.size >= CURVES) break;
    const taken = new Set(section.slots.values());
    section.slots.set(algorithm, [...Array(CURVES).keys()].find(slot => !taken.has(slot)));
  }
  section.chosen = [...section.slots.keys()].sort((a, b) => a - b);
}

for (const section of sections) {
  const host = document.getElementById(section.problem), part = name => host.querySelector(`.${name}`);
  section.slots = new Map();
  choose(section, new Set(section.board.keys()));
  const figures = [], boxes = new Map();
  const said = element("p", {class: "note", role: "status"});
  const show = () => {
    const full = section.chosen.length >= CURVES;
    for (const [algorithm, box] of boxes) { box.checked = section.slots.has(algorithm); box.disabled = full && !box.checked; }
    said.textContent = `${section.chosen.length} of ${section.board.length} algorithms are drawn, at most ${CURVES} at once${full && section.board.length > CURVES ? ": untick one to choose another." : "."}`;
  };
  const update = () => { show(); for (const figure of figures) figure.redraw(); };
  const table = new Table(part("board"), {
    caption: `${section.problem}: leaderboard`, file: `${section.problem}-leaderboard`, unit: "algorithms", bad: row => row.alarm, leadName: "draw",
    lead: row => {
      const box = element("input", {type: "checkbox", "aria-label": `draw ${row.algorithm}`, onchange: () => {
        const wanted = new Set(section.chosen);
        if (box.checked) wanted.add(row.place); else wanted.delete(row.place);
        choose(section, wanted);
        update();
      }});
      boxes.set(row.place, box);
      return box;
    },
    columns: boardColumns(), rows: section.board.map((row, place) => ({...row, place})),
  });
  const fill = table.fill.bind(table);
  table.fill = () => { boxes.clear(); fill(); show(); };
  const draw = (name, rows) => element("button", {type: "button", onclick: () => { choose(section, new Set(rows().slice(0, CURVES).map(row => row.place))); update(); }}, name);
  part("board").append(element("div", {class: "tools"}, draw(`Draw the first ${CURVES} rows in view`, () => table.visible()), draw("Draw the first two only", () => table.visible().slice(0, 2)), said));
  table.fill();
  for (const [name, plot] of Object.entries(section.plots)) {
    figures.push(new Figure(part("figures"), {...plot, file: `${section.problem}-${name}`, unit: "rows", draw: () => {
      const drawn = plots[name](section, section.chosen);
      return {...drawn, under: [...(plot.keyed ? [key(section, section.chosen)] : []), ...(drawn.under ?? [])]};
    }}));
  }
  new Table(part("instances"), {caption: `${section.problem}: instances`, file: `${section.problem}-instances`, unit: "instances", columns: instanceColumns(section, place => openInstance(section, part("instance"), place)), rows: [...section.instances.name.keys()]});
  const runs = part("runs");
  runs.addEventListener("toggle", () => new Table(runs, {caption: `${section.problem}: all runs`, file: `${section.problem}-runs`, unit: "runs", columns: runColumns(section), rows: [...section.runs.algorithm.keys()]}), {once: true});
  let wasNarrow = narrow();
  addEventListener("resize", () => { if (narrow() !== wasNarrow) { wasNarrow = narrow(); for (const figure of figures) figure.redraw(); } });
}
