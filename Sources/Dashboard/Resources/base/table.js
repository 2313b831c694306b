// The runs' table: any setting or metric as a column, sorted by any; only rows in view are elements.
import { change, list, listText, setting } from "./address.js";
import { choices, fill, link, make } from "./dom.js";
import { compare, csv, duration, moment, number } from "./format.js";
import { tablePicture } from "../takeaway/pictures.js";
import { fixed, titleOf, valueOf } from "../views/runs.js";
import { remember, remembered } from "./state.js";

const rowHeight = 28;
// A picture of more would be no page of a paper.
const mostDrawn = 200;

export function tableTab(view) {
  // A job's own columns; of other jobs those that every run has.
  const [key, ownKey] = ["columns", `columns:${view.token}`];
  const standard = () => remembered(ownKey, null) ?? [...remembered(key, ["run", "status", "step"]), ...(view.differing().length ? view.differing() : view.runs.swept).map((name) => "set:" + name),
    ...view.favourites().map((name) => "metric:" + name)];
  let columns = list("cols", null) ?? standard();
  let [sortColumn, direction] = (setting("sort", "") || "position:1").split(/:(?=-?1$)/);
  let rows = [];
  const head = make("tr", {});
  const body = make("tbody", {});
  const before = make("tr", { "aria-hidden": "true" });
  const after = make("tr", { "aria-hidden": "true" });
  const box = make("div", { class: "table-box", tabindex: 0, role: "region", "aria-label": "runs", onscroll: () => drawRows() },
    make("table", { class: "runs" }, make("thead", {}, head), body));
  const tools = make("div", { class: "tools" });
  const element = make("div", {}, tools, box);

  function drawHead() {
    fill(head, make("th", {}, make("span", { class: "hidden" }, "pick")), columns.map((column) => {
      const isSorted = column === sortColumn;
      return make("th", { class: isNumeric(column) ? "number" : null, "aria-sort": isSorted ? (direction === "1" ? "ascending" : "descending") : "none" },
        make("button", {
          title: column.startsWith("metric:") ? view.meaning(titleOf(column)) : null,
          onclick: () => {
            direction = isSorted && direction === "1" ? "-1" : "1";
            sortColumn = column;
            change({ sort: `${sortColumn}:${direction}` });
            update();
          },
        }, titleOf(column), isSorted ? (direction === "1" ? " ▲" : " ▼") : ""));
    }));
  }

  const isNumeric = (column) => ["step", "took"].includes(column) || (column !== "started" && rows.slice(0, 50).some((run) => typeof valueOf(run, column) === "number"));

  function cell(run, column) {
    const value = valueOf(run, column);
    if (column === "run") return make("td", {}, link(run.run, `/run/${run.run}`, { class: "mono" }));
    if (column === "status") return make("td", {}, make("span", { class: "state " + run.status }, run.status));
    if (column === "step") return make("td", { class: "number" }, `${run.step}/${run.steps}`);
    if (column === "took") return make("td", { class: "number" }, duration(value));
    if (column === "started") return make("td", {}, moment(value));
    return make("td", { class: typeof value === "number" ? "number" : "", title: column === "error" ? value : null }, number(value));
  }

  function drawRows() {
    const first = Math.max(0, Math.floor(box.scrollTop / rowHeight) - 10);
    const count = Math.ceil((box.clientHeight || 600) / rowHeight) + 20;
    const shown = rows.slice(first, first + count);
    before.style.height = `${first * rowHeight}px`;
    after.style.height = `${Math.max(0, rows.length - first - shown.length) * rowHeight}px`;
    fill(body, before, shown.map((run, index) => make("tr", { "data-key": run.run, "aria-rowindex": first + index + 2, class: view.filters.picked.has(run.run) ? "picked" : "" },
      make("td", {}, make("input", {
        type: "checkbox", checked: view.filters.picked.has(run.run), "aria-label": `pick ${run.run}`,
        onchange: (event) => {
          if (event.target.checked) view.filters.picked.add(run.run); else view.filters.picked.delete(run.run);
          view.filters.store();
          view.changed();
        },
      })), columns.map((column) => cell(run, column)))), after);
    if (!rows.length) {
      fill(body, make("tr", {}, make("td", { colspan: columns.length + 1, class: "empty" }, view.runs.rows.length
        ? "No run passes the filters: remove one above." : "This job has no runs.")));
    }
  }

  function sorted() {
    const sign = Number(direction);
    return view.filters.apply(view.runs.rows).map((run) => [valueOf(run, sortColumn), run]).sort(([a, x], [b, y]) => {
      const isNothing = (value) => value === null || value === undefined || Number.isNaN(value);
      if (isNothing(a) || isNothing(b)) return isNothing(a) - isNothing(b) || x.position - y.position;
      return sign * compare(a, b) || x.position - y.position;
    }).map(([, run]) => run);
  }

  function drawTools() {
    fill(tools, choices("Columns", view.runs.columns(view.settings.all).map((column) => [column, titleOf(column)]), columns, async (chosen) => {
      columns = [...columns.filter((column) => chosen.includes(column)), ...chosen.filter((column) => !columns.includes(column))];
      change({ cols: listText(columns) });
      remember(ownKey, columns);
      remember(key, columns.filter((column) => fixed.includes(column)));
      await view.needSettings(columns);
      update();
    }), view.takeaway(null, text, { drawings: () => [tablePicture("Runs", table(mostDrawn))] }));
  }

  const table = (most) => [columns.map(titleOf), ...rows.slice(0, most).map((run) => columns.map((column) => valueOf(run, column)))];
  const text = () => csv(table());

  function update() {
    rows = sorted();
    box.firstChild.setAttribute("aria-rowcount", rows.length + 1);
    drawHead();
    drawRows();
  }

  drawTools();
  view.needSettings(columns).then(update);
  requestAnimationFrame(() => update());
  return { element, update, csv: text };
}

// The same names for small tables of one run or job.
export function facts(pairs) {
  return make("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

