// The row of figures and the header.

import { amount, moment, number, percent, signed, span } from "./format.js";

const $ = (id) => document.getElementById(id);

function tone(element, value) {
  element.classList.toggle("up", value > 0);
  element.classList.toggle("down", value < 0);
}

/** The price, its move, and the exchange's clock. */
export function quote(state) {
  const { mid, move, move_minutes: minutes, ts } = state.quote;
  $("price").textContent = number(mid);
  $("price-note").textContent = move === null
    ? "over the last minutes" : `${percent(move)} in ${span((minutes || 1) * 60)}`;
  tone($("price-note"), move ?? 0);
  $("clock").textContent = moment(ts);
  $("clock").dateTime = ts ? new Date(ts).toISOString() : "";
  document.title = mid ? `${number(mid)} ${state.meta ? `${state.meta.base}/${state.meta.quote}` : ""} · tradebot` : "tradebot";
}

/** The last window's ratio and its position in the band. */
export function ratio(state) {
  const last = state.windows[state.windows.length - 1];
  if (!last) return;
  const [low, high] = (state.account.band_bps ?? [5000, 20000]).map((bps) => bps / 10000);
  $("ratio").textContent = number(last.ratio, 3);
  const inside = last.ratio !== null && last.ratio >= low && last.ratio <= high;
  const band = `${number(low, 2)}–${number(high, 2)}`;
  let note = inside ? `inside the band ${band}` : `outside the band ${band}`;
  if (last.ratio === null) note = "one side had no flow";
  else if (!last.complete) note = "the window is incomplete";
  $("ratio-note").textContent = note;
  $("ratio-note").classList.toggle("down", !inside || !last.complete);
  const place = (value) => {
    const share = Math.log(value / (low / 3)) / Math.log((high * 3) / (low / 3));
    return Math.min(100, Math.max(0, share * 100));
  };
  const gauge = $("gauge");
  gauge.children[0].style.left = `${place(low)}%`;
  gauge.children[0].style.right = `${100 - place(high)}%`;
  gauge.children[1].style.left = `${place(last.ratio || 0.0001)}%`;
}

/** The forecast for the next minute. */
export function forecast(state) {
  const shown = state.forecast;
  if (!shown) return;
  const now = state.quote?.ts || shown.start;
  const step = Math.min(
    Math.max(0, Math.floor((now - shown.start) / shown.step_ms)), shown.price.length - 2);
  const edge = (shown.price[step + 1] / shown.price[step] - 1) * 1e4;
  $("delta").innerHTML = "";
  $("delta").append(signed(edge), Object.assign(document.createElement("small"), { textContent: " bps" }));
  tone($("delta"), edge);
  const age = Math.max(0, (now - shown.fitted_at) / 1000);
  $("delta-note").textContent = `${shown.model}, fitted ${span(age)} ago`;
}

/** The bot's holdings, their value, and its trips' profit. */
export function money(state) {
  const { balances, equity, trips, wins, last_score: last } = state.money;
  const { base, quote: quoted } = state.meta;
  const held = Object.fromEntries(balances.map((b) => [b.currency, b]));
  const price = state.quote?.mid ?? null;
  if (balances.length) {
    const position = held[base]?.amount ?? 0;
    $("position").textContent = "";
    $("position").append(amount(position), Object.assign(document.createElement("small"), { textContent: ` ${base}` }));
    $("position-note").textContent = `and ${number(held[quoted]?.amount ?? null)} ${quoted}`;
    if (price !== null && held[quoted]) {
      const worth = held[quoted].amount + position * price;
      $("equity").textContent = number(worth);
      const first = equity.length ? equity[0][1] : worth;
      $("equity-note").textContent = `${signed(worth - first)} ${quoted} since the start`;
      tone($("equity-note"), Math.abs(worth - first) < 0.005 ? 0 : worth - first);
    }
  }
  if (!last) return;
  $("score").textContent = signed(last.realised);
  tone($("score"), last.realised);
  $("score-note").textContent = `${wins} of ${trips} trips gained, the last ${signed(last.score)}`;
  $("trips").textContent = `drawdown ${number(last.drawdown * 100, 2)} %`;
}

/** Bot, symbol, mode, venue, stages and whether the bot is halted. */
export function header(state) {
  const { meta, account } = state;
  $("symbol").textContent = `${meta.base}/${meta.quote}`;
  $("environment").textContent = meta.environment;
  $("environment").hidden = false;
  $("environment").classList.toggle("real", meta.environment === "Production");
  $("speed").hidden = meta.speed === 1;
  $("speed").textContent = `${meta.speed}× speed`;
  $("mode").hidden = !account.mode;
  $("mode").textContent = account.mode;
  $("mode").className = `badge ${account.mode.toLowerCase()}`;
  const pick = $("bot");
  $("pick").hidden = meta.bots.length < 2;
  if (pick.options.length !== meta.bots.length) {
    pick.replaceChildren(...meta.bots.map((bot) => new Option(bot, bot)));
  }
  pick.value = meta.bot;
  $("stages").replaceChildren(...meta.stages.map((stage) => {
    const reasons = Object.values(stage.reasons).join("; ");
    const item = Object.assign(document.createElement("li"), {
      textContent: stage.name, className: stage.ready ? "" : "unready",
      title: stage.ready ? "ready" : reasons,
    });
    item.append(Object.assign(document.createElement("span"), {
      className: "visually-hidden", textContent: stage.ready ? " is ready" : ` is not ready: ${reasons}`,
    }));
    return item;
  }));
  const unready = meta.stages.filter((stage) => !stage.ready);
  $("foot").textContent = unready
    .map((s) => `${s.name}: ${Object.values(s.reasons).join("; ")}`).join(" · ");
  $("halt").hidden = !account.halt;
  if (account.halt) {
    const { state: how, reason, because } = account.halt;
    $("halt").textContent = `The bot is ${how}: ${reason}${because ? ` (${because})` : ""}`;
  }
}
