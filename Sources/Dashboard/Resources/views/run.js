// One run's own page.
import { ask, record } from "../base/api.js";
import { curvesTab } from "../charts/curves.js";
import { every, fill, isHeld, link, make } from "../base/dom.js";
import { bytes, csv, duration, moment, number } from "../base/format.js";
import { flatten } from "./diff.js";
import { explorerTab } from "./explorer.js";
import { figuresTab } from "./figures.js";
import { logView } from "./logs.js";
import { facts } from "../base/table.js";
import { JobView, tabs } from "./job.js";

export async function runPage(page, name, about) {
  const body = make("div", {});
  const details = () => ask(`runs/${name}`);
  let told = await details();
  const { run } = told;
  const view = new JobView(told.job, about);
  await view.load();
  const show = () => {
    const { run: now } = told;
    const numbers = Object.keys(now.metrics).length ? now.metrics : now.losses;
    fill(body,
      now.error ? make("p", { class: "error" }, now.error) : null,
      make("section", { class: "card" }, facts([
        ["step", `${now.step} of ${now.steps}${now.steps_per_second && now.status === "running" ? `, ${number(now.steps_per_second)} steps/s` : ""}`],
        ["left", duration(now.eta_seconds)], ["started", moment(now.started)], ["ended", moment(now.ended)],
        ["settings", Object.entries(now.overrides).map(([key, value]) => `${key}=${value}`).join("  ")],
        ["W&B", told.wandb_url ? make("a", { href: told.wandb_url, rel: "noreferrer noopener", target: "_blank" }, told.wandb_url) : null],
        ["folder", make("code", {}, now.folder)],
        ["recovery", told.recovery ? told.recovery.numbers.map((one) => `${one.name} ${number(one.mean)}`).join(", ") : null],
      ])),
      make("div", { class: "columns" },
        make("section", { class: "card" }, make("h3", {}, Object.keys(now.metrics).length ? "Final metrics" : "Latest losses"),
          Object.keys(numbers).length ? facts(Object.entries(numbers).sort().map(([key, value]) => [key, number(value)])) : make("p", { class: "empty" }, now.ended ? "None: the run ended before its first." : "None yet.")),
        make("section", { class: "card" }, make("h3", {}, "Attempts"), told.attempts.length ? make("div", { class: "scroll" }, make("table", {},
          make("thead", {}, make("tr", {}, ["", "node", "started", "took", "outcome", ""].map((title) => make("th", {}, title)))),
          make("tbody", {}, told.attempts.map((one) => make("tr", {}, make("td", { class: "number" }, one.attempt), make("td", {}, one.host ?? ""), make("td", {}, moment(one.started)),
            make("td", { class: "number" }, one.ended ? duration(one.ended - one.started) : ""), make("td", {}, one.outcome ?? "goes on"), make("td", { class: "dim" }, one.reason ?? "")))))) : make("p", { class: "empty" }, "No agent has taken it yet.")),
        make("section", { class: "card" }, make("h3", {}, "Config"), make("div", { class: "scroll" }, facts(Object.entries(flatten(told.config)).map(([key, value]) => [key, value === null ? "null" : number(value)])))),
        make("section", { class: "card" }, make("h3", {}, "Files"), facts(told.files.map((file) => [file.name, bytes(file.bytes)])))));
  };
  const bar = make("div", {});
  fill(page, make("header", {}, make("p", {}, link("Jobs", "/"), " / ", link(`Job ${told.job}`, `/job/${told.job}`)),
    make("h1", {}, make("span", { class: "mono" }, run.run), " ", make("span", { class: "state " + run.status }, run.status), " ", make("span", { class: "dim" }, run.experiment))), bar);
  show();
  const rows = () => csv([["kind", "name", "value"], ...[["metric", { ...told.run.losses, ...told.run.metrics }], ["config", flatten(told.config)]]
    .flatMap(([kind, values]) => Object.entries(values).map(([key, value]) => [kind, key, value]))]);
  const overview = { element: make("div", {}, make("div", { class: "tools" }, view.takeaway(null, rows)), body), update() {} };
  view.filters.picked = new Set([run.run]);
  view.filters.store = () => {};
  const tab = tabs(bar, view, [
    ["overview", "Overview", () => overview], ["curves", "Curves", () => curvesTab(view)], ["figures", "Figures", () => figuresTab(view, false)],
    ["maps", "Importance maps", () => figuresTab(view, true)], ...(told.has_tokens ? [["components", "Components", () => explorerTab(view, run.run)]] : []),
    ["log", "Log", () => ({ element: logView(`runs/${run.run}/log`, `Log of ${run.run}`), update() {} })],
  ]);
  if (record || run.ended) return;
  every(3, bar, async () => {
    told = await details();
    await view.runs.refresh(view.runs.rows.length);
    show();
    if (!isHeld(bar)) await tab.update(true);
    return !told.run.ended;
  });
}

