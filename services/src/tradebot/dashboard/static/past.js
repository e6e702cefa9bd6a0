// A bot's past, as far as the store reaches; explanations of its orders; its forecasts' error.

import { amount, moment, number, percent, signed } from "./format.js";
import { fetchJson } from "./session.js";
import * as charts from "./charts.js";

const $ = (id) => document.getElementById(id);
const PAUSE_MS = 60_000;

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const cell = (text, className = "") => element("td", { textContent: text, className });
let bot = "";
let days = 1;
let asked = 0;

function orderRow(order) {
  const why = element("button", { type: "button", className: "act", textContent: "Explain" });
  why.setAttribute("aria-label", `Explain the ${order.side} of ${moment(order.timestamps || order.ts)}`);
  why.addEventListener("click", () => explain(order.id, why));
  return element("tr", {},
    cell(moment(order.timestamps || order.ts)),
    element("td", {}, element("span", { className: `chip ${order.side}`, textContent: order.side })),
    cell(amount(order.executed_amount), "number"),
    cell(number(order.avg_execution_price || order.price), "number"),
    cell(order.state + (order.reason ? `: ${order.reason}` : "")),
    element("td", {}, why));
}

function fill(id, rows, columns, empty) {
  $(id).tBodies[0].replaceChildren(...(rows.length ? rows
    : [element("tr", {}, element("td", { className: "empty", colSpan: columns, textContent: empty }))]));
}

function draw(past) {
  const last = past.scores.at(-1);
  $("past-note").textContent = past.trips
    ? `${past.trips} round trips, ${past.wins} won; fees ${number(past.fees)}` : "no round trip in this time";
  $("past-chart").hidden = !last;
  if (last) charts.profit($("past-chart"), past.scores);
  fill("past-orders", [...past.orders].reverse().map(orderRow), 6, "No orders in this time.");
  fill("past-acts", [...past.halts].reverse().map((each) => element("tr", {},
    cell(moment(each.ts)), cell(each.state), cell(each.by || "the bot itself"),
    cell(each.because || each.reason, "wrap"))), 4, "Nobody has paused or resumed it, and no limit has halted it.");
}

async function refresh() {
  const mine = ++asked;
  try {
    const path = `/api/bots/${encodeURIComponent(bot)}`;
    const [past, error] = await Promise.all([
      fetchJson(`${path}/history?days=${days}`), fetchJson(`${path}/forecast-error`)]);
    if (mine !== asked) return;
    draw(past);
    $("forecast-error").textContent = error === null ? "no forecast could be compared yet"
      : `off by ${number(error.mean_bps, 2)} bps a minute (no forecast: ${number(error.naive_bps, 2)});`
        + ` direction right in ${error.hits === null ? "–" : percent(error.hits, 0).replace("+", "")}`
        + ` of the last ${error.minutes} minutes`;
  } catch (error) {
    $("past-note").textContent = error.message;
  }
}

async function explain(id, opener) {
  const dialog = $("explain");
  $("explain-title").textContent = `Why ${id}`;
  $("explain-body").replaceChildren(element("p", { className: "note", textContent: "reading the store…" }));
  dialog.showModal();
  dialog.addEventListener("close", () => opener.isConnected && opener.focus(), { once: true });
  try {
    const found = await fetchJson(`/api/explain/${encodeURIComponent(id)}`);
    const d = found.decision;
    const facts = [
      ["Decision", `${d.action} (signal ${d.signal}): ${d.reason}`],
      ["Window", `ended ${moment(d.window_end)}, ${d.complete ? "complete" : "incomplete"}, ratio ${number(d.ratio, 3)}`],
      ["Forecast", d.delta === null ? "none" : `${d.model || d.strategy}: ${signed(d.delta * 1e4, 2)} bps in the next minute`],
      ["Price", `mid ${number(d.mid)}, limit ${number(d.limit_price)}`],
    ];
    if (d.exit) facts.push(["Exit", d.exit]);
    if (d.proposal) facts.push(["Proposal", `${d.strategy}: ${d.proposed}`]);
    const fills = found.fills.map((f) => `${amount(f.amount)} at ${number(f.price)}, fee ${number(f.fee, 4)} ${f.fee_currency}`);
    if (fills.length) facts.push(["Fills", fills.join("; ")]);
    facts.push(["Again", found.same ? "the same inputs give the same decision" : `different: ${found.differences.join("; ")}`]);
    const list = element("dl", { className: "facts" });
    for (const [name, text] of facts) list.append(element("dt", { textContent: name }), element("dd", { textContent: text }));
    const gates = element("div", { className: "gates" }, ...d.verdicts.map((v) => element("div",
      { className: v.passed ? "" : "failed" }, v.gate, element("span", { textContent: v.reason }))));
    $("explain-body").replaceChildren(list, element("h3", { textContent: "Gates" }), gates);
  } catch (error) {
    $("explain-body").replaceChildren(element("p", { className: "error", textContent: error.message }));
  }
}

/** Shows the past of a bot, and again every minute. */
export function connect(name) {
  if (bot || !name) return;
  bot = name;
  const buttons = [...document.querySelectorAll("[data-days]")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
      days = Number(button.dataset.days);
      refresh();
    });
  }
  $("explain-close").addEventListener("click", () => $("explain").close());
  refresh();
  setInterval(refresh, PAUSE_MS);
}
