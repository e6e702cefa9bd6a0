// Light, dark or system theme, and the colours for the charts.

const ORDER = ["system", "light", "dark"];
const SIGNS = { system: "◐", light: "☀", dark: "☾" };
const NAMES = { system: "system", light: "light", dark: "dark" };

/** Connects the button; calls `changed` whenever the theme changes. */
export function connect(button, changed) {
  const apply = (theme) => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = SIGNS[theme];
    button.setAttribute("aria-label", `Theme: ${NAMES[theme]}`);
    button.title = `Theme: ${NAMES[theme]}`;
    changed();
  };
  let theme = localStorage.getItem("theme") ?? "system";
  if (!ORDER.includes(theme)) theme = "system";
  button.addEventListener("click", () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
    localStorage.setItem("theme", theme);
    apply(theme);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  apply(theme);
}

/** The style sheet's present colours, since charts do not support custom properties. */
export function colours() {
  const probe = document.createElement("i");
  document.body.append(probe);
  const found = {};
  for (const name of ["card", "line", "ink", "soft", "bid", "ask", "forecast", "band",
    "bid-tint", "ask-tint", "forecast-tint"]) {
    probe.style.color = `var(--${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}
