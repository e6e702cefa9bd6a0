// The three charts, drawn by plotly from the page's state.

import { large, number } from "./format.js";
import { colours } from "./theme.js";

const CONFIG = { displayModeBar: false, scrollZoom: false };
const NARROW = 520;
const MINUTE = 60000;
const MARGIN = { l: 4, r: 62, t: 30, b: 36 };

/** Resizes a chart with its card. */
export function fit(element) {
  new ResizeObserver(() => {
    if (element.data) Plotly.Plots.resize(element);
  }).observe(element);
}

function layout(c, more) {
  const axis = {
    gridcolor: c.line, zerolinecolor: c.line, linecolor: c.line, tickfont: { size: 11 },
    fixedrange: true,
  };
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: c.soft },
    margin: MARGIN, hovermode: "x unified", dragmode: false,
    hoverlabel: { bgcolor: c.card, bordercolor: c.line, font: { color: c.ink, size: 12 } },
    legend: {
      orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 12 }, traceorder: "normal",
    },
    ...more,
    xaxis: { ...axis, type: "date", showgrid: false, tickangle: 0, ...more.xaxis },
    yaxis: { ...axis, side: "right", ...more.yaxis },
    ...(more.yaxis2 && { yaxis2: { ...axis, side: "right", ...more.yaxis2 } }),
  };
}

function marker(fills, side, colour, c, narrow) {
  const some = fills.filter((fill) => fill.side === side);
  return {
    x: some.map((f) => f.ts), y: some.map((f) => f.price), name: side === "buy" ? "Buy" : "Sell",
    mode: "markers", type: "scatter", showlegend: !narrow,
    marker: {
      symbol: side === "buy" ? "triangle-up" : "triangle-down", size: 12, color: colour,
      line: { color: c.card, width: 1.5 },
    },
    hovertemplate: `${side} at %{y:,.2f}<extra></extra>`,
  };
}

/** Price, with the forecast's band and the bot's trades. */
export function price(element, { prices, forecast, fills, minutes }) {
  const c = colours();
  const now = prices.length ? prices[prices.length - 1][0] : Date.now();
  const from = Math.max(now - minutes * MINUTE, prices.length ? prices[0][0] : 0);
  const ahead = Math.max(10, minutes / 3) * MINUTE;
  const shown = prices.filter((p) => p[0] >= from);
  const traces = [];
  if (forecast) {
    const steps = forecast.price.map((_, i) => forecast.start + i * forecast.step_ms)
      .filter((at) => at <= now + ahead);
    const cut = (values) => values.slice(0, steps.length);
    traces.push(
      { x: steps, y: cut(forecast.upper), mode: "lines", line: { width: 0 }, hoverinfo: "skip",
        showlegend: false },
      { x: steps, y: cut(forecast.lower), mode: "lines", line: { width: 0 }, fill: "tonexty",
        fillcolor: c["forecast-tint"], hoverinfo: "skip",
        name: `${Math.round(forecast.interval * 100)} % interval` },
      { x: steps, y: cut(forecast.price), mode: "lines", name: "Forecast",
        line: { color: c.forecast, width: 1.8, dash: "4px,3px" },
        hovertemplate: "forecast %{y:,.2f}<extra></extra>" },
    );
  }
  traces.push({
    x: shown.map((p) => p[0]), y: shown.map((p) => p[1]), mode: "lines", name: "Price",
    line: { color: c.ink, width: 1.6 }, hovertemplate: "price %{y:,.2f}<extra></extra>",
  });
  const inView = fills.filter((f) => f.ts >= from);
  const narrow = element.clientWidth < NARROW;
  for (const [side, colour] of [["buy", c.bid], ["sell", c.ask]]) {
    traces.push(marker(inView, side, colour, c, narrow));
  }
  Plotly.react(element, traces, layout(c, {
    xaxis: { range: [from, now + (forecast ? ahead : MINUTE)] },
    yaxis: { tickformat: ",.0f", range: bounds(shown, forecast, now + ahead) },
    annotations: tag(shown, c),
    shapes: [{ type: "line", x0: now, x1: now, yref: "paper", y0: 0, y1: 1,
      line: { color: c.line, width: 1, dash: "2px,3px" } }],
  }), CONFIG);
  element.setAttribute("aria-label", shown.length
    ? `Price from ${number(shown[0][1])} to ${number(shown[shown.length - 1][1])}, ` +
      `${inView.length} trades in view`
    : "Price chart, no prices yet");
}

/** The last price as a label on the axis. */
function tag(shown, c) {
  if (!shown.length) return [];
  const [, last] = shown[shown.length - 1];
  return [{
    xref: "paper", x: 1, xanchor: "left", y: last, showarrow: false, text: number(last),
    font: { size: 11, color: c.card }, bgcolor: c.ink, borderpad: 3,
  }];
}

/** Fits the axis to the price; a wide band may be cut off. */
function bounds(shown, forecast, until) {
  if (!shown.length) return undefined;
  let low = Infinity;
  let high = -Infinity;
  for (const [, value] of shown) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const room = Math.max(high - low, high * 0.002);
  if (forecast) {
    forecast.price.forEach((value, i) => {
      if (forecast.start + i * forecast.step_ms > until) return;
      low = Math.min(low, Math.max(forecast.lower[i], low - room * 0.02, value - room));
      high = Math.max(high, Math.min(forecast.upper[i], high + room * 0.02, value + room));
      low = Math.min(low, value);
      high = Math.max(high, value);
    });
  }
  const margin = Math.max((high - low) * 0.08, high * 0.0003);
  return [low - margin, high + margin];
}

/** Bid flow up, ask flow down, and below them the ratio with the band. */
export function flows(element, { windows, band }) {
  const c = colours();
  const some = windows.slice(-90);
  const x = some.map((w) => w.end);
  const opacity = some.map((w) => (w.complete ? 1 : 0.35));
  const bars = (name, values, colour, label) => ({
    x, y: values, name, type: "bar", marker: { color: colour, opacity }, customdata: label,
    hovertemplate: `${name.toLowerCase()} %{customdata}<extra></extra>`,
  });
  const ratios = some.map((w) => w.ratio);
  const traces = [
    bars("Bid flow", some.map((w) => w.bid), c.bid, some.map((w) => large(w.bid))),
    bars("Ask flow", some.map((w) => -w.ask), c.ask, some.map((w) => large(w.ask))),
    { x, y: ratios, name: "Ratio", yaxis: "y2", mode: "lines+markers",
      line: { color: c.ink, width: 1.4 }, marker: { size: 3.5, color: c.ink },
      hovertemplate: "ratio %{y:.3f}<extra></extra>" },
  ];
  const [low, high] = (band ?? [5000, 20000]).map((bps) => bps / 10000);
  const known = ratios.filter((r) => r > 0);
  const span = [Math.min(low, ...known) / 1.25, Math.max(high, ...known) * 1.25];
  Plotly.react(element, traces, layout(c, {
    barmode: "relative", bargap: 0.25,
    xaxis: { anchor: "y2" },
    yaxis: { domain: [0.44, 1], tickformat: "~s", nticks: 5 },
    yaxis2: { domain: [0, 0.36], type: "log", range: span.map(Math.log10),
      tickvals: [...new Set([low, 1, high])], tickformat: ".2~f" },
    shapes: [
      { type: "rect", yref: "y2", xref: "paper", x0: 0, x1: 1, y0: low, y1: high,
        fillcolor: c.band, line: { width: 0 }, layer: "below" },
      { type: "line", yref: "y2", xref: "paper", x0: 0, x1: 1, y0: 1, y1: 1,
        line: { color: c.soft, width: 1, dash: "2px,3px" }, layer: "below" },
    ],
  }), CONFIG);
  const last = some[some.length - 1];
  element.setAttribute("aria-label", last
    ? `Flows by window; the last ratio is ${number(last.ratio, 3)}, the band ${low} to ${high}`
    : "Flows chart, no window yet");
}

/** The equity curve, and each closed trip's profit or loss. */
export function equity(element, { equity: values, scores }) {
  const c = colours();
  const at = (ts) => {
    const later = values.find((v) => v[0] >= ts);
    return (later ?? values[values.length - 1] ?? [0, null])[1];
  };
  const first = values.length ? values[0][0] : 0;
  const trips = scores.filter((s) => s.ts >= first);
  const traces = [
    { x: values.map((v) => v[0]), y: values.map((v) => v[1]), mode: "lines", name: "Equity",
      line: { color: c.bid, width: 1.8 }, hovertemplate: "equity %{y:,.2f}<extra></extra>" },
    { x: trips.map((s) => s.ts), y: trips.map((s) => at(s.ts)), mode: "markers", name: "Trip",
      marker: { size: 8, color: trips.map((s) => (s.score > 0 ? c.bid : c.ask)),
        line: { color: c.card, width: 1.5 } },
      customdata: trips.map((s) => s.score),
      hovertemplate: "trip %{customdata:+,.2f}<extra></extra>" },
  ];
  Plotly.react(element, traces, layout(c, {
    showlegend: false, margin: { ...MARGIN, t: 4 }, xaxis: { nticks: 3 },
    yaxis: { tickformat: ",.0f", nticks: 4 },
  }), CONFIG);
  element.setAttribute("aria-label", values.length
    ? `Equity from ${number(values[0][1])} to ${number(values[values.length - 1][1])}`
    : "Equity chart, no values yet");
}

/** Realised profit after each round trip, as far as the store reaches. */
export function profit(element, scores) {
  const c = colours();
  const traces = [{ x: scores.map((s) => s.ts), y: scores.map((s) => s.realised), mode: "lines", name: "Profit",
    line: { color: c.bid, width: 1.8, shape: "hv" }, customdata: scores.map((s) => s.score),
    hovertemplate: "profit %{y:,.2f}, trip %{customdata:+,.2f}<extra></extra>" }];
  Plotly.react(element, traces, layout(c, {
    showlegend: false, margin: { ...MARGIN, t: 4 }, xaxis: { nticks: 4 }, yaxis: { tickformat: ",.2f", nticks: 4 },
  }), CONFIG);
  element.setAttribute("aria-label", scores.length
    ? `Realised profit ${number(scores[scores.length - 1].realised)} after ${scores.length} points`
    : "Profit chart, no values yet");
}
