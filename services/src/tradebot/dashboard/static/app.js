// Listens to the event stream and redraws what has changed, a few times a second at most.

import * as acts from "./acts.js";
import * as charts from "./charts.js";
import * as figures from "./figures.js";
import * as lists from "./lists.js";
import * as past from "./past.js";
import { connect, stream } from "./session.js";
import { connect as connectTheme } from "./theme.js";

const $ = (id) => document.getElementById(id);
const PRICES = 5400;
const CHARTS_EVERY_MS = 500;

const fresh = () => ({
  meta: null, quote: null, forecast: null, windows: [], prices: [], fills: [],
  money: { balances: [], equity: [], scores: [], trips: 0, wins: 0, last_score: null },
  account: { mode: "", band_bps: null, halt: null },
});

const bot = decodeURIComponent(location.pathname.split("/")[2] ?? "");
let state = fresh();
let mayAct = false;
let row = null;
let minutes = 90;
const changed = new Set();
const drawn = new Map();

/** How each section of the stream updates the state, and what must be redrawn. */
const sections = {
  reset: () => { state = fresh(); lists.reset(); },
  meta: (value) => { state.meta = value; mark("header", "money"); past.connect(value.bot); },
  row: (value) => { row = value; showRow(); },
  state: (value) => { state.account = value; mark("header", "ratio", "flows"); },
  quote: (value) => { state.quote = value; mark("quote", "forecast", "money"); },
  prices: (value) => {
    state.prices.push(...value);
    if (state.prices.length > PRICES) state.prices.splice(0, state.prices.length - PRICES);
    mark("price");
  },
  windows: (value) => { state.windows = value; mark("ratio", "flows"); },
  forecast: (value) => { state.forecast = value; mark("forecast", "price"); },
  decisions: (value) => lists.decisions(value),
  orders: (value) => lists.orders(value),
  fills: (value) => { state.fills = value; lists.fills(value); mark("price"); },
  money: (value) => {
    state.money = value;
    lists.balances(value.balances);
    mark("money", "equity");
  },
};

const draw = {
  header: () => state.meta && figures.header(state),
  quote: () => { if (state.quote) { figures.quote(state); lists.book(state.quote); } },
  ratio: () => figures.ratio(state),
  forecast: () => figures.forecast(state),
  money: () => state.meta && figures.money(state),
  price: () => charts.price($("price-chart"), { ...state, minutes }),
  flows: () => charts.flows($("flow-chart"), { windows: state.windows, band: state.account.band_bps }),
  equity: () => charts.equity($("equity-chart"), state.money),
};
const CHARTS = new Set(["price", "flows", "equity"]);

function mark(...names) {
  for (const name of names) changed.add(name);
}

function frame(now) {
  for (const name of [...changed]) {
    if (CHARTS.has(name)) {
      if (now - (drawn.get(name) ?? -CHARTS_EVERY_MS) < CHARTS_EVERY_MS) continue;
      drawn.set(name, now);
    }
    changed.delete(name);
    draw[name]();
  }
  requestAnimationFrame(frame);
}

/** The bot's state with its reason, and what it can be ordered to do. */
function showRow() {
  $("orders-bar").hidden = row === null;
  if (row === null) return;
  const words = { trading: "Trading", paused: "Paused", halted: "Halted", unready: "Not ready", stopped: "No trader" };
  $("state").hidden = false;
  $("state").textContent = words[row.state];
  $("state").className = `state ${row.state}`;
  const why = row.pending
    ? `${row.order.state} was ordered by ${row.order.by || "somebody"}: waiting for its trader` : row.reason;
  if ($("why").textContent !== why) $("why").textContent = why;
  const kind = `${row.state} ${mayAct}`;
  if ($("acts").dataset.kind !== kind) {
    $("acts").dataset.kind = kind;
    $("acts").replaceChildren(...(mayAct ? acts.buttons(row) : []));
  }
}

function choose(buttons, chosen, attribute) {
  for (const button of buttons) button.setAttribute(attribute, String(button === chosen));
}

function connectRanges() {
  const buttons = [...document.querySelectorAll("[data-minutes]")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      choose(buttons, button, "aria-pressed");
      minutes = Number(button.dataset.minutes);
      drawn.delete("price");
      mark("price");
    });
  }
}

function connectTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const select = (tab) => {
    choose(tabs, tab, "aria-selected");
    for (const other of tabs) {
      other.tabIndex = other === tab ? 0 : -1;
      $(other.getAttribute("aria-controls")).hidden = other !== tab;
    }
    tab.focus();
  };
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) select(tabs[(i + step + tabs.length) % tabs.length]);
    });
  });
}

connectTheme($("theme"), () => { drawn.clear(); mark(...CHARTS); });
for (const chart of document.querySelectorAll(".chart")) charts.fit(chart);
connectRanges();
connectTabs();
$("bot").addEventListener("change", (event) => location.assign(`/bots/${encodeURIComponent(event.target.value)}`));
acts.connect(acts.tell);
lists.reset();
connect().then((visitor) => {
  mayAct = visitor.acts;
  stream(`/events?bot=${encodeURIComponent(bot)}`, sections);
}).catch(() => {});
requestAnimationFrame(frame);
