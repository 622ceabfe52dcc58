// One instance by itself: its figures, its runs, and its picture, drawn from frames of nodes, links and series alone.
const HEAT = [[0, "#fde9d0"], [0.35, "#e8a15c"], [0.7, "#a4518c"], [1, "#2b1d5c"]];
const SHAPES = ["circle", "square", "diamond", "triangle-up", "cross", "star"];

// Where nodes stand: on the map if they have a place, else in rings around the one with most links, by steps from it.
function places({nodes, links}) {
  const count = nodes.id.length;
  if (nodes.x && nodes.y && !nodes.x.some(missing) && !nodes.y.some(missing)) return {x: nodes.x, y: nodes.y, map: true};
  const number = new Map(nodes.id.map((id, place) => [id, place])), neighbours = nodes.id.map(() => []);
  (links.source ?? []).forEach((source, link) => {
    const a = number.get(source), b = number.get(links.target[link]);
    if (a !== undefined && b !== undefined && a !== b) { neighbours[a].push(b); neighbours[b].push(a); }
  });
  const centre = neighbours.reduce((best, list, node) => list.length > neighbours[best].length ? node : best, 0);
  const steps = Array(count).fill(-1), queue = [centre];
  steps[centre] = 0;
  for (const node of queue) for (const next of neighbours[node]) if (steps[next] < 0) { steps[next] = steps[node] + 1; queue.push(next); }
  const outermost = Math.max(...steps) + 1, x = [], y = [], rings = new Map();
  for (const node of [...queue, ...steps.keys().filter(item => steps[item] < 0)]) {
    const ring = steps[node] < 0 ? outermost : steps[node];
    rings.set(ring, [...(rings.get(ring) ?? []), node]);
  }
  for (const [ring, members] of rings) members.forEach((node, place) => {
    const angle = 2 * Math.PI * place / members.length + Math.PI / 2, radius = ring === 0 && members.length === 1 ? 0 : ring || 0.5;
    x[node] = radius * Math.cos(angle);
    y[node] = radius * Math.sin(angle);
  });
  return {x, y, map: false};
}

const measured = frame => Object.keys(frame).filter(name => name.endsWith("]") && frame[name].some(value => !missing(value)));
const described = (frame, row) => [frame.label[row], ...measured(frame).filter(name => !missing(frame[name][row])).map(name => `${name}: ${wording.quantity(frame[name][row])}`)].map(plain).join("<br>");
const frameColumns = frame => Object.keys(frame).map(name => measured(frame).includes(name)
  ? {name, kind: "quantity", get: row => frame[name][row]} : {name, words: true, get: row => frame[name][row]});

function drawNodes(picture, attribute) {
  const {nodes, links} = picture, {x, y, map} = places(picture);
  const number = new Map(nodes.id.map((id, place) => [id, place])), lines = {x: [], y: []};
  (links.source ?? []).forEach((source, link) => {
    const a = number.get(source), b = number.get(links.target[link]);
    if (a === undefined || b === undefined) return;
    lines.x.push(x[a], x[b], null);
    lines.y.push(y[a], y[b], null);
  });
  const kinds = [...new Set(nodes.kind)], members = nodes.id.map((_, place) => place);
  const known = members.filter(place => attribute && !missing(nodes[attribute][place])), values = known.map(place => nodes[attribute][place]);
  const traces = [{type: "scatter", mode: "lines", ...lines, line: {color: "#aab4be", width: 1}, hoverinfo: "skip"}];
  kinds.forEach((kind, index) => {
    const own = members.filter(place => nodes.kind[place] === kind), heated = own.filter(place => known.includes(place));
    for (const [group, colour] of [[own.filter(place => !heated.includes(place)), "#ffffff"], [heated, heated.map(place => nodes[attribute][place])]]) {
      if (!group.length) continue;
      const scale = group === heated && group.length ? {colorscale: HEAT, cmin: Math.min(...values), cmax: Math.max(...values), showscale: true, colorbar: {thickness: 10, len: 0.8, outlinewidth: 0}} : {};
      traces.push({type: "scatter", mode: "markers", x: group.map(place => x[place]), y: group.map(place => y[place]), text: group.map(place => described(nodes, place)), hovertemplate: "%{text}<extra></extra>",
        name: kind, marker: {size: members.length > 60 ? 9 : 15, symbol: SHAPES[index % SHAPES.length], color: colour, line: {color: INK, width: 1}, ...scale}});
    }
  });
  const plane = title => ({...axis(title), visible: map, scaleanchor: title === "y [m]" ? "x" : undefined});
  const kindsText = kinds.map(kind => `${nodes.kind.filter(item => item === kind).length} × ${kind}`).join(", ");
  return {
    traces, layout: {...layout(420), margin: map ? {l: 62, r: 14, t: 12, b: 56} : {l: 10, r: 10, t: 10, b: 10}, xaxis: plane("x [m]"), yaxis: {...plane("y [m]"), scaleanchor: "x"}},
    under: [element("p", {class: "note"}, `${kindsText}; shapes tell kinds apart${attribute ? `, colour is ${attribute}` : ""}.${map ? "" : " The arrangement has no meaning."}${picture.left_out ? ` ${picture.left_out} more nodes are not drawn.` : ""}`)],
    columns: frameColumns(nodes), rows: members,
  };
}

function drawPanel(panel) {
  const strong = panel.lines.length <= CURVES;
  return {
    traces: panel.lines.map(({line, x, y}, number) => ({type: "scatter", mode: x.length > 1 ? "lines" : "markers", x, y, name: line, hovertemplate: `${plain(line)}<br>%{x}: %{y}<extra></extra>`,
      line: strong ? {color: look(number).colour, dash: look(number).dash, width: 1.8} : {color: "#33228899", width: 1.4}})),
    layout: {...layout(360), xaxis: axis(panel.x_label), yaxis: axis(panel.y_label)},
    under: [element("p", {class: "note"}, `${panel.lines.length} curves${panel.left_out ? `, evenly spaced among ${panel.lines.length + panel.left_out}` : ""}; touch one for its name.`)],
    columns: [{name: "curve", words: true, get: row => row.line}, {name: panel.x_label, kind: "quantity", get: row => row.x}, {name: panel.y_label, kind: "quantity", get: row => row.y}],
    rows: panel.lines.flatMap(({line, x, y}) => x.map((value, point) => ({line, x: value, y: y[point]}))),
  };
}

function openInstance(section, host, instance) {
  const {name, sha256, sense, bound, best} = section.instances;
  const file = `${section.problem}-${name[instance]}`.replace(/[^\w.-]+/g, "-");
  const heading = element("h4", {tabindex: "-1"}, name[instance]);
  const facts = {"to be": sense[instance] === "maximise" ? "maximised" : "minimised", "certified bound": wording.quantity(bound[instance]), "best known": wording.quantity(best[instance]), "hash": `${sha256[instance]}…`};
  const panel = element("div", {class: "panel"}, heading, element("dl", {}, ...Object.entries(facts).flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)])));
  host.replaceChildren(panel);
  const places = section.runs.instance.flatMap((own, run) => own === instance ? [run] : []);
  new Table(panel, {caption: `Runs on ${name[instance]}`, file: `${file}-runs`, unit: "runs", columns: runColumns(section).filter(column => column.name !== "instance"), rows: places});
  const picture = section.pictures[instance];
  if (!picture) {
    panel.append(element("p", {class: "note"}, "No picture here: a page has room for some, spread over the families of instances. ", element("code", {}, `mecbench show ${name[instance]}`), " draws this one in a terminal."));
  } else {
    const attributes = measured(picture.nodes), place = identifier();
    const known = name => picture.nodes[name].filter(value => !missing(value)).length;
    let attribute = [...attributes].sort((a, b) => known(b) - known(a))[0], figure = null;
    if (attributes.length) panel.append(element("div", {class: "tools"}, element("label", {for: place}, "colour of the nodes "),
      element("select", {id: place, onchange: event => { attribute = event.target.value; figure.redraw(); }}, ...attributes.map(value => element("option", {value, selected: value === attribute}, value)))));
    figure = new Figure(panel, {heading: "h5", title: "Nodes and links", text: "The parts of the instance and what connects them.", file: `${file}-nodes`, unit: "nodes", draw: () => drawNodes(picture, attribute)});
    for (const [number, series] of picture.series.entries()) {
      const title = series.panel[0].toUpperCase() + series.panel.slice(1);
      new Figure(panel, {heading: "h5", title, text: `${series.y_label} over ${series.x_label}.`, file: `${file}-series-${number + 1}`, unit: "points", draw: () => drawPanel(series)});
    }
  }
  heading.focus();
}
