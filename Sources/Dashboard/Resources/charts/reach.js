// How far an axis goes: a run that went astray must not leave the others as flat lines. What lies beyond is marked at the edge.
import { shape } from "../base/dom.js";
import { number, plural } from "../base/format.js";

// Where one value is this many times as large as the others, a linear axis shows none of these, a logarithmic one hardly.
const beyond = { linear: 100, logarithmic: 1e8 };

// The largest size of a value that an axis shows; Infinity for all. `lines` are {values, hasFailed}.
export function reachOf(lines, isLog) {
  const sized = lines.map(({ values, hasFailed }) => ({ values, hasFailed, size: largest(values) })).filter((line) => line.size > 0).sort((a, b) => a.size - b.size);
  const sound = sized.some((line) => !line.hasFailed) ? sized.filter((line) => !line.hasFailed) : sized;
  if (sized.length < 2) return Infinity;
  let reach = sound[Math.ceil(sound.length / 2) - 1].size;
  for (const line of sized.filter((one) => one.size > reach)) {
    // Of two runs of different size neither is astray, unless one of them has failed or was once like the other.
    const isAlone = line.hasFailed || sound.filter((one) => one.size <= reach).length * 2 > sound.length || smallest(line.values) <= reach;
    if (line.size > reach * beyond[isLog ? "logarithmic" : "linear"] && isAlone) return reach;
    reach = line.size;
  }
  return Infinity;
}

function largest(values) {
  let size = 0;
  for (const value of values) if (Number.isFinite(value) && Math.abs(value) > size) size = Math.abs(value);
  return size;
}

function smallest(values) {
  let size = Infinity;
  for (const value of values) if (Number.isFinite(value) && Math.abs(value) < size) size = Math.abs(value);
  return size;
}

// A place on the paper, near its edge for values beyond: a path must not hold numbers that are too large for any paper.
export const nearby = (scale) => {
  const [bottom, top] = scale.range();
  return (value) => Math.max(2 * top - bottom, Math.min(2 * bottom - top, scale(value)));
};

// A place within the axis.
export const within = (scale) => {
  const [bottom, top] = scale.range();
  return (value) => Math.max(top, Math.min(bottom, scale(value)));
};

// Says in a few phrases what an axis leaves out: `lines` are {values, hasFailed} as before.
export function leftOut(lines, reach, noun) {
  const far = lines.map((line) => largest(line.values)).filter((size) => size > reach);
  const broken = lines.filter((line) => line.values.some((value) => typeof value === "number" && !Number.isFinite(value))).length;
  const part = (count) => `${count} of ${plural(lines.length, noun)}`;
  return [far.length ? `▲ ${part(far.length)} beyond, up to ${number(Math.max(...far))}` : "", broken ? `× ${part(broken)} not finite` : ""].filter((phrase) => phrase);
}

// Writes phrases below each other into the upper right corner of a chart.
export function writeCorner(svg, phrases, right, top) {
  phrases.forEach((phrase, index) => {
    svg.append("text").attr("class", "label beyond").attr("x", right).attr("y", top + 14 * (index + 1)).attr("text-anchor", "end").text(phrase);
  });
}

// A mark at an axis' edge: up or down for a value beyond it, a cross for one that is not finite.
export function edgeMark(kind, place, y, color) {
  const turn = kind === "down" ? -1 : 1;
  const path = kind === "cross" ? `M${place - 3},${y}L${place + 3},${y + 6}M${place + 3},${y}L${place - 3},${y + 6}` : `M${place - 4},${y + 7 * turn}L${place},${y}L${place + 4},${y + 7 * turn}Z`;
  return shape("path", { class: `beyond ${kind}`, d: path, fill: kind === "cross" ? "none" : color, stroke: color });
}

// Where a line leaves an axis, a few pixels between two marks: [kind, place].
export function exits(places, values, reach) {
  const marks = [];
  const last = {};
  values.forEach((value, index) => {
    const kind = !Number.isFinite(value) ? "cross" : value > reach ? "up" : value < -reach ? "down" : null;
    const place = places[index];
    if (kind && Number.isFinite(place) && !(place - last[kind] < 9)) marks.push([kind, place]);
    if (kind) last[kind] = place;
  });
  return marks;
}
