// Coefficients against metrics: a panel for each metric, runs as points, the mean over seeds with its deviation.
import { change, list, listText, setting } from "../base/address.js";
import { choice, choices, fill, make, toggle } from "../base/dom.js";
import { compare, number } from "../base/format.js";
import { axes, legend, noCharts, palette, scaleOf } from "./lines.js";
import { isWide, tidy } from "./parallel.js";
import { edgeMark, leftOut, reachOf, within, writeCorner } from "./reach.js";
import { titleOf, valueOf } from "../views/runs.js";

const pointMargin = { top: 8, right: 12, bottom: 38, left: 70 };
const panelHeight = 280;
const marks = ["circle", "square", "triangle", "diamond", "cross", "down"];

export function scatterTab(view) {
  if (!window.d3) return { element: noCharts(), update() {} };
  const differing = () => view.differing();
  const numeric = (column) => view.runs.rows.some((run) => typeof valueOf(run, column) === "number");
  // A study of a coefficient is the usual question: it is on the axis where one was swept.
  const first = differing().find((name) => name.endsWith("_coeff")) ?? differing().find((name) => numeric("set:" + name) && name !== "seed");
  let x = setting("sx", first ? "set:" + first : "step");
  let metrics = list("sy", null) ?? view.favourites().slice(0, 6).map((name) => "metric:" + name);
  let color = setting("scolor", "none");
  let means = setting("smean", "1") === "1";
  let logs = setting("slog", "auto");
  const tools = make("div", { class: "tools" });
  const charts = make("div", { class: "charts" });
  const below = make("div", {});
  const element = make("div", {}, tools, charts, below);

  function drawTools() {
    const all = view.runs.columns(view.settings.all).map((column) => [column, titleOf(column)]);
    const set = (parts) => { change(parts); view.needSettings([x, color, ...metrics]).then(update); };
    fill(tools,
      choice("x", all, x, (value) => { x = value; set({ sx: x }); }),
      choices("y", all, metrics, (chosen) => { metrics = chosen; set({ sy: listText(chosen) }); }),
      choice("colour", [["none", "none"], ...all], color, (value) => { color = value; set({ scolor: color }); }),
      choice("axes", [["auto", "log where wide"], ["1", "log"], ["0", "linear"]], logs, (value) => { logs = value; set({ slog: logs }); }),
      toggle("mean over seeds", means, (isOn) => { means = isOn; set({ smean: isOn ? null : "0" }); }),
      view.takeaway(element, () => view.tableText([x, ...metrics])));
  }

  function update() {
    const rows = view.runs.rows.filter((run) => typeof valueOf(run, x) === "number");
    if (!rows.length) { fill(charts, make("p", { class: "empty" }, `No run has a number for ${titleOf(x)}: choose another x.`)); fill(below); return; }
    const values = [...new Set(rows.map((run) => String(valueOf(run, color))))].sort(compare);
    fill(charts, metrics.map((metric) => make("section", { class: "card" }, make("h3", { title: view.meaning(titleOf(metric)) }, titleOf(metric)), panel(metric, rows, values))));
    fill(below, color === "none" ? null : legend(values.slice(0, 30).map((value, index) => ({ name: `${titleOf(color)}=${value} (${marks[index % marks.length]})`, color: palette[index % palette.length] }))),
      make("p", { class: "dim" }, "Drag a rectangle to select runs everywhere; click outside it to deselect. Means are over finished runs that differ only in their seed."));
  }

  // Of each panel the run that the keyboard is at.
  const readings = new Map();

  function panel(metric, rows, values) {
    const figure = make("figure", { class: "chart", tabindex: 0, "aria-label": `${titleOf(metric)} against ${titleOf(x)}; arrow keys move between runs, Enter opens one` });
    const note = make("figcaption", { class: "readout", role: "status" });
    const draw = () => {
      const width = Math.max(260, figure.clientWidth || 560);
      const points = rows.filter((run) => Number.isFinite(valueOf(run, metric))).map((run) => ({ run, x: valueOf(run, x), y: valueOf(run, metric) }));
      if (!points.length) { fill(figure, make("p", { class: "empty" }, `No run has ${titleOf(metric)} yet.`)); return; }
      const isLog = (list) => (logs === "auto" ? isWide(list) : logs === "1");
      const across = scaleOf(points.map((point) => point.x), isLog(points.map((point) => point.x)), [pointMargin.left + 8, width - pointMargin.right - 8]);
      // What still changes is no result yet.
      const chosen = new Set(view.filters.chosen(view.runs.rows));
      const groups = means ? meansOf(points.filter((point) => chosen.has(point.run) && point.run.status === "done")) : [];
      const sizes = points.map((point) => ({ values: [point.y], hasFailed: point.run.status === "failed" }));
      const shownIn = (reach) => points.map((point) => point.y).filter((value) => Math.abs(value) <= reach);
      const isLogUp = isLog(shownIn(reachOf(sizes, true)));
      const reach = reachOf(sizes, isLogUp);
      const up = scaleOf([...shownIn(reach), ...groups.flatMap((group) => [group.low, group.high]).filter((value) => Math.abs(value) <= reach)], isLogUp, [panelHeight - pointMargin.bottom - 6, pointMargin.top + 6]);
      const svg = d3.create("svg").attr("viewBox", `0 0 ${width} ${panelHeight}`).attr("width", width).attr("height", panelHeight).attr("role", "img");
      svg.append("title").text(`${titleOf(metric)} against ${titleOf(x)}`);
      axes(svg, across, up, width, panelHeight, { x: titleOf(x), y: titleOf(metric) });
      const onEdge = within(up);
      writeCorner(svg, leftOut(sizes, reach, "run"), width - pointMargin.right, pointMargin.top);
      const brush = d3.brush().extent([[pointMargin.left, pointMargin.top], [width - pointMargin.right, panelHeight - pointMargin.bottom]]).on("end", () => {
        if (!d3.event.sourceEvent) return;
        const selection = d3.event.selection;
        if (!selection) { view.filters.set(x, null); view.filters.set(metric, null); } else {
          const [[left, top], [right, bottom]] = selection;
          view.filters.set(x, { low: tidy(across.invert(left)), high: tidy(across.invert(right)) });
          // What lies beyond an edge is within a rectangle that reaches it.
          const [least, most] = [bottom >= up.range()[0] && reach < Infinity ? null : tidy(up.invert(bottom)), top <= up.range()[1] && reach < Infinity ? null : tidy(up.invert(top))];
          view.filters.set(metric, { low: least, high: most });
        }
        view.changed();
      });
      svg.append("g").attr("class", "brush").call(brush);
      const shown = (value, scale) => typeof scale.base !== "function" || value > 0;
      // Points of one look are one path, so ten thousand draw at once.
      const looks = new Map();
      for (const point of points) {
        if (!shown(point.x, across) || !shown(point.y, up)) continue;
        const index = color === "none" ? 0 : values.indexOf(String(valueOf(point.run, color)));
        const key = `${index} ${chosen.has(point.run)}`;
        if (!looks.has(key)) looks.set(key, { index, isChosen: chosen.has(point.run), points: [] });
        looks.get(key).points.push(Object.assign(point, { left: across(point.x), top: onEdge(point.y) }));
      }
      for (const { index, isChosen, points: those } of looks.values()) {
        for (const { left, y } of those) if (Math.abs(y) > reach) svg.node().append(edgeMark(y > 0 ? "up" : "down", left, up.range()[y > 0 ? 1 : 0] + (y > 0 ? -12 : 12), palette[index % palette.length]));
        const shape = marks[color === "none" ? 0 : index % marks.length];
        const under = () => {
          const [left, top] = d3.mouse(svg.node());
          return those.reduce((best, point) => (Math.hypot(point.left - left, point.top - top) < Math.hypot(best.left - left, best.top - top) ? point : best));
        };
        svg.append("path").attr("d", those.map((point) => mark(shape, point.left, point.top)).join(""))
          .attr("fill", isChosen ? palette[index % palette.length] : "none").attr("class", isChosen ? "point" : "point unchosen")
          .attr("stroke", palette[index % palette.length]).attr("fill-opacity", 0.6)
          .on("mousemove", () => tell(under()))
          .on("click", () => view.open(`/run/${under().run.run}`));
      }
      const inOrder = [...looks.values()].flatMap((look) => look.points).sort((a, b) => a.left - b.left || a.top - b.top);
      const ring = svg.append("circle").attr("r", 8).attr("fill", "none").attr("class", "ring").attr("display", "none");
      const tell = (point) => { note.textContent = `${point.run.run} · ${view.about(point.run)} · ${number(point.x)} → ${number(point.y)}`; };
      const go = (point) => {
        readings.set(metric, point.run.run);
        ring.attr("display", null).attr("cx", point.left).attr("cy", point.top);
        tell(point);
      };
      figure.onkeydown = (event) => {
        const at = inOrder.findIndex((point) => point.run.run === readings.get(metric));
        if (event.key === "Enter" && at >= 0) return view.open(`/run/${inOrder[at].run.run}`);
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step || !inOrder.length) return;
        event.preventDefault();
        go(inOrder[Math.max(0, Math.min(inOrder.length - 1, at + step))]);
      };
      const before = inOrder.find((point) => point.run.run === readings.get(metric));
      if (before) go(before);
      drawMeans(svg, groups, across, up, values);
      figure.replaceChildren(svg.node(), note);
    };
    requestAnimationFrame(draw);
    return figure;
  }

  // Runs that differ in nothing but their seed, with their mean and a deviation to both sides.
  function meansOf(points) {
    const groups = new Map();
    for (const point of points) {
      const rest = view.runs.swept.filter((name) => name !== "seed" && "set:" + name !== x).map((name) => point.run.settings[name]);
      const key = JSON.stringify([point.run.experiment, point.x, ...rest]);
      groups.set(key, [...(groups.get(key) ?? []), point]);
    }
    return [...groups.values()].map((members) => {
      const mean = members.reduce((sum, point) => sum + point.y, 0) / members.length;
      const deviation = Math.sqrt(members.reduce((sum, point) => sum + (point.y - mean) ** 2, 0) / Math.max(1, members.length - 1));
      const isOne = members.length === 1;
      return { members, mean, low: isOne ? mean : mean - deviation, high: isOne ? mean : mean + deviation };
    });
  }

  // A bar for each group; means of one colour are joined.
  function drawMeans(svg, groups, across, up, values) {
    const lines = new Map();
    for (const { members, mean, low, high } of groups) {
      const { run } = members[0];
      const index = color === "none" ? 0 : values.indexOf(String(valueOf(run, color)));
      const place = across(members[0].x);
      const clamp = (value) => (typeof up.base === "function" && value <= 0 ? up.range()[0] : within(up)(value));
      if (!Number.isFinite(place) || !Number.isFinite(up(mean))) continue;
      if (members.length > 1) svg.append("path").attr("d", `M${place},${clamp(low)}V${clamp(high)}`).attr("stroke", palette[index % palette.length]).attr("stroke-width", 2);
      const rest = JSON.stringify([run.experiment, index, ...view.runs.swept.filter((name) => name !== "seed" && "set:" + name !== x).map((name) => run.settings[name])]);
      lines.set(rest, { index, points: [...(lines.get(rest)?.points ?? []), [place, clamp(mean)]] });
    }
    for (const { index, points: places } of lines.values()) {
      places.sort((a, b) => a[0] - b[0]);
      if (places.length > 1) svg.append("path").attr("d", "M" + places.map((place) => place.map((value) => value.toFixed(1)).join(",")).join("L")).attr("fill", "none").attr("stroke", palette[index % palette.length]).attr("stroke-opacity", 0.7);
    }
  }

  drawTools();
  view.needSettings([x, color, ...metrics]).then(update);
  return { element, update, csv: () => view.tableText([x, ...metrics]) };
}

// Shapes of straight lines, which every format has.
function mark(name, x, y) {
  const size = 4;
  const corners = {
    square: [[-1, -1], [1, -1], [1, 1], [-1, 1]], triangle: [[0, -1.3], [1.2, 1], [-1.2, 1]], diamond: [[0, -1.4], [1.4, 0], [0, 1.4], [-1.4, 0]],
    cross: [[-0.4, -1.3], [0.4, -1.3], [0.4, -0.4], [1.3, -0.4], [1.3, 0.4], [0.4, 0.4], [0.4, 1.3], [-0.4, 1.3], [-0.4, 0.4], [-1.3, 0.4], [-1.3, -0.4], [-0.4, -0.4]],
    down: [[0, 1.3], [1.2, -1], [-1.2, -1]],
    circle: Array.from({ length: 12 }, (_, index) => [Math.cos(index * Math.PI / 6), Math.sin(index * Math.PI / 6)]),
  }[name];
  return "M" + corners.map(([left, top]) => `${(x + left * size).toFixed(1)},${(y + top * size).toFixed(1)}`).join("L") + "Z";
}
