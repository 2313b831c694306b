// A chart as PDF: the shapes of an SVG picture as lines and areas, its words in Helvetica.

const numberText = (value) => Number(value.toFixed(2)).toString();

// Colours as PDF has them; null for none.
function colorOf(text) {
  if (!text || text === "none" || text === "transparent") return null;
  const parts = /rgba?\(([^)]+)\)/.exec(text)?.[1].split(/[ ,/]+/).map(Number);
  if (!parts || parts[3] === 0) return null;
  return parts.slice(0, 3).map((part) => numberText(part / 255)).join(" ");
}

// The straight lines and curves of a path, by its commands in capital letters.
function pathText(data, matrix, height) {
  const place = (x, y) => {
    const point = { x: matrix.a * x + matrix.c * y + matrix.e, y: matrix.b * x + matrix.d * y + matrix.f };
    return `${numberText(point.x)} ${numberText(height - point.y)}`;
  };
  let [x, y, text] = [0, 0, ""];
  for (const [, command, rest] of data.matchAll(/([MLHVCZ])([^MLHVCZ]*)/g)) {
    const values = (rest.match(/-?\d*\.?\d+(?:e[-+]?\d+)?/gi) ?? []).map(Number);
    if (command === "Z") text += "h\n";
    else if (command === "H") for (x of values) text += `${place(x, y)} l\n`;
    else if (command === "V") for (y of values) text += `${place(x, y)} l\n`;
    else if (command === "C") {
      for (let index = 0; index + 5 < values.length; index += 6) {
        text += `${place(values[index], values[index + 1])} ${place(values[index + 2], values[index + 3])} ${place(values[index + 4], values[index + 5])} c\n`;
        [x, y] = [values[index + 4], values[index + 5]];
      }
    } else {
      for (let index = 0; index + 1 < values.length; index += 2) {
        [x, y] = [values[index], values[index + 1]];
        text += `${place(x, y)} ${command === "M" && index === 0 ? "m" : "l"}\n`;
      }
    }
  }
  return text;
}

function shapeOf(element) {
  const value = (name) => Number(element.getAttribute(name) ?? 0);
  switch (element.tagName) {
    case "path": return element.getAttribute("d") ?? "";
    case "line": return `M${value("x1")},${value("y1")}L${value("x2")},${value("y2")}`;
    case "rect": return `M${value("x")},${value("y")}H${value("x") + value("width")}V${value("y") + value("height")}H${value("x")}Z`;
    case "circle": {
      const [x, y, r] = [value("cx"), value("cy"), value("r")];
      const k = 0.5523 * r;
      return `M${x - r},${y}C${x - r},${y - k},${x - k},${y - r},${x},${y - r}C${x + k},${y - r},${x + r},${y - k},${x + r},${y}`
        + `C${x + r},${y + k},${x + k},${y + r},${x},${y + r}C${x - k},${y + r},${x - r},${y + k},${x - r},${y}Z`;
    }
    default: return null;
  }
}

// Letters that the standard fonts have; others become question marks.
function letters(text) {
  const own = { "…": "\\205", "–": "\\226", "—": "\\227", "−": "-", "≤": "<=", "≥": ">=", "→": "->", "▲": "^" };
  return [...text].map((letter) => own[letter] ?? ("\\()".includes(letter) ? "\\" + letter
    : letter.charCodeAt(0) < 127 ? letter : letter.charCodeAt(0) >= 160 && letter.charCodeAt(0) < 256 ? "\\" + letter.charCodeAt(0).toString(8) : "?")).join("");
}

// What keeps a line within its axes.
function clipOf(element) {
  const name = /#([\w-]+)/.exec(element.closest("[clip-path]")?.getAttribute("clip-path") ?? "")?.[1];
  return name ? document.getElementById(name)?.querySelector("rect") : null;
}

const pen = () => document.createElement("canvas").getContext("2d");

// `svg` is in the page, so its colours and places are known; `words` stand below, as a legend.
export function pdfOf(svg, words) {
  const box = svg.viewBox.baseVal;
  const [width, height] = [box.width, box.height + 14 * words.length];
  const inverse = svg.getScreenCTM().inverse();
  const states = new Map();
  const measure = pen();
  let content = "";
  const state = (fill, stroke) => {
    const key = `${fill}/${stroke}`;
    if (!states.has(key)) states.set(key, `/G${states.size}`);
    return states.get(key);
  };
  const write = (text, x, y, size, color, turn) => {
    content += `BT /F1 ${numberText(size)} Tf ${color} rg ${turn ? `0 1 -1 0` : `1 0 0 1`} ${numberText(x)} ${numberText(height - y)} Tm (${letters(text)}) Tj ET\n`;
  };
  for (const element of svg.querySelectorAll("path, line, rect, circle, text")) {
    if (element.closest("clipPath, .brush, .ring, [display=none]")) continue;
    const style = getComputedStyle(element);
    const matrix = inverse.multiply(element.getScreenCTM());
    const opacity = Number(style.opacity);
    if (element.tagName === "text") {
      const size = parseFloat(style.fontSize);
      measure.font = `${size}px Helvetica, Arial, sans-serif`;
      const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.textContent).join("");
      const shift = { start: 0, middle: 0.5, end: 1 }[style.textAnchor] * measure.measureText(text).width;
      const dy = parseFloat(element.getAttribute("dy") ?? "0") * (String(element.getAttribute("dy")).endsWith("em") ? size : 1);
      const [x, y] = [Number(element.getAttribute("x") ?? 0), Number(element.getAttribute("y") ?? 0) + dy];
      const isTurned = Math.abs(matrix.b) > 0.5;
      const point = { x: matrix.a * x + matrix.c * y + matrix.e, y: matrix.b * x + matrix.d * y + matrix.f };
      write(text, isTurned ? point.x : point.x - shift, isTurned ? point.y + shift : point.y, size, colorOf(style.fill) ?? "0 0 0", isTurned);
      continue;
    }
    const shape = shapeOf(element);
    const [fill, stroke] = [colorOf(style.fill), colorOf(style.stroke)];
    if (!shape || (!fill && !stroke)) continue;
    const dash = style.strokeDasharray === "none" ? "" : style.strokeDasharray.replaceAll("px", "").replaceAll(",", " ");
    const clip = clipOf(element);
    content += `q ${clip ? pathText(shapeOf(clip), inverse.multiply(svg.getScreenCTM()), height) + "W n " : ""}${state(opacity * Number(style.fillOpacity), opacity * Number(style.strokeOpacity))} gs ${fill ? fill + " rg " : ""}`
      + `${stroke ? `${stroke} RG ${numberText(parseFloat(style.strokeWidth))} w [${dash}] 0 d ` : ""}\n${pathText(shape, matrix, height)}${fill ? (stroke ? "B" : "f") : "S"} Q\n`;
  }
  words.forEach(({ text, color, dash }, index) => {
    const y = height - (box.height + 14 * index + 7);
    content += `q ${colorOf(color) ?? "0 0 0"} RG 2 w [${dash ?? ""}] 0 d 10 ${numberText(y)} m 34 ${numberText(y)} l S Q\n`;
    write(text, 40, box.height + 14 * index + 10, 9, "0 0 0", false);
  });
  return assemble(width, height, content, states);
}

function assemble(width, height, content, states) {
  const graphics = [...states].map(([key, name]) => {
    const [fill, stroke] = key.split("/").map(Number);
    return `${name} << /ca ${numberText(fill)} /CA ${numberText(stroke)} >>`;
  }).join(" ");
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${numberText(width)} ${numberText(height)}] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> /ExtGState << ${graphics} >> >> >>`,
    `<< /Length ${content.length} >>\nstream\n${content}endstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
  ];
  let text = "%PDF-1.4\n";
  const places = objects.map((object, index) => {
    const place = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return place;
  });
  const start = text.length;
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${places.map((place) => String(place).padStart(10, "0") + " 00000 n \n").join("")}`;
  return text + `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`;
}
