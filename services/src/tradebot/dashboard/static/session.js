// Who looks at the page, and requests on their behalf.

const $ = (id) => document.getElementById(id);

let visitor = null;

/** Fetches JSON; sends those who have to log in to the form. Throws an Error with a sentence. */
export async function fetchJson(path, options = {}) {
  const answer = await fetch(path, options);
  if (answer.status === 401) {
    location.assign("/login");
    throw new Error("log in first");
  }
  const body = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  if (!answer.ok) throw new Error(body.error);
  return body;
}

/** Sends JSON with the token that shows that it comes from this page. */
export const post = (path, body) => fetchJson(path, {
  method: "POST",
  headers: { "Content-Type": "application/json", "X-CSRF-Token": visitor?.csrf ?? "" },
  body: JSON.stringify(body),
});

/** Reads who looks, and shows it in the header. */
export async function connect() {
  visitor = await fetchJson("/api/me");
  const place = $("visitor");
  place.textContent = visitor.place === "cluster" || visitor.login
    ? `${visitor.user} · ${visitor.role}` : "this machine only";
  place.title = visitor.login ? "" : "The page listens on this machine and has no login";
  const leave = $("logout");
  leave.hidden = !visitor.login;
  leave.addEventListener("click", async () => {
    await post("/api/logout", {}).catch(() => {});
    location.assign("/login");
  });
  return visitor;
}

/** Opens an event stream that shows its state in the header. */
export function stream(path, sections) {
  const source = new EventSource(path);
  const link = $("link");
  for (const [name, take] of Object.entries(sections)) {
    source.addEventListener(name, (event) => take(JSON.parse(event.data)));
  }
  source.onopen = () => { link.textContent = "live"; link.className = "link on"; };
  source.onerror = () => {
    link.textContent = "no connection";
    link.className = "link off";
    if (source.readyState === EventSource.CLOSED) fetchJson("/api/me").catch(() => {});
  };
  return source;
}
