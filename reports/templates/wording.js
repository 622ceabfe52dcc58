// Figures as people read them: the same rules as reports/wording.py, which a test compares.
const NONE = "-";
const missing = value => value === null || value === undefined || Number.isNaN(value);

// As Python's format `g` writes a number.
function general(value, digits) {
  const rounded = Number(value.toPrecision(digits));
  if (rounded === 0 || (Math.abs(rounded) >= 1e-4 && Math.abs(rounded) < 10 ** digits)) return String(rounded);
  const [figures, power] = rounded.toExponential(digits - 1).split("e");
  return `${Number(figures)}e${power[0]}${power.slice(1).padStart(2, "0")}`;
}

const wording = {
  percent(value) {
    if (missing(value)) return NONE;
    if (!Number.isFinite(value)) return "∞";
    if (Math.abs(value) < 1e-12) return "0 %";
    if (Math.abs(value) < 5e-5) return `${general(100 * value, 1)} %`;
    return Math.abs(value) < 10 ? `${(100 * value).toFixed(2)} %` : `${Number((100 * value).toPrecision(3)).toFixed(0)} %`;
  },
  interval(low, high) {
    const first = wording.percent(low), last = wording.percent(high);
    return first === last ? last : `${first.replace(/ %$/, "")} to ${last}`;
  },
  probability(value) {
    if (missing(value)) return NONE;
    return value < 1e-4 ? "< 0.0001" : general(value, 2);
  },
  share(value) {
    if (missing(value)) return NONE;
    let whole = Math.round(100 * value);
    if ((100 * value) % 1 === 0.5 && whole % 2) whole -= 1; // halves to even, as Python rounds
    if (whole === 100 && value < 1) whole = 99;
    else if (whole === 0 && value > 0) whole = 1;
    return `${whole} %`;
  },
  seconds(value) {
    if (missing(value)) return NONE;
    if (!Number.isFinite(value)) return "∞";
    if (value < 0.0995) return `${general(1000 * value, 3)} ms`;
    return value < 99.5 ? `${general(value, 3)} s` : `${value.toFixed(0)} s`;
  },
  quantity(value) {
    if (missing(value)) return NONE;
    return Number.isFinite(value) ? general(value, 6) : "∞";
  },
  text: value => missing(value) ? NONE : String(value),
};
