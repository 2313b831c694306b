// Which runs are looked at: words, ranges and values. All views of a job share them.
import { change, list, listText, setting } from "../base/address.js";
import { ask } from "../base/api.js";
import { choice, make } from "../base/dom.js";
import { number } from "../base/format.js";
import { titleOf, valueOf } from "./runs.js";

export class Filters {
  constructor() {
    this.words = setting("find", "");
    this.condition = setting("where", "");
    this.selected = null;
    this.picked = new Set(list("pick", []));
    // What was wrong with the condition of the address.
    this.problem = "";
    this.ranges = new Map();
    for (const part of list("in", [])) {
      const [column, low, high] = part.split("~");
      if (column) this.ranges.set(plain(column), isText(low) ? { values: low.slice(1).split("|").map(plain) } : { low: bound(low), high: bound(high) });
    }
  }

  store() {
    const ranges = [...this.ranges].map(([column, range]) =>
      quoted(column) + (range.values ? `~=${range.values.map(quoted).join("|")}` : `~${range.low ?? ""}~${range.high ?? ""}`));
    change({ find: this.words, where: this.condition, pick: listText([...this.picked]), in: listText(ranges) });
  }

  set(column, range) {
    if (range) this.ranges.set(column, range); else this.ranges.delete(column);
    this.store();
  }

  // The same conditions as `--where`; the server knows what they mean.
  async select(job) {
    this.selected = this.condition ? new Set((await ask(`jobs/${job}/where?condition=${encodeURIComponent(this.condition)}`)).runs) : null;
  }

  takes(run) {
    if (this.selected && !this.selected.has(run.run)) return false;
    for (const [column, range] of this.ranges) {
      const value = valueOf(run, column);
      if (range.values) {
        if (!range.values.includes(String(value))) return false;
      } else if (typeof value !== "number" || value < (range.low ?? -Infinity) || value > (range.high ?? Infinity)) return false;
    }
    return !this.words || this.matches(run);
  }

  matches(run) {
    const text = [run.run, run.experiment, run.status, run.node, run.error,
      ...Object.entries(run.settings).map(([name, value]) => `${name}=${value}`)].join(" ").toLowerCase();
    return this.words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
  }

  apply(rows) { return rows.filter((run) => this.takes(run)); }

  // Those that were picked one by one, else all that pass.
  chosen(rows) {
    const passing = this.apply(rows);
    const picked = passing.filter((run) => this.picked.has(run.run));
    return picked.length ? picked : passing;
  }
}

// Names and values may hold the marks that part them.
const quoted = (text) => text.replace(/[%~|]/g, (mark) => "%" + mark.charCodeAt(0).toString(16));
const plain = (text) => text.replace(/%(25|7e|7c)/g, (_, code) => String.fromCharCode(parseInt(code, 16)));
const isText = (text) => typeof text === "string" && text.startsWith("=");
const bound = (text) => (text === "" || text === undefined ? null : Number(text));

// The strip above every view of runs.
export function filterStrip(view) {
  const { filters } = view;
  const search = make("input", {
    type: "search", value: filters.words, placeholder: "find: words in names, settings, errors", "aria-label": "find runs",
    oninput: () => { filters.words = search.value; filters.store(); view.changed(); },
  });
  const problem = make("span", { class: "error", role: "alert" }, filters.problem);
  const condition = make("input", {
    type: "text", value: filters.condition, placeholder: "where: lr<0.01 and state=done", "aria-label": "condition, as for --where", class: "mono",
    onchange: async () => {
      const before = filters.condition;
      filters.condition = condition.value.trim();
      try {
        await filters.select(view.job);
        filters.problem = "";
        filters.store();
        view.changed();
      } catch (error) {
        filters.condition = before;
        problem.textContent = error.message;
      }
    },
  });
  const chips = [...filters.ranges].map(([column, range]) => make("button", {
    class: "chip", title: "remove this filter",
    onclick: () => { filters.set(column, null); view.changed(); },
  }, `${titleOf(column)} ${words(range)} ✕`));
  if (filters.picked.size) {
    chips.push(make("button", {
      class: "chip", onclick: () => { filters.picked.clear(); filters.store(); view.changed(); },
    }, `${filters.picked.size} picked ✕`));
  }
  return make("div", { class: "strip" }, search, condition, addRange(view), chips,
    make("span", { class: "dim", role: "status" }, passingText(view)), problem);
}

export const passingText = (view) => `${view.filters.apply(view.runs.rows).length} of ${view.runs.rows.length} runs`;

function words(range) {
  if (range.values) return "is " + range.values.join(" or ");
  if (range.low === null || range.low === undefined) return "≤ " + number(range.high);
  if (range.high === null || range.high === undefined) return "≥ " + number(range.low);
  return `${number(range.low)} … ${number(range.high)}`;
}

// What a brush does, for the keyboard.
function addRange(view) {
  const columns = view.runs.columns([]).filter((column) => view.runs.rows.some((run) => valueOf(run, column) !== null));
  let column = columns.find((name) => name.startsWith("set:")) ?? "step";
  const low = make("input", { type: "text", size: 8, placeholder: "from, or =value", "aria-label": "from" });
  const high = make("input", { type: "text", size: 8, placeholder: "to", "aria-label": "to" });
  const add = () => {
    const [from, to] = [low.value.trim(), high.value.trim()];
    if (!from && !to) return;
    const isNumber = (text) => text === "" || Number.isFinite(Number(text));
    view.filters.set(column, isNumber(from) && isNumber(to)
      ? { low: bound(from), high: bound(to) } : { values: from.replace(/^=/, "").split("|") });
    view.changed();
  };
  return make("details", { class: "menu" }, make("summary", {}, "Filter"), make("form", {
    class: "panel", onsubmit: (event) => { event.preventDefault(); add(); },
  }, choice("column", columns.map((name) => [name, titleOf(name)]), column, (name) => { column = name; }), low, high,
  make("button", {}, "Add")));
}
