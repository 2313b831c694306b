// Heat maps of the numbers behind figures: the pointer or the arrow keys tell feature, true index and value.
import { make } from "../base/dom.js";
import { number } from "../base/format.js";
import { mapPicture } from "../takeaway/pictures.js";

// The colours that figures have: importances from white on, black beyond one; blue over white to red where zero is in the
// middle.
const reds = [[255, 255, 255], [245, 160, 130], [210, 50, 45], [95, 0, 15]];
const blues = [[255, 255, 255], [150, 190, 225], [50, 115, 185], [8, 40, 100]];
const blueWhiteRed = [[20, 50, 130], [90, 140, 215], [255, 255, 255], [225, 110, 85], [125, 10, 30]];

function mixed(stops, share) {
  const place = Math.max(0, Math.min(1, share)) * (stops.length - 1);
  const first = Math.min(Math.floor(place), stops.length - 2);
  return stops[first].map((part, index) => Math.round(part + (stops[first + 1][index] - part) * (place - first)));
}

function cellColor(value, { low, high, stops, isImportance }) {
  if (value === null || !Number.isFinite(value)) return [136, 136, 136];
  if (isImportance) return value > 1.0005 ? [0, 0, 0] : mixed(stops, value);
  return mixed(stops, (value - low) / (high - low || 1));
}

// What colours values of a figure have, and in words.
function lookOf(figure, values) {
  let [low, high] = [0, 0];
  for (const value of values) if (value !== null && Number.isFinite(value)) { low = Math.min(low, value); high = Math.max(high, value); }
  const words = `${number(low)} … ${number(high)}`;
  if (figure.startsWith("causal_importances")) return { isImportance: true, stops: figure.includes("upper") ? reds : blues, words: words + ", black beyond 1" };
  if (low >= 0) return { low: 0, high, stops: blues, words };
  const end = Math.max(-low, high);
  return { low: -end, high: end, stops: blueWhiteRed, words: words + ", white is zero" };
}

// The maps of a figure: their titles, rows' word, shapes, values and columns' true indices.
export function mapsOf(arrays, figure) {
  return Object.keys(arrays).filter((name) => name.startsWith(figure + "/") && name.endsWith("/values")).map((name) => {
    const panel = name.slice(0, -"/values".length);
    const { shape: [rows, columns], values } = arrays[name];
    return { title: panel.slice(figure.length + 1), look: lookOf(figure, values), rowWord: figure.startsWith("causal_importances") ? "feature" : "row", rows, columns, values, names: arrays[panel + "/columns"]?.values };
  });
}

export function heatMaps(arrays, figure) {
  const maps = mapsOf(arrays, figure);
  return maps.length ? maps.map(heatMap) : make("p", { class: "empty" }, "The numbers of this figure were not kept.");
}

export function heatPicture(title, { rowWord, look, rows, columns, values, names }) {
  return mapPicture(title, {
    rows, columns, rowNames: Array.from({ length: rows }, (_, row) => row), columnNames: names ?? Array.from({ length: columns }, (_, column) => column),
    colorAt: (row, column) => `rgb(${cellColor(values[row * columns + column], look).join(", ")})`,
    words: `${rowWord}s by subcomponents; ${look.words}`,
  });
}

function heatMap({ title, rowWord, look, rows, columns, values, names }) {
  const cell = Math.max(2, Math.min(18, Math.floor(460 / columns), Math.floor(460 / rows)));
  const canvas = make("canvas", { width: columns, height: rows, tabindex: 0, role: "img", class: "map", "aria-label": `${title}: ${rows} ${rowWord}s by ${columns} subcomponents; arrow keys read values` });
  canvas.style.width = `${columns * cell}px`;
  canvas.style.aspectRatio = `${columns} / ${rows}`;
  const image = new ImageData(columns, rows);
  values.forEach((value, index) => {
    const [red, green, blue] = cellColor(value, look);
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
    make("p", { class: "dim" }, `${look.words}; columns in the figure's order, named by their true indices`));
}
