// A job's runs: their columns and values, kept up to date.
import { ask, record } from "../base/api.js";
import { compare } from "../base/format.js";

export class Runs {
  constructor(job) {
    this.job = job;
    this.rows = [];
    this.byName = new Map();
    this.swept = [];
    this.extra = [];
    this.metrics = [];
    // The settings in which runs differ, of those that the sweep has set.
    this.differing = [];
    this.time = null;
  }

  async load(extra) {
    this.extra = extra.filter((name) => !this.swept.includes(name));
    const wanted = this.swept.length ? [...this.swept, ...this.extra] : null;
    const query = wanted ? "?settings=" + encodeURIComponent(wanted.map(encodeURIComponent).join(",")) : "";
    const answer = await ask(`jobs/${this.job}/runs${query}`, undefined, "runs");
    if (!wanted) this.swept = answer.settings;
    if (!wanted && this.extra.length) return this.load(extra);
    this.rows = answer.rows.map((row) => this.read(row, answer));
    this.byName = new Map(this.rows.map((run) => [run.run, run]));
    this.time = answer.time;
    this.nameMetrics();
  }

  // Takes in what has changed since; all again if there are more runs than before.
  async refresh(total) {
    if (record) return;
    if (total !== this.rows.length) return this.load(this.extra);
    const settings = encodeURIComponent([...this.swept, ...this.extra].map(encodeURIComponent).join(","));
    const answer = await ask(`jobs/${this.job}/runs?settings=${settings}&since=${this.time}`, undefined, null);
    for (const row of answer.rows) {
      const run = this.read(row, answer);
      const old = this.byName.get(run.run);
      if (old) Object.assign(old, run);
    }
    this.time = answer.time;
    this.nameMetrics();
  }

  read(row, answer) {
    const run = {};
    answer.fields.forEach((name, index) => { run[name] = row[index]; });
    run.settings = {};
    answer.settings.forEach((name, index) => { run.settings[name] = row[answer.fields.length + index]; });
    for (const numbers of [run.losses, run.metrics]) {
      for (const [name, value] of Object.entries(numbers)) if (typeof value === "string") numbers[name] = unusual[value] ?? NaN;
    }
    return run;
  }

  nameMetrics() {
    const names = new Set();
    for (const run of this.rows) for (const name of Object.keys({ ...run.losses, ...run.metrics })) names.add(name);
    this.metrics = [...names].sort(compare);
    this.differing = this.swept.filter((name) => {
      const first = JSON.stringify(this.rows[0]?.settings[name]);
      return this.rows.some((run) => JSON.stringify(run.settings[name]) !== first);
    });
  }

  // Every column that there is, settings that are not read yet among them.
  columns(all) {
    const settings = [...this.swept, ...this.extra, ...all.filter((name) => !this.swept.includes(name) && !this.extra.includes(name))];
    return [...fixed, ...settings.map((name) => "set:" + name), ...this.metrics.map((name) => "metric:" + name)];
  }
}

const unusual = { inf: Infinity, "-inf": -Infinity, nan: NaN };
export const fixed = ["run", "status", "step", "experiment", "took", "node", "attempt", "started", "error"];

export function valueOf(run, column) {
  if (column.startsWith("set:")) return run.settings[column.slice(4)] ?? null;
  if (column.startsWith("metric:")) {
    const name = column.slice(7);
    return run.metrics[name] ?? run.losses[name] ?? null;
  }
  if (column === "took") return run.started ? (run.ended ?? Date.now() / 1000) - run.started : null;
  return run[column] ?? null;
}

export const titleOf = (column) => column.replace(/^(set|metric):/, "");
