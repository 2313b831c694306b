// Parallel coordinates: an axis for each setting and metric, a line for each run; a brush on an axis selects everywhere.
import { change, list, listText, setting } from "../base/address.js";
import { choice, choices, fill, make } from "../base/dom.js";
import { compare, number } from "../base/format.js";
import { logLabel, noCharts } from "./lines.js";
import { leftOut, reachOf, within } from "./reach.js";
import { titleOf, valueOf } from "../views/runs.js";

const shades = 24;
// The part of the colours that has three times the contrast of its paper.
const shadeOf = (share, isDark) => d3.interpolateViridis(isDark ? 0.42 + 0.58 * share : 0.56 * share);

export function isWide(values) {
  const positive = values.filter((value) => typeof value === "number" && value > 0);
  return positive.length > 1 && positive.length === values.filter((value) => typeof value === "number").length
    && Math.max(...positive) / Math.min(...positive) >= 10;
}

export function parallelTab(view) {
  if (!window.d3) return { element: noCharts(), update() {} };
  const standard = () => [...view.runs.swept.filter((name) => view.differing().includes(name)).map((name) => "set:" + name),
    ...view.favourites().slice(0, 4).map((name) => "metric:" + name)];
  let columns = list("axes", null) ?? standard();
  let shade = setting("shade", columns[columns.length - 1] ?? "step");
  const chart = make("figure", { class: "chart wide" });
  const tools = make("div", { class: "tools" });
  const element = make("div", {}, tools, make("section", { class: "card" }, chart), make("p", { class: "dim" },
    "Drag along an axis to select runs, click the axis to deselect; the Filter menu above does the same with the keyboard."));
  const height = 380;
  let isDrawing = false;
  const margin = { top: 44, right: 64, bottom: 14, left: 56 };

  function drawTools() {
    const all = view.runs.columns(view.settings.all).map((column) => [column, titleOf(column)]);
    fill(tools, choices("Axes", all, columns, async (chosen) => {
      columns = [...columns.filter((column) => chosen.includes(column)), ...chosen.filter((column) => !columns.includes(column))];
      change({ axes: listText(columns) });
      await view.needSettings(columns);
      update();
    }), choice("shade by", all, shade, (value) => { shade = value; change({ shade }); update(); }),
    view.takeaway(element, () => view.tableText(columns)));
  }

  function scaleFor(column, rows) {
    const values = rows.map((run) => valueOf(run, column)).filter((value) => value !== null);
    const range = [height - margin.bottom, margin.top];
    if (values.length && values.every((value) => typeof value === "number")) {
      const sizes = rows.filter((run) => valueOf(run, column) !== null).map((run) => ({ values: [valueOf(run, column)], hasFailed: run.status === "failed" }));
      const shownIn = (reach) => values.filter((value) => Number.isFinite(value) && Math.abs(value) <= reach);
      const isLog = isWide(shownIn(reachOf(sizes, true)));
      const reach = column.startsWith("metric:") ? reachOf(sizes, isLog) : Infinity;
      const finite = shownIn(reach);
      const [low, high] = finite.length ? d3.extent(finite) : [0, 1];
      const scale = (isLog ? d3.scaleLog() : d3.scaleLinear()).domain(low === high ? [low - 0.5, high + 0.5] : [low, high]).range(range);
      return { isNumber: true, isLog, place: (value) => (Number.isFinite(value) ? within(scale)(value) : null), scale, outside: leftOut(sizes, reach, "run").join(", ") };
    }
    const words = [...new Set(values.map(String))].sort(compare);
    const scale = d3.scalePoint().domain(words).range(range).padding(0.5);
    return { isNumber: false, words, place: (value) => (value === null ? null : scale(String(value))), scale };
  }

  function update() {
    const rows = view.runs.rows;
    if (columns.length < 2 || !rows.length) { fill(chart, make("p", { class: "empty" }, "Choose at least two axes above.")); return; }
    const width = Math.max(320, 110 * columns.length, (chart.clientWidth || 900));
    const svg = d3.create("svg").attr("viewBox", `0 0 ${width} ${height}`).attr("width", width).attr("height", height).attr("role", "img");
    svg.append("title").text(`Parallel coordinates of ${rows.length} runs`);
    const across = d3.scalePoint().domain(columns).range([margin.left, width - margin.right]);
    const scales = new Map(columns.map((column) => [column, scaleFor(column, rows)]));
    const chosen = new Set(view.filters.chosen(rows));
    const path = (runs) => runs.map((run) => {
      const points = columns.map((column) => [across(column), scales.get(column).place(valueOf(run, column))]);
      let text = "";
      let isDown = false;
      for (const [x, y] of points) {
        if (y === null || y === undefined) { isDown = false; continue; }
        text += `${isDown ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`;
        isDown = true;
      }
      return text;
    }).join("");
    svg.append("path").attr("d", path(rows.filter((run) => !chosen.has(run)))).attr("class", "unchosen").attr("fill", "none");
    // Runs of one shade are one path, so ten thousand draw at once.
    const shading = scales.get(shade) ?? scaleFor(shade, rows);
    const share = (run) => {
      const place = shading.place(valueOf(run, shade));
      return place === null || place === undefined ? 0 : (height - margin.bottom - place) / (height - margin.bottom - margin.top);
    };
    const bins = Array.from({ length: shades }, () => []);
    for (const run of chosen) bins[Math.min(shades - 1, Math.max(0, Math.floor(share(run) * shades)))].push(run);
    bins.forEach((runs, bin) => {
      if (runs.length) svg.append("path").attr("d", path(runs)).attr("fill", "none").attr("stroke", shadeOf(bin / (shades - 1), false))
        .style("stroke", `light-dark(${shadeOf(bin / (shades - 1), false)}, ${shadeOf(bin / (shades - 1), true)})`).attr("stroke-opacity", chosen.size > 1000 ? 0.25 : 0.9).attr("stroke-width", 1.2);
    });
    for (const column of columns) drawAxis(svg, column, across(column), scales.get(column));
    const outside = columns.filter((column) => scales.get(column).outside).map((column) => make("figcaption", { class: "dim" }, `${titleOf(column)}: ${scales.get(column).outside}`));
    chart.replaceChildren(svg.node(), shadesKey(shading), ...outside);
  }

  // What the shades mean, also where the shaded column is no axis.
  function shadesKey({ isNumber, scale, words }) {
    const [low, high] = isNumber ? scale.domain().map(number) : [words[0] ?? "", words[words.length - 1] ?? ""];
    const ramp = make("span", { class: "ramp", "aria-hidden": "true" });
    const stops = (isDark) => [0, 0.25, 0.5, 0.75, 1].map((share) => shadeOf(share, isDark));
    ramp.style.background = `linear-gradient(to right, ${stops(false).map((light, index) => `light-dark(${light}, ${stops(true)[index]})`).join(", ")})`;
    return make("figcaption", { class: "dim" }, `${titleOf(shade)}: ${low} `, ramp, ` ${high}`);
  }

  function drawAxis(svg, column, x, { isNumber, isLog, scale, words, outside }) {
    const group = svg.append("g").attr("class", "axis").attr("transform", `translate(${x},0)`);
    group.call(isNumber ? (isLog ? d3.axisLeft(scale).ticks(5, logLabel) : d3.axisLeft(scale).ticks(6).tickFormat(number)) : d3.axisLeft(scale));
    const name = titleOf(column);
    group.append("text").attr("class", "label").attr("y", 16).attr("text-anchor", "middle")
      .text(name.length > 18 ? "…" + name.slice(-17) : name).append("title").text(name);
    const range = view.filters.ranges.get(column);
    const brush = d3.brushY().extent([[-14, margin.top], [14, height - margin.bottom]]).on("end", () => {
      // What is drawn again here is not what somebody drags.
      if (isDrawing || !d3.event.sourceEvent) return;
      const selection = d3.event.selection;
      if (!selection) view.filters.set(column, null);
      // What lies beyond an end of an axis is within a drag that reaches it.
      else if (isNumber) view.filters.set(column, {
        low: outside && selection[1] >= height - margin.bottom ? null : tidy(scale.invert(selection[1])),
        high: outside && selection[0] <= margin.top ? null : tidy(scale.invert(selection[0])),
      });
      else view.filters.set(column, { values: words.filter((word) => scale(word) >= selection[0] && scale(word) <= selection[1]) });
      view.changed();
    });
    const handle = group.append("g").attr("class", "brush").call(brush);
    if (!range) return;
    const ends = isNumber
      ? [range.high === null || range.high === undefined ? margin.top : scale(range.high), range.low === null || range.low === undefined ? height - margin.bottom : scale(range.low)]
      : d3.extent((range.values ?? []).map((value) => scale(value)).filter((place) => place !== undefined)).map((place, index) => place + (index ? 6 : -6));
    if (!ends.every(Number.isFinite)) return;
    isDrawing = true;
    handle.call(brush.move, [Math.max(margin.top, Math.min(...ends)), Math.min(height - margin.bottom, Math.max(...ends))]);
    isDrawing = false;
  }

  drawTools();
  view.needSettings(columns).then(() => requestAnimationFrame(update));
  return { element, update, csv: () => view.tableText(columns) };
}

export const tidy = (value) => Number(value.toPrecision(6));
