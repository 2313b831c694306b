// What is shown, to take away: SVG, PDF, CSV, or the whole view as one page that needs no server.
import { answers, askText, record, settled } from "../base/api.js";
import { whole } from "../base/address.js";
import { make, shape } from "../base/dom.js";
import { pdfOf } from "./pdf.js";
import { stackedPicture } from "./pictures.js";

export function saveText(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  saveAddress(name, address);
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export function saveAddress(name, address) {
  const anchor = make("a", { href: address, download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
}

// Charts look the same on paper whatever the screen's colours are.
function onPaper(work) {
  const before = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
  try { return work(); } finally {
    if (before) document.documentElement.dataset.theme = before; else delete document.documentElement.dataset.theme;
  }
}

const properties = ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "font-size", "font-family", "font-weight", "text-anchor", "opacity", "paint-order"];

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
  copy.querySelectorAll(".brush, .ring, [display=none]").forEach((element) => element.remove());
  const { width, height } = svg.viewBox.baseVal;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("viewBox", `0 0 ${width} ${height + 14 * words.length}`);
  copy.setAttribute("height", height + 14 * words.length);
  words.forEach(({ text, color, dash }, index) => {
    const y = height + 14 * index + 7;
    copy.append(shape("path", { d: `M10,${y}H34`, stroke: color, "stroke-width": 2, "stroke-dasharray": dash || "none" }),
      shape("text", { x: 40, y: y + 3, "font-size": "9px", "font-family": "Helvetica, Arial, sans-serif" }, text));
  });
  copy.prepend(shape("rect", { width: "100%", height: "100%", fill: "#ffffff" }));
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(copy)}\n`;
}

// Browsers take ten files of one click and drop the others.
const mostFiles = 9;

export const safeName = (text) => text.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^-+|-+$/g, "") || "chart";

// The menu of a view: `rows` gives its numbers as CSV, `drawings` pictures of what is no chart; `more` are further entries.
export function takeawayMenu(name, element, rows, { drawings, more = [] } = {}) {
  const words = () => [...(element?.querySelectorAll(".legend .entry") ?? [])].map((entry) => ({
    text: entry.textContent, dash: entry.dataset.dash, color: getComputedStyle(entry.querySelector("line")).stroke,
  })).slice(0, 24);
  const titleOf = (svg, index) => `${name}-${safeName(svg.querySelector("title")?.textContent ?? String(index + 1))}`;
  // Pictures are in the page while they are copied, so their looks are known.
  const save = (ending, type, textOf) => async () => {
    let pictures = drawings ? await drawings() : [...element.querySelectorAll("figure.chart > svg")];
    if (!pictures.length) throw new Error("Nothing shown can be saved as a picture.");
    if (pictures.length > mostFiles) pictures = [stackedPicture(name, pictures)];
    const place = make("div", { class: "hidden" }, pictures.filter((svg) => !svg.isConnected));
    document.body.append(place);
    try {
      onPaper(() => pictures.forEach((svg, index) => saveText(titleOf(svg, index) + ending, type, textOf(svg, drawings ? [] : words()))));
    } finally { place.remove(); }
  };
  const entries = element || drawings ? [["SVG", save(".svg", "image/svg+xml", standalone)], ["PDF", save(".pdf", "application/pdf", pdfOf)]] : [];
  if (rows) entries.push(["CSV", async () => saveText(`${name}.csv`, "text/csv", await rows())]);
  entries.push(...more);
  if (!record) entries.push(["This view as one HTML file", () => exportPage(name)]);
  return make("details", { class: "menu" }, make("summary", {}, "Take away"), make("div", { class: "panel column" }, entries.map(([label, work]) =>
    make("button", { onclick: async (event) => {
      const button = event.currentTarget;
      button.parentElement.querySelector(".error")?.remove();
      button.setAttribute("aria-busy", "true");
      try {
        await settled();
        await work();
      } catch (error) { button.after(make("p", { class: "error", role: "alert" }, error.message)); }
      button.removeAttribute("aria-busy");
    } }, label))));
}

// The page with all answers that this view was made of.
export async function exportPage(name) {
  const shell = await askText("export");
  const text = JSON.stringify({ address: whole(), time: Date.now(), answers: Object.fromEntries(answers) }).replaceAll("<", "\\u003c");
  saveText(`${name}.html`, "text/html", shell.replace("<!--record-->", () => `<script type="application/json" id="record">${text}</script>`));
}
