// What is shown, to take away: SVG, PDF, CSV, or the whole view as one page that needs no server.
import { answers, askText, record } from "./api.js";
import { whole } from "./address.js";
import { make } from "./dom.js";
import { pdfOf } from "./pdf.js";

export function saveText(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const anchor = make("a", { href: address, download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// Charts look the same on paper whatever the screen's colours are.
function onPaper(work) {
  const before = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
  try { return work(); } finally {
    if (before) document.documentElement.dataset.theme = before; else delete document.documentElement.dataset.theme;
  }
}

const properties = ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "font-size", "font-family", "text-anchor", "opacity"];

// A copy whose looks depend on no style sheet.
function standalone(svg, words) {
  const copy = svg.cloneNode(true);
  const [all, copies] = [svg.querySelectorAll("*"), copy.querySelectorAll("*")];
  all.forEach((element, index) => {
    if (element.closest("clipPath")) return;
    const style = getComputedStyle(element);
    for (const property of properties) {
      const value = style.getPropertyValue(property);
      if (value && value !== "auto") copies[index].setAttribute(property, property === "font-family" ? "Helvetica, Arial, sans-serif" : value);
    }
  });
  copy.querySelectorAll(".brush, [display=none]").forEach((element) => element.remove());
  const { width, height } = svg.viewBox.baseVal;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("viewBox", `0 0 ${width} ${height + 14 * words.length}`);
  copy.setAttribute("height", height + 14 * words.length);
  const add = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    copy.append(element);
    return element;
  };
  words.forEach(({ text, color, dash }, index) => {
    const y = height + 14 * index + 7;
    add("path", { d: `M10,${y}H34`, stroke: color, "stroke-width": 2, "stroke-dasharray": dash || "none" });
    add("text", { x: 40, y: y + 3, "font-size": "9px", "font-family": "Helvetica, Arial, sans-serif" }).textContent = text;
  });
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ width: "100%", height: "100%", fill: "#ffffff" })) paper.setAttribute(name, value);
  copy.prepend(paper);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(copy)}\n`;
}

const safeName = (text) => text.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^-+|-+$/g, "") || "chart";

// The menu of a view; `rows` gives its numbers as CSV.
export function takeawayMenu(name, element, rows) {
  const charts = () => [...(element?.querySelectorAll("figure.chart > svg") ?? [])];
  const words = () => [...(element?.querySelectorAll(".legend .entry") ?? [])].map((entry) => ({
    text: entry.textContent, dash: entry.dataset.dash, color: entry.dataset.color === "currentColor" ? "#000000" : entry.dataset.color,
  })).slice(0, 24);
  const titleOf = (svg, index) => `${name}-${safeName(svg.querySelector("title")?.textContent ?? String(index + 1))}`;
  const entries = [];
  if (element && rows) {
    entries.push(["SVG", () => onPaper(() => charts().forEach((svg, index) => saveText(titleOf(svg, index) + ".svg", "image/svg+xml", standalone(svg, words()))))]);
    entries.push(["PDF", () => onPaper(() => charts().forEach((svg, index) => saveText(titleOf(svg, index) + ".pdf", "application/pdf", pdfOf(svg, words()))))]);
  }
  if (rows) entries.push(["CSV", () => saveText(`${name}.csv`, "text/csv", rows())]);
  if (!record) entries.push(["This view as one HTML file", () => exportPage(name)]);
  return make("details", { class: "menu" }, make("summary", {}, "Take away"), make("div", { class: "panel column" }, entries.map(([label, work]) =>
    make("button", { onclick: async (event) => {
      const button = event.currentTarget;
      try { await work(); } catch (error) { button.after(make("p", { class: "error" }, error.message)); }
    } }, label))));
}

// The page with all answers that this view was made of.
export async function exportPage(name) {
  const shell = await askText("export");
  const text = JSON.stringify({ address: whole(), time: Date.now(), answers: Object.fromEntries(answers) }).replaceAll("<", "\\u003c");
  saveText(`${name}.html`, "text/html", shell.replace("<!--record-->", () => `<script type="application/json" id="record">${text}</script>`));
}
