// Lines over two axes, with d3's scales and axes: hover and arrow keys say what a line is, a drag looks closer.
import { make, shape } from "../base/dom.js";
import { number } from "../base/format.js";
import { edgeMark, exits, leftOut, nearby, reachOf, within, writeCorner } from "./reach.js";

const lineMargin = { top: 8, right: 24, bottom: 38, left: 70 };

// Colours that are told apart with any eyes (after Okabe and Ito, each with three times the paper's contrast), then dashes.
export const palette = Array.from({ length: 8 }, (_, index) => `var(--line-${index})`);
export const dashes = ["", "6 3", "2 3", "8 3 2 3", "12 4"];

export function noCharts() {
  return make("p", { class: "empty" }, "This build has no charting library: install node-d3 (Debian) and build again. Tables, logs, figures and downloads work without it.");
}

// A scale's limits, widened where all values are one.
export function scaleOf(values, isLog, range) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value) || (isLog && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) [low, high] = isLog ? [1, 10] : [0, 1];
  if (low === high) [low, high] = isLog ? [low / 2, high * 2] : [low - Math.abs(low || 1) / 2, high + Math.abs(high || 1) / 2];
  return (isLog ? d3.scaleLog() : d3.scaleLinear()).domain([low, high]).range(range);
}

export function axes(svg, x, y, width, height, labels) {
  const ticks = (scale, isLog, count) => {
    const axis = scale;
    if (isLog) return axis.ticks(count, logLabel);
    return axis.ticks(count).tickFormat((value) => (Math.abs(value) >= 1e15 ? number(value) : Math.abs(value) >= 1e5 ? d3.format("~s")(value) : number(value)));
  };
  const isLog = (scale) => typeof scale.base === "function";
  const across = svg.append("g").attr("class", "axis").attr("transform", `translate(0,${height - lineMargin.bottom})`)
    .call(ticks(d3.axisBottom(x), isLog(x), Math.max(2, width / 90)));
  part(across, x);
  svg.append("g").attr("class", "axis").attr("transform", `translate(${lineMargin.left},0)`)
    .call(ticks(d3.axisLeft(y), isLog(y), Math.max(2, height / 45)));
  svg.append("text").attr("class", "label").attr("x", (lineMargin.left + width - lineMargin.right) / 2).attr("y", height - 4)
    .attr("text-anchor", "middle").text(labels.x);
  svg.append("text").attr("class", "label").attr("transform", `translate(12,${(height - lineMargin.bottom) / 2}) rotate(-90)`)
    .attr("text-anchor", "middle").text(labels.y);
}

// Powers of ten as they are read, few letters for any size.
export function logLabel(value) {
  const short = Number(value.toPrecision(3));
  return short >= 1e5 || short < 1e-3 ? short.toExponential().replace("e+", "e") : String(short);
}

// Takes away words that would touch: those of powers of ten stay first.
function part(group, scale) {
  const letter = 6.4;
  const taken = [];
  const words = group.selectAll(".tick text").nodes().filter((node) => node.textContent)
    .map((node) => ({ node, place: scale(node.__data__), half: letter * (node.textContent.length + 1) / 2, isFirst: /^1(0*|e.*)$|^0\.0*1$/.test(node.textContent) }));
  for (const word of [...words.filter((one) => one.isFirst), ...words.filter((one) => !one.isFirst)]) {
    if (taken.some((other) => Math.abs(other.place - word.place) < other.half + word.half)) word.node.textContent = "";
    else taken.push(word);
  }
}

// `series`: {name, about, color, dash, x, y, faint: y, lows, highs, band: {x, lows, highs}, open, hasFailed}
export function lineChart({ series, labels, logX, logY, height = 280, range, onRange, title, isReading, reading }) {
  const holder = make("figure", { class: "chart", tabindex: 0 });
  const note = make("figcaption", { class: "readout", role: "status" });
  // What is read: where the chart is drawn again, or another takes its place, reading goes on there.
  holder.reading = reading ?? null;
  let width = 0;
  const draw = () => {
    width = Math.max(260, holder.clientWidth || 600);
    const svg = d3.create("svg").attr("viewBox", `0 0 ${width} ${height}`).attr("width", width).attr("height", height).attr("role", "img");
    svg.append("title").text(title);
    const xs = function* () {
      for (const one of series) { if (one.x.length) { yield one.x[0]; yield one.x[one.x.length - 1]; if (logX) yield one.x.find((value) => value > 0); } }
    };
    const x = range ? (logX ? d3.scaleLog() : d3.scaleLinear()).domain(range).range([lineMargin.left, width - lineMargin.right])
      : scaleOf(xs(), logX, [lineMargin.left, width - lineMargin.right]);
    const shown = series.map((one) => ({ hasFailed: one.hasFailed, values: valuesOf(one, range) }));
    const reach = reachOf(shown, logY);
    const ys = function* () {
      for (const { values } of shown) for (const value of values) if (Math.abs(value) <= reach) yield value;
    };
    const y = scaleOf(ys(), logY, [height - lineMargin.bottom, lineMargin.top]);
    if (!logY) y.nice();
    const clip = `clip-${Math.random().toString(36).slice(2)}`;
    svg.append("clipPath").attr("id", clip).append("rect").attr("x", lineMargin.left).attr("y", lineMargin.top)
      .attr("width", width - lineMargin.left - lineMargin.right).attr("height", height - lineMargin.top - lineMargin.bottom);
    axes(svg, x, y, width, height, labels);
    const area = svg.append("g").attr("clip-path", `url(#${clip})`);
    const shows = (value, isLog) => Number.isFinite(value) && (!isLog || value > 0);
    const [up, onEdge] = [nearby(y), within(y)];
    const path = (places, values) => d3.line().defined((value, index) => shows(value, logY) && shows(places[index], logX))
      .x((value, index) => x(places[index])).y((value) => up(value))(values);
    const between = (places, lows, highs) => d3.area()
      .defined((value, index) => shows(lows[index], logY) && shows(highs[index], logY) && shows(places[index], logX))
      .x((value, index) => x(places[index])).y0((value, index) => up(lows[index])).y1((value, index) => up(highs[index]))(lows);
    for (const one of series) {
      if (one.band) area.append("path").attr("d", between(one.band.x, one.band.lows, one.band.highs)).attr("fill", one.color).attr("fill-opacity", 0.18);
      if (one.lows) area.append("path").attr("d", between(one.x, one.lows, one.highs)).attr("fill", one.color).attr("fill-opacity", 0.25);
      if (one.faint) area.append("path").attr("d", path(one.x, one.faint)).attr("fill", "none").attr("stroke", one.color).attr("stroke-opacity", 0.22);
    }
    const strokes = series.map((one) => {
      const stroke = area.append("path").attr("d", path(one.x, one.y)).attr("fill", "none").attr("stroke", one.color)
        .attr("stroke-width", series.length > 60 ? 1 : 1.5).attr("stroke-dasharray", one.dash || null).attr("class", "line");
      if (one.x.length === 1 && shows(one.y[0], logY) && shows(one.x[0], logX)) area.append("circle").attr("cx", x(one.x[0])).attr("cy", up(one.y[0])).attr("r", 2.5).attr("fill", one.color);
      return stroke;
    });
    const [left, right] = x.range();
    for (const one of series) {
      const places = one.x.map((place) => (shows(place, logX) && x(place) >= left && x(place) <= right ? x(place) : NaN));
      for (const [kind, place] of exits(places, one.highs ?? one.y, reach)) svg.node().append(edgeMark(kind, place, y.range()[kind === "down" ? 0 : 1], one.color));
      if (one.lows) for (const [kind, place] of exits(places, one.lows, reach)) if (kind === "down") svg.node().append(edgeMark(kind, place, y.range()[0], one.color));
    }
    const outside = leftOut(shown, reach, "line");
    writeCorner(svg, outside, right, lineMargin.top + 8);
    holder.setAttribute("aria-label", `${title}: ${series.length} lines${outside.map((phrase) => ", " + phrase.slice(2)).join("")}; arrow keys read values, plus and minus zoom in and out, Enter opens the run`);
    const dot = svg.append("circle").attr("r", 4).attr("class", "dot").attr("display", "none");
    connect(svg, { x, y: onEdge, strokes, dot, shows });
    holder.replaceChildren(svg.node(), note);
    if (!series.some((one) => one.y.some((value) => shows(value, logY)))) note.textContent = isReading ? "Reading…" : "Nothing to draw yet: no run shown has logged this.";
  };

  function connect(svg, { x, y, strokes, dot, shows }) {
    let at = null;
    const read = () => {
      const { line, index } = at;
      const one = series[line];
      strokes.forEach((stroke, other) => stroke.classed("behind", other !== line));
      const isShown = shows(one.y[index], logY) && shows(one.x[index], logX);
      dot.attr("display", isShown ? null : "none");
      if (isShown) dot.attr("cx", x(one.x[index])).attr("cy", y(one.y[index])).attr("fill", one.color);
      holder.reading = { name: one.name, place: one.x[index] };
      note.textContent = `${one.name}${one.about ? ` (${one.about})` : ""} · ${labels.x} ${number(one.x[index])} · ${number(one.y[index])}`;
    };
    const leave = () => {
      strokes.forEach((stroke) => stroke.classed("behind", false));
      dot.attr("display", "none");
      note.textContent = "";
      at = null;
      holder.reading = null;
    };
    const before = holder.reading;
    const line = before ? series.findIndex((one) => one.name === before.name && one.x.length) : -1;
    if (line >= 0) {
      const index = nearest(series[line].x, before.place);
      if (shows(series[line].y[index], logY) && shows(series[line].x[index], logX)) { at = { line, index }; read(); }
    }
    svg.on("mousemove", () => {
      const [left, top] = d3.mouse(svg.node());
      let best = null;
      series.forEach((one, line) => {
        if (!one.x.length) return;
        const index = nearest(one.x, x.invert(left));
        if (!shows(one.y[index], logY) || !shows(one.x[index], logX)) return;
        const distance = Math.hypot(x(one.x[index]) - left, y(one.y[index]) - top);
        if (distance < (best?.distance ?? 60)) best = { distance, line, index };
      });
      if (best) { at = best; read(); } else leave();
    }).on("mouseleave", leave);
    svg.on("click", () => { if (at && series[at.line].open) series[at.line].open(); });
    holder.onkeydown = (event) => {
      const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (event.key === "Escape") { leave(); onRange?.(null); return; }
      const zoom = { "+": 0.5, "=": 0.5, "-": 2 }[event.key];
      if (zoom && onRange) {
        event.preventDefault();
        const [low, high] = x.range();
        const middle = at ? x(series[at.line].x[at.index]) : (low + high) / 2;
        return onRange([middle + (low - middle) * zoom, middle + (high - middle) * zoom].map(x.invert));
      }
      if (event.key === "Enter" && at && series[at.line].open) return series[at.line].open();
      if (!steps || !series.length) return;
      event.preventDefault();
      at ??= { line: 0, index: 0 };
      const line = (at.line + steps[0] + series.length) % series.length;
      const index = line === at.line ? at.index + steps[1] : nearest(series[line].x, series[at.line].x[at.index] ?? 0);
      at = { line, index: Math.max(0, Math.min(series[line].x.length - 1, index)) };
      if (series[line].x.length) read();
    };
    if (!onRange) return;
    const brush = d3.brushX().extent([[lineMargin.left, lineMargin.top], [width - lineMargin.right, height - lineMargin.bottom]]).on("end", () => {
      if (!d3.event.selection || !d3.event.sourceEvent) return;
      const [from, to] = d3.event.selection.map(x.invert);
      if (d3.event.selection[1] - d3.event.selection[0] > 4) onRange([from, to]);
    });
    svg.insert("g", ".axis").attr("class", "brush").call(brush);
    svg.on("dblclick", () => onRange(null));
  }

  new ResizeObserver(() => { if (Math.abs((holder.clientWidth || 600) - width) > 8) draw(); }).observe(holder);
  draw();
  return holder;
}

// All that is drawn of a line, within the range that is looked at.
function valuesOf(one, range) {
  const all = [];
  for (const part of [one.y, one.lows, one.highs, one.band?.lows, one.band?.highs]) {
    if (!part) continue;
    const places = part === one.band?.lows || part === one.band?.highs ? one.band.x : one.x;
    for (let index = 0; index < part.length; index += 1) if (!range || (places[index] >= range[0] && places[index] <= range[1])) all.push(part[index]);
  }
  return all;
}

// The place of the nearest value in a growing list.
export function nearest(values, value) {
  const right = Math.min(Math.max(d3.bisectLeft(values, value), 1), values.length - 1);
  return right < 1 ? 0 : value - values[right - 1] < values[right] - value ? right - 1 : right;
}

export function legend(entries) {
  return make("div", { class: "legend" }, entries.map(({ name, color, dash, note }) => {
    const key = shape("svg", { width: 26, height: 10, "aria-hidden": "true" });
    key.append(shape("line", { x1: 0, x2: 26, y1: 5, y2: 5, stroke: color, "stroke-width": 2, "stroke-dasharray": dash || "none" }));
    return make("span", { class: "entry", "data-dash": dash }, key, name, note ? make("span", { class: "dim" }, " " + note) : null);
  }));
}
