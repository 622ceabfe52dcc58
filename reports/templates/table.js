// Tables that sort and filter. A column is {name, get: row => value, kind: a rule of `wording`} with, where wanted,
// show: row => text; words: aligned to the left; title: bold, may break between its parts; choices: a list to filter by;
// open: row => called by a click on the cell; raw: {name: row => value} instead of the value in the CSV file; help: in words.
const PAGE = 100; // rows shown at first, and more at each request: tens of thousands at once would stop a phone

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

let identifiers = 0;
const identifier = () => `part-${++identifiers}`;

// A name that a narrow column may break between its parts, and that is still copied as it is.
function breakable(name) {
  const parts = name.match(/[^:,]*[:,]|[^:,]+/g) ?? [name];
  return parts.flatMap((part, number) => [...(number ? [element("wbr")] : []), element("span", {class: "part"}, part)]);
}

function download(name, kind, text) {
  const address = URL.createObjectURL(new Blob([text], {type: kind}));
  element("a", {href: address, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000); // a busy machine begins to save late
}

function csv(columns, rows) {
  const cells = columns.flatMap(column => Object.entries(column.raw ?? {[column.name]: column.get}));
  const quoted = value => missing(value) ? "" : /[",\n\r]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
  return [cells.map(([name]) => quoted(name)), ...rows.map(row => cells.map(([, get]) => quoted(get(row))))].map(line => line.join(",")).join("\r\n") + "\r\n";
}

// What is missing comes last in either direction.
function compare(a, b, sign) {
  if (missing(a) || missing(b)) return missing(a) - missing(b);
  return sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", {numeric: true}));
}

// options: caption, file (name of the CSV file), unit (what a row is), lead (row => node of a first column), leadName,
// apart (the button that saves stands elsewhere), bad (row => whether it is red).
class Table {
  constructor(host, options) {
    Object.assign(this, {lead: null, bad: () => false, unit: "rows", columns: [], rows: [], sorted: null, sign: 1, shown: PAGE}, options);
    this.choices = {};
    this.status = element("span", {class: "status", role: "status"});
    this.tools = element("div", {class: "tools"});
    this.head = element("thead");
    this.body = element("tbody");
    this.more = element("button", {type: "button", hidden: true, onclick: () => { this.shown += 10 * PAGE; this.fill(); }});
    this.scroll = element("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": this.caption},
      element("table", {}, element("caption", {class: "hidden"}, this.caption), this.head, this.body));
    host.append(this.tools, this.scroll, this.more);
    this.set(this.columns, this.rows);
  }

  set(columns, rows) {
    const same = columns.map(column => column.name).join("\n") === this.columns.map(column => column.name).join("\n");
    Object.assign(this, {columns, rows});
    if (!same || !this.head.childElementCount) { this.sorted = null; this.header(); }
    this.toolbar();
    this.fill();
  }

  header() {
    this.head.replaceChildren(element("tr", {}, ...(this.lead ? [element("th", {scope: "col"}, this.leadName)] : []),
      ...this.columns.map((column, number) => element("th", {scope: "col", class: column.words || column.title ? "text" : null},
        element("button", {type: "button", title: column.help, onclick: () => this.sort(number)}, column.name, element("span", {class: "arrow", "aria-hidden": "true"}))))));
  }

  toolbar() {
    if (this.tools.childElementCount && !this.columns.some(column => column.choices)) return;
    const search = identifier();
    const field = (place, name, control) => element("span", {class: "field"}, element("label", {for: place}, name), control);
    const fields = [field(search, "Filter", element("input", {id: search, type: "search", value: this.words ?? "", oninput: event => { this.words = event.target.value; this.filtered(); }}))];
    for (const column of this.columns.filter(item => item.choices)) {
      const known = [...new Set(this.rows.map(row => String(column.get(row))))].sort();
      const place = identifier();
      const options = ["", ...known].map(value => element("option", {value, selected: value === (this.choices[column.name] ?? "")}, value || "any"));
      fields.push(field(place, column.name, element("select", {id: place, onchange: event => { this.choices[column.name] = event.target.value; this.filtered(); }}, ...options)));
    }
    this.tools.replaceChildren(...fields, ...(this.apart ? [] : [this.save()]), this.status);
  }

  save() { return element("button", {type: "button", "aria-label": `CSV: ${this.caption}`, onclick: () => download(`${this.file}.csv`, "text/csv", csv(this.columns, this.visible()))}, "CSV"); }

  filtered() { this.shown = PAGE; this.fill(); }

  sort(number) {
    this.sign = this.sorted === number ? -this.sign : 1;
    this.sorted = number;
    this.fill();
  }

  text(column, row) { return column.show ? column.show(row) : wording[column.kind ?? "text"](column.get(row)); }

  visible() {
    const words = (this.words ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const kept = this.rows.filter(row =>
      this.columns.every(column => !column.choices || !this.choices[column.name] || String(column.get(row)) === this.choices[column.name])
      && (!words.length || (line => words.every(word => line.includes(word)))(this.columns.map(column => this.text(column, row)).join(" ").toLowerCase())));
    if (this.sorted === null) return kept;
    const {get} = this.columns[this.sorted];
    return kept.sort((a, b) => compare(get(a), get(b), this.sign));
  }

  fill() {
    const rows = this.visible();
    const headers = [...this.head.querySelectorAll("th")].slice(this.lead ? 1 : 0);
    headers.forEach((header, number) => {
      if (number === this.sorted) header.setAttribute("aria-sort", this.sign > 0 ? "ascending" : "descending");
      else header.removeAttribute("aria-sort");
    });
    this.body.replaceChildren(...rows.slice(0, this.shown).map(row => this.row(row)));
    this.status.textContent = rows.length === this.rows.length ? `${rows.length} ${this.unit}` : `${rows.length} of ${this.rows.length} ${this.unit}`;
    this.more.hidden = rows.length <= this.shown;
    this.more.textContent = `Show more of the ${rows.length - this.shown} ${this.unit} left`;
  }

  row(row) {
    const made = element("tr", {class: this.bad(row) ? "bad" : null});
    if (this.lead) made.append(element("td", {}, this.lead(row)));
    for (const column of this.columns) {
      const text = this.text(column, row);
      const content = column.title ? breakable(text) : [text];
      const kind = column.title ? "name" : column.words ? "text" : null;
      const cell = element("td", {class: kind});
      cell.append(...(column.open ? [element("button", {type: "button", class: "open", onclick: () => column.open(row)}, ...content)] : content));
      made.append(cell);
    }
    return made;
  }
}
