// The login form.

import { connect as connectTheme } from "./theme.js";

const $ = (id) => document.getElementById(id);

$("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const error = $("login-error");
  $("login-send").disabled = true;
  error.textContent = "";
  try {
    const answer = await fetch("/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: $("name").value, password: $("password").value }),
    });
    if (answer.ok) {
      location.assign("/");
      return;
    }
    error.textContent = (await answer.json()).error;
    $("password").select();
  } catch {
    error.textContent = "the server does not respond";
  }
  $("login-send").disabled = false;
});

connectTheme($("theme"), () => {});
