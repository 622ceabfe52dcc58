// What all plots share: looks, axes, and the frame of a figure with its words, key, downloads and table.
const plots = {};
const CURVES = 12; // more cannot be told apart
// Safe for colour-blind readers and at least 3:1 against white; a second round of them is dashed.
const COLOURS = ["#332288", "#d55e00", "#117733", "#3c9bd5", "#882255", "#8c8c8c"];
const DASHES = ["solid", "6px,4px"];
const SYMBOLS = ["circle", "diamond"];
const LEAST_GAP = 1e-6; // left end of the logarithmic gap axis; smaller gaps, zero among them, are drawn there
const LEAST_SECONDS = 1e-3;
const INK = "#1f2933", FAINT = "#d9dee4";
const QUIET = {responsive: true, displayModeBar: false};

const look = slot => ({colour: COLOURS[slot % COLOURS.length], dash: DASHES[Math.floor(slot / COLOURS.length)], symbol: SYMBOLS[Math.floor(slot / COLOURS.length)]});
const plain = text => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"); // that Plotly does not take for markup
const narrow = () => innerWidth < 700;

const layout = height => ({
  height, showlegend: false, margin: {l: 62, r: 14, t: 12, b: 56}, hovermode: "closest", paper_bgcolor: "white", plot_bgcolor: "white",
  font: {family: "system-ui, sans-serif", size: 13, color: INK}, dragmode: false,
});
const axis = title => ({title: {text: title}, gridcolor: FAINT, linecolor: INK, zeroline: false, ticks: "outside", automargin: true, fixedrange: true});
const gapAxis = title => ({...axis(title), type: "log", range: [Math.log10(LEAST_GAP) - 0.25, 0.15], tickvals: [1e-6, 1e-4, 1e-2, 0.1, 1], ticktext: ["≤ 0.0001 %", "0.01 %", "1 %", "10 %", "100 %"]});
const timeAxis = (title, shortest, longest) => {
  const ticks = [-3, -2, -1, 0, 1, 2, 3, 4, 5].map(power => 10 ** power);
  return {...axis(title), type: "log", range: [Math.log10(shortest), Math.log10(longest)], tickvals: ticks, ticktext: ticks.map(tick => wording.seconds(tick))};
};
const bare = (section, algorithm) => algorithm.startsWith(`${section.problem}/`) ? algorithm.slice(section.problem.length + 1) : algorithm;
// A name as a label of an axis; a long one stands in several lines, shorter ones on a phone.
function label(section, algorithm) {
  const most = narrow() ? 16 : 34;
  const lines = [""];
  for (const part of bare(section, algorithm).match(/[^:,=/-]*[:,=/-]|[^:,=/-]+/g) ?? [algorithm]) {
    if (lines.at(-1) && (lines.at(-1) + part).length > most) lines.push("");
    lines[lines.length - 1] += part;
  }
  return lines.map(plain).join("<br>");
}
const clip = gap => Math.max(LEAST_GAP, gap);
const named = section => ({name: "algorithm", title: true, get: row => section.board[row.algorithm].algorithm});

function quantile(sorted, level) {
  const place = level * (sorted.length - 1), below = Math.floor(place);
  return sorted[below] + (place - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
}

// Values of a column of the runs by algorithm: places in the leaderboard.
function byAlgorithm(section, column) {
  const lists = section.board.map(() => []);
  section.runs.algorithm.forEach((algorithm, run) => lists[algorithm].push(section.runs[column][run]));
  return lists;
}

const key = (section, chosen) => legend(chosen.map(algorithm => ({...look(section.slots.get(algorithm)), name: section.board[algorithm].algorithm})));

function legend(entries) {
  return element("ul", {class: "key"}, ...entries.map(({colour, dash, symbol, name}) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [name, value] of [["width", 30], ["height", 12], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
    const part = (tag, attributes) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
      svg.append(made);
    };
    part("line", {x1: 0, y1: 6, x2: 30, y2: 6, stroke: colour, "stroke-width": 2.4, ...(dash === "solid" ? {} : {"stroke-dasharray": "6 4"})});
    if (symbol === "circle") part("circle", {cx: 15, cy: 6, r: 4.5, fill: colour});
    else part("path", {d: "M15 0.5 20.5 6 15 11.5 9.5 6Z", fill: colour});
    return element("li", {}, svg, element("span", {}, ...breakable(name)));
  }));
}

// A figure that is never without its words, its table and its downloads. `draw` returns what a plot does.
class Figure {
  constructor(host, {title, text, reading, file, heading = "h3", draw, unit}) {
    this.draw = draw;
    this.plot = element("div", {class: "plot", role: "img", "aria-label": `${title}; the table below it has the figures`});
    this.under = element("div");
    const save = async () => {
      const address = await Plotly.toImage(this.plot, {format: "svg", width: this.plot.clientWidth, height: this.plot.clientHeight});
      download(`${file}.svg`, "image/svg+xml", decodeURIComponent(address.slice(address.indexOf(",") + 1)));
    };
    const details = element("details", {}, element("summary", {}, "The same as a table"));
    this.table = new Table(details, {caption: title, file, unit, apart: true});
    host.append(element(heading, {}, title), element("p", {}, text),
      ...(reading ? [element("details", {class: "reading"}, element("summary", {}, "How to read this figure"), element("p", {}, reading))] : []),
      element("figure", {}, this.plot, this.under), element("div", {class: "tools"}, element("button", {type: "button", "aria-label": `SVG: ${title}`, onclick: save}, "SVG"), this.table.save()), details);
    this.redraw();
  }

  redraw() {
    const drawn = this.draw();
    this.plot.style.height = `${drawn.layout.height}px`;
    Plotly.react(this.plot, drawn.traces, drawn.layout, QUIET);
    this.under.replaceChildren(...(drawn.under ?? []));
    this.table.set(drawn.columns, drawn.rows);
  }
}
