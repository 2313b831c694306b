// What is no chart as a picture to take away: tables, maps and shaded text, as SVG shapes.
import { shape } from "../base/dom.js";
import { number } from "../base/format.js";

const [letter, lineHeight] = [11, 18];
const longest = 60;

function sheet(title, width, height, parts) {
  const svg = shape("svg", { viewBox: `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`, width: Math.ceil(width), height: Math.ceil(height) });
  svg.append(shape("title", {}, title), ...parts);
  return svg;
}

const write = (text, x, y, options) => shape("text", { x, y, "font-size": `${letter}px`, "font-family": "Helvetica, Arial, sans-serif", fill: "#000000", ...options }, text);

const ruler = (() => {
  let pen = null;
  return (text) => {
    pen ??= document.createElement("canvas").getContext("2d");
    pen.font = `${letter}px Helvetica, Arial, sans-serif`;
    return pen.measureText(text).width;
  };
})();

// A table; its first row names the columns.
export function tablePicture(title, rows) {
  const texts = rows.map((row) => row.map((value) => { const text = number(value); return text.length > longest ? text.slice(0, longest - 1) + "…" : text; }));
  const widths = texts[0].map((_, column) => Math.max(...texts.map((row) => ruler(row[column]))) + 16);
  const lefts = widths.map((_, column) => widths.slice(0, column).reduce((sum, width) => sum + width, 8));
  const width = widths.reduce((sum, one) => sum + one, 16);
  const parts = texts.flatMap((row, index) => row.map((text, column) => {
    const isNumber = index > 0 && typeof rows[index][column] === "number";
    return write(text, isNumber ? lefts[column] + widths[column] - 16 : lefts[column], (index + 1) * lineHeight, { "text-anchor": isNumber ? "end" : "start", "font-weight": index ? "normal" : "bold" });
  }));
  parts.push(shape("line", { x1: 8, x2: width - 8, y1: lineHeight + 5, y2: lineHeight + 5, stroke: "#000000", "stroke-width": 0.7 }));
  return sheet(title, width, (rows.length + 1) * lineHeight, parts);
}

// A map: cells with their rows' and columns' names, those of columns upright where they are many.
export function mapPicture(title, { rows, columns, rowNames, columnNames, colorAt, words }) {
  const cell = Math.max(4, Math.min(18, Math.floor(900 / columns)));
  const left = 16 + Math.max(...rowNames.map((name) => ruler(String(name))));
  const [top, every] = [30, Math.ceil(20 / cell)];
  const parts = [write(title, 8, 16, { "font-weight": "bold" })];
  for (let row = 0; row < rows; row += 1) {
    if (row % Math.ceil(12 / cell) === 0) parts.push(write(String(rowNames[row]), left - 6, top + (row + 0.5) * cell + 4, { "text-anchor": "end" }));
    for (let column = 0; column < columns; column += 1) {
      const color = colorAt(row, column);
      // White is the paper's.
      if (color !== "rgb(255, 255, 255)") parts.push(shape("rect", { x: left + column * cell, y: top + row * cell, width: cell, height: cell, fill: color }));
    }
  }
  for (let column = 0; column < columns; column += every) {
    parts.push(write(String(columnNames[column]), left + (column + 0.5) * cell, top + rows * cell + 14, { "text-anchor": "middle", "font-size": "9px" }));
  }
  parts.push(shape("rect", { x: left, y: top, width: columns * cell, height: rows * cell, fill: "none", stroke: "#888888", "stroke-width": 0.7 }));
  parts.push(write(words, 8, top + rows * cell + 34, {}));
  return sheet(title, Math.max(left + columns * cell + 8, ruler(words) + 16, 1.15 * ruler(title) + 16), top + rows * cell + 44, parts);
}

// Lines of tokens: [text, shade, whether it is underlined].
export function textPicture(title, lines) {
  const width = 720;
  const parts = [write(title, 8, 16, { "font-weight": "bold" })];
  let y = 16;
  for (const line of lines) {
    let x = 8;
    y += 1.4 * lineHeight;
    for (const [word, share, isUnder] of line) {
      const size = ruler(word);
      if (x + size > width - 8) [x, y] = [8, y + lineHeight];
      if (share > 0.005) parts.push(shape("rect", { x, y: y - letter, width: size, height: letter + 4, fill: `rgb(${[230, 159, 0].map((part) => Math.round(255 + (part - 255) * 0.85 * Math.min(1, share))).join(", ")})` }));
      if (isUnder) parts.push(shape("line", { x1: x, x2: x + size, y1: y + 4, y2: y + 4, stroke: "#000000", "stroke-width": 1 }));
      parts.push(write(word, x, y, { "xml:space": "preserve" }));
      x += size;
    }
  }
  return sheet(title, width, y + 14, parts);
}

// Pictures below each other.
export function stackedPicture(title, pictures) {
  let [width, height] = [0, 0];
  const parts = pictures.map((picture) => {
    const box = picture.viewBox.baseVal;
    const copy = picture.cloneNode(true);
    for (const [name, value] of Object.entries({ x: 0, y: height, width: box.width, height: box.height })) copy.setAttribute(name, value);
    height += box.height + 12;
    width = Math.max(width, box.width);
    return copy;
  });
  return sheet(title, width, height, parts);
}
