// Formats numbers and times, the same way everywhere.

const fixed = new Map();

/** A number with fixed decimals and separated thousands; a dash if missing. */
export function number(value, decimals = 2) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!fixed.has(decimals)) {
    fixed.set(decimals, new Intl.NumberFormat("en-US", {
      minimumFractionDigits: decimals, maximumFractionDigits: decimals,
    }));
  }
  return fixed.get(decimals).format(value);
}

/** A number with its sign, for profits. */
export function signed(value, decimals = 2) {
  if (value === null || value === undefined) return "–";
  const text = number(Math.abs(value), decimals);
  return Number(text.replaceAll(",", "")) === 0 ? text : (value < 0 ? "−" : "+") + text;
}

/** A fraction as signed per cent. */
export const percent = (fraction, decimals = 2) =>
  fraction === null || fraction === undefined ? "–" : `${signed(fraction * 100, decimals)} %`;

/** An amount of the base currency, without trailing zeros. */
export const amount = (value) =>
  value === null || value === undefined ? "–" : number(value, 8).replace(/(\.\d{4}\d*?)0+$/, "$1");

/** Millions as millions: 12345678 → 12.3 M. */
export function large(value) {
  if (value === null || value === undefined) return "–";
  for (const [size, unit] of [[1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= size) return `${number(value / size, 1)} ${unit}`;
  }
  return number(value, 0);
}

/** The time of day, UTC. */
export const time = (ms) => (ms ? new Date(ms).toISOString().slice(11, 19) : "–");

/** Date and time of day, UTC. */
export const moment = (ms) =>
  ms ? `${new Date(ms).toISOString().slice(0, 10)} ${time(ms)}` : "–";

/** A duration in its largest whole unit. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${number(seconds / 3600, 1)} h`;
}
