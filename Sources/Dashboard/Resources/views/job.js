// A job: how it stands, and all views of its runs.
import { ask, record } from "../base/api.js";
import { change, go, setting } from "../base/address.js";
import { curvesTab } from "../charts/curves.js";
import { diffTab } from "./diff.js";
import { every, fill, isHeld, link, make } from "../base/dom.js";
import { figuresTab } from "./figures.js";
import { Filters, filterStrip, passingText } from "./filters.js";
import { csv, duration, moment, number, plural } from "../base/format.js";
import { logView } from "./logs.js";
import { parallelTab } from "../charts/parallel.js";
import { Runs, titleOf, valueOf } from "./runs.js";
import { scatterTab } from "../charts/scatter.js";
import { facts, tableTab } from "../base/table.js";
import { takeawayMenu } from "../takeaway/takeaway.js";

export const states = ["done", "stopped", "running", "pending", "failed", "cancelled"];

// What views of a job's runs share.
export class JobView {
  constructor(job, about, token = "") {
    this.job = job;
    // The job's name, which no other has.
    this.token = token;
    this.about_metrics = about;
    this.runs = new Runs(job);
    this.settings = { swept: [], all: [] };
    this.filters = new Filters();
    this.logged = [];
    this.changed = () => {};
  }

  async load() {
    this.settings = await ask(`jobs/${this.job}/settings`);
    await this.runs.load([]);
    await this.filters.select(this.job).catch((error) => { Object.assign(this.filters, { condition: "", problem: error.message }); });
  }

  // Reads settings that the sweep has not set, once somebody looks at them.
  async needSettings(columns) {
    const missing = columns.filter((column) => column.startsWith("set:")).map((column) => column.slice(4))
      .filter((name) => !this.runs.swept.includes(name) && !this.runs.extra.includes(name));
    if (missing.length) await this.runs.load([...this.runs.extra, ...missing]);
  }

  known(name) { return this.about_metrics.find((metric) => (metric.is_of_module ? name.startsWith(metric.before) && name.endsWith(metric.after) : metric.before === name)); }
  meaning(name) {
    const metric = this.known(name);
    return metric ? metric.meaning + (metric.unit ? ` (${metric.unit})` : "") + (metric.better ? `; ${metric.better} is better` : "") : null;
  }
  isLogarithmic(name) { return this.known(name)?.axis === "logarithmic"; }
  favourites() {
    const place = (name) => this.known(name)?.first_look ?? Infinity;
    const there = this.runs.metrics.filter((name) => place(name) < Infinity).sort((a, b) => place(a) - place(b));
    return there.length ? there : this.runs.metrics.slice(0, 3);
  }
  // Metrics that rows of `metrics.jsonl` have, of one run of each experiment.
  async readLogged() {
    const firsts = new Map();
    for (const run of this.runs.rows) if (run.attempt > 0 && !firsts.has(run.experiment)) firsts.set(run.experiment, run.run);
    const names = await Promise.all([...firsts.values()].slice(0, 20).map((run) => ask(`runs/${run}/logged`).catch(() => [])));
    this.logged = [...new Set(names.flat())];
  }
  differing() { return this.runs.differing; }
  about(run) { return this.differing().map((name) => `${name.split(".").pop()}=${number(run.settings[name])}`).join(" "); }
  open(address) { go(address); }
  tableText(columns) {
    return csv([["run", ...columns.map(titleOf)], ...this.filters.chosen(this.runs.rows).map((run) => [run.run, ...columns.map((column) => valueOf(run, column))])]);
  }
  takeaway(element, rows, others) { return takeawayMenu(`spd-job-${this.job}`, element, rows, others); }
}

// Views next to each other, one of which is shown; which one is in the address.
export function tabs(place, view, list, before) {
  const nav = make("div", { class: "tabs", role: "tablist" });
  const body = make("div", { role: "tabpanel", id: "view" });
  fill(place, nav, before, body);
  let present = null;
  const show = (name) => {
    const [key, , open] = list.find(([one]) => one === name) ?? list[0];
    fill(nav, list.map(([one, label]) => make("button", {
      role: "tab", "aria-selected": one === key ? "true" : "false", "aria-controls": "view",
      onclick: () => { change({ tab: one === list[0][0] ? null : one }, true); show(one); },
    }, label)));
    const chosen = nav.querySelector("[aria-selected=true]");
    nav.scrollLeft = chosen.offsetLeft - nav.offsetLeft - 40;
    present = open();
    fill(body, present.element);
  };
  nav.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const at = [...nav.children].indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    nav.children[(at + step + nav.children.length) % nav.children.length].focus();
  });
  show(setting("tab", list[0][0]));
  return { update: (isLive) => present?.update(isLive), show };
}

export function bar(counts) {
  return make("div", { class: "bar", role: "img", "aria-label": states.map((state) => `${counts[state]} ${state}`).join(", ") },
    states.filter((state) => counts[state]).map((state) => {
      const part = make("span", { class: state, title: `${counts[state]} ${state}` });
      part.style.flexGrow = counts[state];
      return part;
    }));
}

export const countsText = (counts) => states.filter((state) => counts[state]).map((state) => `${counts[state]} ${state}`).join(", ") || "no runs";

export async function jobPage(page, job, about) {
  let now = await ask(`jobs/${job}`);
  const view = new JobView(job, about, now.token);
  await view.load();
  const summary = make("div", {});
  const strip = make("div", {});
  const place = make("div", {});
  fill(page, make("header", {}, make("p", {}, link("Jobs", "/")), make("h1", {}, `Job ${job} `, make("span", { class: "dim" }, now.token))), summary, place);
  const overview = () => {
    const [facts, failures] = [make("div", {}), make("div", {})];
    let failed = null;
    const update = () => {
      drawOverview(facts, job, now);
      if (now.counts.failed !== failed) drawFailures(failures, job, now);
      failed = now.counts.failed;
    };
    update();
    const rows = () => csv([["agent", "state", "node", "process", "run", "last heartbeat", "reason"],
      ...(now.agents ?? []).map((one) => [`${job}.${one.number}`, one.verdict ?? one.state, one.host, one.pid, one.run, moment(one.heartbeat), one.verdict_reason ?? one.reason])]);
    return { element: make("div", {}, make("div", { class: "tools" }, view.takeaway(null, rows)), facts, failures), update };
  };
  let tab = null;
  view.changed = () => { fill(strip, filterStrip(view)); tab?.update(false); };
  const drawSummary = () => fill(summary, make("div", { class: "summary" }, bar(now.counts), make("p", {}, countsText(now.counts) + (now.eta_seconds ? `, about ${duration(now.eta_seconds)} left` : "")),
    now.stalled ? make("p", { class: "error" }, `No agent works on it any more: ${now.stalled}. \`orchestrator resume ${job}\` continues it.`) : null,
    (now.notes ?? []).map((note) => make("p", { class: "note" }, note))));
  drawSummary();
  fill(strip, filterStrip(view));
  tab = tabs(place, view, [
    ["runs", "Runs", () => tableTab(view)], ["curves", "Curves", () => curvesTab(view)], ["parallel", "Parallel", () => parallelTab(view)],
    ["scatter", "Coefficients", () => scatterTab(view)], ["diff", "Differences", () => diffTab(view)], ["figures", "Figures", () => figuresTab(view, false)],
    ["maps", "Importance maps", () => figuresTab(view, true)], ["agents", "Agents and failures", overview],
  ], strip);
  if (record) return;
  every(3, summary, async () => {
    const before = JSON.stringify(now.counts);
    now = await ask(`jobs/${job}`);
    drawSummary();
    await view.runs.refresh(now.counts.total);
    // A condition on states holds for other runs now.
    if (JSON.stringify(now.counts) !== before) await view.filters.select(job);
    const status = strip.querySelector("[role=status]");
    if (status) status.textContent = passingText(view);
    if (!isHeld(place)) tab.update(true);
    return now.counts.pending + now.counts.running > 0;
  });
}

function drawOverview(element, job, now) {
  fill(element,
    make("section", { class: "card" }, facts([
      ["submitted", moment(now.created)], ["executor", now.executor], ["agents asked for", now.agents_requested], ["finished", moment(now.finished)],
      ["not on W&B yet", now.unsent ? plural(now.unsent, "run") : null], ["folder", make("code", {}, now.folder)],
      ...now.links.map((one) => ["W&B", make("a", { href: one.url, rel: "noreferrer noopener", target: "_blank" }, one.title)]),
    ])),
    make("section", { class: "card" }, make("h3", {}, "Agents"), now.agents?.length ? make("div", { class: "scroll" }, make("table", {},
      make("thead", {}, make("tr", {}, ["agent", "state", "node", "process", "SLURM", "run", "last heartbeat", ""].map((title) => make("th", {}, title)))),
      make("tbody", {}, now.agents.map((agent) => make("tr", {},
        make("td", {}, link(`${job}.${agent.number}`, `/agent/${job}.${agent.number}`)), make("td", {}, agent.verdict ?? agent.state), make("td", {}, agent.host ?? ""),
        make("td", { class: "number" }, agent.pid ?? ""), make("td", {}, agent.slurm_array_job_id ? `${agent.slurm_array_job_id}_${agent.slurm_array_task_id}` : agent.slurm_job_id ?? ""),
        make("td", {}, agent.run ? link(agent.run, `/run/${agent.run}`, { class: "mono" }) : "", agent.runs_held > 1 ? ` +${agent.runs_held - 1}` : ""),
        make("td", {}, moment(agent.heartbeat)), make("td", { class: "dim" }, agent.verdict_reason ?? agent.reason ?? "")))))) : make("p", { class: "empty" },
      now.counts.pending + now.counts.running ? "No agent has started yet; SLURM's queue may hold them." : "No agent ever started.")),
    now.slurm_ended?.length ? make("section", { class: "card" }, make("h3", {}, "Ended by SLURM"), now.slurm_ended.map((one) => make("p", {}, `${one.name}: ${one.state}${one.reason ? ` (${one.reason})` : ""}${one.meaning ? `: ${one.meaning}` : ""} `, make("code", {}, one.log)))) : null);
}

function drawFailures(failures, job, now) {
  if (!now.counts.failed) { fill(failures, make("section", { class: "card" }, make("h3", {}, "Failures"), make("p", { class: "empty" }, "No run has failed."))); return; }
  ask(`jobs/${job}/why`).then((why) => {
    const share = (one) => `${one.name}: ${one.failed} of ${one.total} failed; elsewhere ${one.failed_elsewhere} of ${one.total_elsewhere}`;
    // What fails as often elsewhere explains nothing.
    const tells = (one) => one.total_elsewhere > 0 && one.failed * one.total_elsewhere > one.failed_elsewhere * one.total;
    const [settings, nodes] = [why.settings.filter(tells), why.nodes.filter(tells)];
    fill(failures, make("section", { class: "card" }, make("h3", {}, `Failures by cause (${plural(why.failed_runs, "run")})`),
      why.causes.map((cause) => make("details", { open: why.causes.length === 1 }, make("summary", {}, `${plural(cause.runs.length, "run")}: `, make("span", { class: "error inline" }, cause.cause)),
        make("p", {}, cause.runs.slice(0, 200).map((run) => [link(run, `/run/${run}`, { class: "mono" }), " "])))),
      settings.length ? [make("h4", {}, "Settings"), settings.slice(0, 8).map((one) => make("p", {}, share(one)))] : null,
      nodes.length ? [make("h4", {}, "Nodes"), nodes.slice(0, 8).map((one) => make("p", {}, share(one)))] : null,
      make("p", { class: "dim" }, `\`orchestrator retry ${job}\` requeues failed runs.`)));
  }).catch((error) => fill(failures, make("p", { class: "error" }, error.message)));
}

export function agentPage(page, name) {
  const job = name.split(".")[0];
  fill(page, make("header", {}, make("p", {}, link("Jobs", "/"), " / ", link(`Job ${job}`, `/job/${job}`)), make("h1", {}, `Agent ${name}`)), logView(`agents/${name}/log`, `Log of agent ${name}`));
}
