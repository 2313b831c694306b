// Heat maps of the numbers behind figures: the pointer or the arrow keys tell feature, true index and value.
import { make } from "./dom.js";
import { number } from "./format.js";

// Blues for importances, blue to red for weights: as the figures have them.
function cellColor(value, low, high, isSigned) {
  if (value === null || !Number.isFinite(value)) return [136, 136, 136];
  const mix = (from, to, share) => from.map((part, index) => Math.round(part + (to[index] - part) * share));
  if (isSigned) {
    const share = Math.max(-1, Math.min(1, value / (Math.max(Math.abs(low), Math.abs(high)) || 1)));
    return share < 0 ? mix([255, 255, 255], [33, 102, 172], -share) : mix([255, 255, 255], [178, 24, 43], share);
  }
  return mix([247, 251, 255], [8, 48, 107], Math.max(0, Math.min(1, (value - low) / (high - low || 1))));
}

export function heatMaps(arrays, figure) {
  const panels = [...new Set(Object.keys(arrays).filter((name) => name.startsWith(figure + "/") && name.endsWith("/values")).map((name) => name.slice(0, -"/values".length)))];
  if (!panels.length) return make("p", { class: "empty" }, "The numbers of this figure were not kept.");
  const rows = figure.startsWith("causal_importances") ? "feature" : "row";
  return panels.map((panel) => heatMap(panel.slice(figure.length + 1), rows, arrays[panel + "/values"], arrays[panel + "/columns"]?.values));
}

function heatMap(title, rowWord, { shape: [rows, columns], values }, names) {
  let [low, high] = [0, 0];
  for (const value of values) if (value !== null && Number.isFinite(value)) { low = Math.min(low, value); high = Math.max(high, value); }
  const isSigned = low < -1e-9;
  if (!isSigned) high = Math.max(high, 1);
  const cell = Math.max(2, Math.min(18, Math.floor(460 / columns), Math.floor(460 / rows)));
  const canvas = make("canvas", { width: columns, height: rows, tabindex: 0, role: "img", class: "map", "aria-label": `${title}: ${rows} features by ${columns} subcomponents; arrow keys read values` });
  canvas.style.width = `${columns * cell}px`;
  canvas.style.height = `${rows * cell}px`;
  const image = new ImageData(columns, rows);
  values.forEach((value, index) => {
    const [red, green, blue] = cellColor(value, low, high, isSigned);
    image.data.set([red, green, blue, 255], 4 * index);
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
  const note = make("figcaption", { class: "readout", role: "status" });
  const tell = (row, column) => {
    const value = values[row * columns + column];
    note.textContent = `${rowWord} ${row} · subcomponent ${names ? names[column] : column} · ${value === null ? "not a number" : number(value)}`;
  };
  let at = [0, 0];
  canvas.addEventListener("mousemove", (event) => {
    const box = canvas.getBoundingClientRect();
    at = [Math.min(rows - 1, Math.floor((event.clientY - box.top) / box.height * rows)), Math.min(columns - 1, Math.floor((event.clientX - box.left) / box.width * columns))];
    tell(...at);
  });
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!steps) return;
    event.preventDefault();
    at = [Math.max(0, Math.min(rows - 1, at[0] + steps[0])), Math.max(0, Math.min(columns - 1, at[1] + steps[1]))];
    tell(...at);
  });
  return make("figure", { class: "chart" }, make("h4", {}, title), make("div", { class: "scroll" }, canvas), note,
    make("p", { class: "dim" }, `${number(low)} … ${number(high)}; columns in the figure's order, named by their true indices`));
}
