// Book, decisions, orders, fills and balances.

import { amount, number, signed, time } from "./format.js";

const $ = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const chip = (action) => element("span", { className: `chip ${action}`, textContent: action });

/** The levels near the mid, each with the cumulative size up to it. */
export function book({ bids, asks, mid, spread_bps: spread, last }) {
  const total = (levels) => levels.reduce((sum, [, size]) => sum + size, 0);
  const deepest = Math.max(total(bids), total(asks), 1e-9);
  const rows = (levels) => {
    let before = 0;
    return levels.map(([price, size]) => {
      before += size;
      const row = element("tr", {},
        element("td", { textContent: number(price) }),
        element("td", { textContent: number(size, 4) }),
        element("td", { textContent: number(before, 3) }));
      row.style.setProperty("--depth", `${(before / deepest) * 100}%`);
      return row;
    });
  };
  $("asks").replaceChildren(...rows(asks).reverse());
  $("bids").replaceChildren(...rows(bids));
  const middle = $("middle");
  middle.textContent = number(last?.price ?? mid);
  middle.className = last ? (last.side === "buy" ? "up" : "down") : "";
  middle.title = last ? `last trade: ${amount(last.amount)} at ${time(last.ts)}` : "";
  $("spread").textContent = spread === null ? "" : `spread ${number(spread, 2)} bps`;
}

const shown = new Map();

function decision(d) {
  const facts = [
    d.ratio === null ? "no ratio" : `ratio ${number(d.ratio, 2)}`,
    d.delta === null ? "no forecast" : `forecast ${signed(d.delta * 1e4, 2)} bps`,
  ];
  if (d.strategy) facts[1] = d.reason === d.proposed ? d.strategy : `${d.strategy}: ${d.proposed}`;
  if (d.action !== "hold") facts.push(`${amount(d.amount)} at ${number(d.limit_price ?? d.mid)}`);
  const gates = (d.verdicts ?? []).map((v) => element("div",
    { className: v.passed ? "" : "failed" }, v.gate, element("span", { textContent: v.reason })));
  return element("li", {}, element("details", {},
    element("summary", {}, chip(d.action),
      element("span", { className: "why", textContent: d.reason }),
      element("time", { textContent: time(d.ts) }),
      element("span", { className: "facts", textContent: facts.join(" · ") })),
    element("div", { className: "gates" }, ...gates)));
}

/** Orders the items; one that stays is not touched, so that it is not animated again. */
function arrange(place, items) {
  items.forEach((item, i) => {
    if (place.children[i] !== item) place.insertBefore(item, place.children[i] ?? null);
  });
  while (place.children.length > items.length) place.lastElementChild.remove();
}

/** Decisions, newest first; those on the page stay open or closed. */
export function decisions(list) {
  const first = shown.size === 0;
  const kept = new Set(list.map((d) => d.id));
  for (const id of shown.keys()) if (!kept.has(id)) shown.delete(id);
  for (const d of list) {
    if (shown.has(d.id)) continue;
    const item = decision(d);
    if (!first) item.classList.add("new");
    shown.set(d.id, item);
  }
  if (list.length) arrange($("decisions"), list.map((d) => shown.get(d.id)));
  const counts = { buy: 0, sell: 0, hold: 0 };
  for (const d of list) counts[d.action] += 1;
  $("decisions-note").textContent = list.length
    ? `of the last ${list.length}: ${counts.buy} buy, ${counts.sell} sell` : "";
  const [latest] = list;
  const text = latest && latest.action !== "hold" ? `${latest.action}: ${latest.reason}` : "";
  if ($("latest").textContent !== text) $("latest").textContent = text;
}

/** Clears the decisions of the previous bot. */
export function reset() {
  shown.clear();
  $("decisions").replaceChildren(
    element("li", { className: "empty", textContent: "The first decision follows the first window." }));
  table("orders", []);
  table("fills", []);
}

function table(id, rows) {
  const body = $(id).tBodies[0];
  if (rows.length) {
    body.replaceChildren(...rows);
    return;
  }
  const empty = element("td", { className: "empty", colSpan: 6, textContent: "None yet." });
  body.replaceChildren(element("tr", {}, empty));
}

const cell = (text, className = "") => element("td", { textContent: text, className });

/** The bot's orders, newest first. */
export function orders(list) {
  table("orders", list.map((o) => element("tr", {},
    cell(time(o.timestamps || o.ts)),
    element("td", {}, chip(o.side)),
    cell(o.executed_amount === o.original_amount ? amount(o.original_amount)
      : `${amount(o.executed_amount)} of ${amount(o.original_amount)}`, "number"),
    cell(number(o.avg_execution_price || o.price), "number"),
    cell(o.reason ? `${o.state}: ${o.reason}` : o.state),
    cell(o.latency_seconds === null ? "–" : `${number(o.latency_seconds * 1000, 1)} ms`, "number"))));
}

/** The bot's fills, newest first. */
export function fills(list) {
  table("fills", list.slice(0, 60).map((f) => element("tr", {},
    cell(time(f.ts)),
    element("td", {}, chip(f.side)),
    cell(amount(f.amount), "number"),
    cell(number(f.price), "number"),
    cell(`${number(f.fee, 4)} ${f.fee_currency}`, "number"),
    cell(f.liquidity))));
}

/** The account's balances, total and available. */
export function balances(list) {
  const text = (b, value) => (b.currency === "USD" ? number(value) : amount(value));
  $("balances").replaceChildren(...list.map((b) => element("tr", {},
    cell(b.currency), cell(text(b, b.amount)),
    cell(b.available === b.amount ? "all available" : `${text(b, b.available)} available`, "quiet"))));
}

