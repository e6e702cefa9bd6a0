// Pause, resume and flatten: a dialog that asks for a reason and, to flatten, for the bot's name.

import { post } from "./session.js";

const $ = (id) => document.getElementById(id);

const WORDS = {
  pause: {
    title: "Pause", button: "Pause", what: "It does not buy until you resume it. It still sells by its signals and exits.",
  },
  resume: {
    title: "Resume", button: "Resume", what: "It buys again. Its losses are measured from now on.",
  },
  flatten: {
    title: "Flatten", button: "Sell everything", what: "It sells all that it holds, at the market, and stays paused.",
  },
};

const DIALOG = `
<dialog class="dialog" id="act" aria-labelledby="act-title">
  <form id="act-form" novalidate>
    <h2 id="act-title">Pause</h2>
    <p class="what" id="act-what"></p>
    <label class="field">Reason <input id="act-because" maxlength="500" autocomplete="off" required aria-describedby="act-note"></label>
    <p class="note" id="act-note">Kept in the journal and the documents, with your name.</p>
    <label class="field" id="act-name-field" hidden><span id="act-name-label"></span> <input id="act-name" autocomplete="off" autocapitalize="none" spellcheck="false"></label>
    <p class="error" id="act-error" role="alert"></p>
    <div class="choices"><button type="button" class="button plain" id="act-cancel">Cancel</button><button type="submit" class="button" id="act-send">Pause</button></div>
  </form>
</dialog>
<p class="told" id="told" role="status"></p>
`;

let asked = null;

/** Buttons for what a bot in this state can be ordered to do. */
export function buttons(row) {
  const stopped = row.state === "paused" || row.state === "halted";
  return [stopped ? "resume" : "pause", "flatten"].map((act) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = `act ${act}`;
    button.textContent = WORDS[act].title;
    button.setAttribute("aria-label", `${WORDS[act].title} ${row.bot}`);
    button.disabled = row.state === "stopped";
    button.addEventListener("click", () => open(row.bot, act, button));
    return button;
  });
}

function open(bot, act, opener) {
  const words = WORDS[act];
  asked = { bot, act, opener };
  $("act-title").textContent = `${words.title} ${bot}`;
  $("act-what").textContent = words.what;
  $("act-send").textContent = words.button;
  $("act-send").className = act === "flatten" ? "button danger" : "button";
  $("act-because").value = "";
  $("act-name").value = "";
  $("act-name-field").hidden = act !== "flatten";
  $("act-name-label").textContent = `Type ${bot} to confirm`;
  $("act-error").textContent = "";
  check();
  $("act").showModal();
  $("act-because").focus();
}

function check() {
  const named = asked.act !== "flatten" || $("act-name").value === asked.bot;
  $("act-send").disabled = !($("act-because").value.trim() && named);
}

/** Adds the dialog to the page; `told` is called with the sentence about what was done. */
export function connect(told) {
  document.body.insertAdjacentHTML("beforeend", DIALOG);
  const dialog = $("act");
  for (const id of ["act-because", "act-name"]) $(id).addEventListener("input", check);
  $("act-cancel").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => asked?.opener.isConnected && asked.opener.focus());
  $("act-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const { bot, act } = asked;
    $("act-send").disabled = true;
    $("act-error").textContent = "";
    try {
      const order = { because: $("act-because").value.trim(), name: $("act-name").value };
      const answer = await post(`/api/bots/${encodeURIComponent(bot)}/${act}`, order);
      dialog.close();
      told(answer.told);
    } catch (error) {
      $("act-error").textContent = error.message;
      check();
    }
  });
}

const TOLD_MS = 6000;
let timer = 0;

/** Shows a sentence at the foot of the screen for a while. */
export function tell(text) {
  const place = $("told");
  place.textContent = text;
  place.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => place.classList.remove("shown"), TOLD_MS);
}
