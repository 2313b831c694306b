// Which page an address means, and what is said when there is none.
import { answers, ask, keep, record, Refused, takeToken, Unreachable } from "./base/api.js";
import { go, place, whenMoved } from "./base/address.js";
import { fill, link, make, whenTroubled } from "./base/dom.js";
import { agentPage, jobPage } from "./views/job.js";
import { jobsPage } from "./views/jobs.js";
import { runPage } from "./views/run.js";
import { moment } from "./base/format.js";

const page = document.getElementById("page");
let turn = 0;

function failed(view, error) {
  const field = make("input", { type: "text", size: 66, "aria-label": "link or token", placeholder: "the link, or its token" });
  fill(view, make("h1", {}, error instanceof Refused ? "The link's token is needed" : error instanceof Unreachable ? "Not connected" : "Cannot show this"),
    make("p", { class: "error" }, error.message),
    error instanceof Refused ? make("form", {
      onsubmit: (event) => { event.preventDefault(); keep(/[0-9a-f]{64}/.exec(field.value)?.[0] ?? ""); show(); },
    }, field, make("button", {}, "Open")) : make("p", {}, make("button", { onclick: show }, "Try again"), " ", link("All jobs", "/")));
}

// What is shown stays when the server is gone; that it is of before is said above it.
const banner = make("p", { class: "banner error", role: "alert", hidden: true });
page.before(banner);
let since = null;
function sayTrouble(error) {
  since = error ? since ?? Date.now() / 1000 : null;
  banner.hidden = !error;
  const text = error ? `Not up to date since ${moment(since)}: ${error.message}` : "";
  if (banner.textContent !== text) banner.textContent = text;
}
whenTroubled(sayTrouble);

async function show() {
  takeToken();
  sayTrouble(null);
  turn += 1;
  const mine = turn;
  const view = make("main", {}, make("p", { class: "dim" }, "Loading…"));
  fill(page, view);
  answers.clear();
  try {
    const [site, about] = [await ask("site"), await ask("metrics")];
    const [kind, name] = place();
    if (mine !== turn) return;
    document.title = name ? `${name} · spd` : "spd";
    if (kind === "job") await jobPage(view, name, about);
    else if (kind === "run") await runPage(view, name, about);
    else if (kind === "agent") agentPage(view, name);
    else await jobsPage(view, site);
    if (record) view.prepend(make("p", { class: "note" }, `Exported ${moment(record.time / 1000)} from ${site.cache} on ${site.host}. This file contains only what the view showed.`));
  } catch (error) {
    if (mine === turn) failed(view, error);
  }
}

// In an exported page links have no server to go to.
if (record) {
  document.addEventListener("click", (event) => {
    const anchor = event.target.closest?.("a[href^='#']");
    if (!anchor) return;
    event.preventDefault();
    go(anchor.getAttribute("href").slice(1));
  });
}
whenMoved(show);
show();
