// What differs between configs, and nothing else.
import { ask } from "../base/api.js";
import { fill, link, make } from "../base/dom.js";
import { compare, csv, number, plural } from "../base/format.js";
import { tablePicture } from "../takeaway/pictures.js";

const mostCompared = 16;

// A config's keys, nested ones joined by dots.
export function flatten(value, path = "", into = {}) {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    for (const [key, part] of Object.entries(value)) flatten(part, path ? `${path}.${key}` : key, into);
  } else into[path] = value;
  return into;
}

export function diffTab(view) {
  const element = make("div", {});
  let rows = [];
  async function update() {
    const chosen = view.filters.chosen(view.runs.rows);
    const runs = chosen.slice(0, mostCompared);
    const configs = [];
    for (const run of runs) configs.push(flatten(await ask(`runs/${run.run}/config`)));
    const keys = [...new Set(configs.flatMap((config) => Object.keys(config)))].sort(compare)
      .filter((key) => new Set(configs.map((config) => JSON.stringify(config[key]))).size > 1);
    const metrics = view.favourites();
    rows = [["key", ...runs.map((run) => run.run)], ...keys.map((key) => [key, ...configs.map((config) => config[key] ?? null)]),
      ...metrics.map((name) => [name, ...runs.map((run) => run.metrics[name] ?? run.losses[name] ?? null)])];
    fill(element, make("div", { class: "tools" }, view.takeaway(null, () => csv(rows), { drawings: () => [tablePicture("Differences", rows)] })),
      make("p", { class: "dim" }, chosen.length > mostCompared ? `The first ${mostCompared} of ${plural(chosen.length, "run")}: pick some in the table. ` : "",
        keys.length ? `${plural(keys.length, "key")} of ${Object.keys(configs[0] ?? {}).length} differ.` : runs.length > 1 ? "These configs are the same." : "Pick at least two runs in the table."),
      make("div", { class: "table-box short" }, make("table", {}, make("thead", {}, make("tr", {}, make("th", {}, "key"), runs.map((run) => make("th", {}, link(run.run, `/run/${run.run}`, { class: "mono" }))))),
        make("tbody", {}, keys.map((key, index) => make("tr", {}, make("th", { scope: "row" }, key), rows[index + 1].slice(1).map((value) => make("td", { class: typeof value === "number" ? "number" : "" }, value === null ? "–" : number(value))))),
          metrics.map((name) => make("tr", { class: "metric" }, make("th", { scope: "row", title: view.meaning(name) }, name), runs.map((run) => make("td", { class: "number" }, number(run.metrics[name] ?? run.losses[name] ?? ""))))))) ));
  }
  const safely = () => update().catch((error) => fill(element, make("p", { class: "error" }, error.message)));
  safely();
  return { element, update: (isLive) => { if (!isLive) safely(); }, csv: () => csv(rows) };
}
