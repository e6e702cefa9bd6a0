// The list of all bots: how each does, and what it can be ordered to do.

import * as acts from "./acts.js";
import { amount, number, signed } from "./format.js";
import { connect, stream } from "./session.js";
import { connect as connectTheme } from "./theme.js";

const $ = (id) => document.getElementById(id);

const STATES = {
  trading: "Trading", paused: "Paused", halted: "Halted", unready: "Not ready", stopped: "No trader",
};

let mayAct = false;
let alone = false;
let rows = [];
const shown = new Map();

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const figure = (text, show) => (text === "" ? "–" : show(Number(text)));

function cell(label, className, ...content) {
  const made = element("td", { className }, ...content);
  made.dataset.label = label;
  return made;
}

function row(bot) {
  const link = element("a", { href: `/bots/${encodeURIComponent(bot.bot)}`, textContent: bot.bot });
  const head = element("th", { scope: "row", className: "name" }, link,
    element("span", { className: "quiet", textContent: bot.symbol }));
  const pill = element("span", { className: `state ${bot.state}`, textContent: STATES[bot.state] });
  const why = bot.pending
    ? `${bot.order.state} was ordered by ${bot.order.by || "somebody"}: waiting for its trader`
    : bot.reason;
  const profit = Number(bot.profit || 0);
  const decision = bot.decision
    ? [element("span", { className: `chip ${bot.decision}`, textContent: bot.decision }), ` ${bot.why}`] : ["–"];
  return element("tr", { className: bot.state },
    head,
    cell("State", "status", pill,
      element("span", { className: `badge ${bot.mode.toLowerCase()}`, textContent: bot.mode || "–" }),
      element("p", { className: "why", textContent: why })),
    cell("Last decision", "decision", ...decision),
    cell("Position", "number", figure(bot.position, amount)),
    cell("Equity", "number", figure(bot.equity, (value) => number(value))),
    cell("Profit", `number ${profit > 0 ? "up" : profit < 0 ? "down" : ""}`, figure(bot.profit, (value) => signed(value))),
    cell("Actions", "acts", ...(mayAct ? acts.buttons(bot) : [])));
}

/** Redraws the rows that changed, and only those, so that a focused button stays focused. */
function draw() {
  const body = $("bots").tBodies[0];
  const names = new Set(rows.map((bot) => bot.bot));
  for (const [name, { item }] of shown) if (!names.has(name)) { item.remove(); shown.delete(name); }
  rows.forEach((bot, place) => {
    const text = JSON.stringify([bot, mayAct]);
    const known = shown.get(bot.bot);
    if (known?.text !== text) {
      const item = row(bot);
      const focused = known?.item.contains(document.activeElement) ? document.activeElement.textContent : null;
      if (known) known.item.replaceWith(item);
      shown.set(bot.bot, { text, item });
      if (focused !== null) {
        const again = [...item.querySelectorAll("a, button")].find((each) => each.textContent === focused);
        (again ?? item.querySelector("a")).focus();
      }
    }
    const { item } = shown.get(bot.bot);
    if (body.children[place] !== item) body.insertBefore(item, body.children[place] ?? null);
  });
  $("none").hidden = rows.length > 0;
  $("bots").hidden = rows.length === 0;
  const counts = {};
  for (const bot of rows) counts[bot.state] = (counts[bot.state] ?? 0) + 1;
  $("counts").replaceChildren(...Object.entries(STATES).filter(([state]) => counts[state]).map(([state, word]) =>
    element("li", { className: state }, element("b", { textContent: counts[state] }), ` ${word.toLowerCase()}`)));
}

connectTheme($("theme"), () => {});
acts.connect(acts.tell);
connect().then((visitor) => {
  mayAct = visitor.acts;
  alone = visitor.place !== "cluster" && !new URLSearchParams(location.search).has("all");
  stream("/events/bots", { bots: (list) => {
    rows = list;
    if (alone && rows.length === 1) location.replace(`/bots/${encodeURIComponent(rows[0].bot)}`);
    else draw();
  } });
}).catch(() => {});
