// A language model's subcomponents: what a text uses, and where in the text a subcomponent matters.
import { answers, ask, record } from "../base/api.js";
import { change, setting } from "../base/address.js";
import { choice, fill, make } from "../base/dom.js";
import { csv, number, plural } from "../base/format.js";
import { textPicture } from "../takeaway/pictures.js";

const rowsAtOnce = 16;
const mostExamples = 20;
const context = 12;
const matters = 0.1;
const mostInAddress = 500;
const mostListed = 60;

export function explorerTab(view, run) {
  const path = `runs/${run}/explain`;
  const element = make("div", {});
  const status = make("p", { class: "dim", role: "status" });
  const text = make("div", { class: "tokens", tabindex: 0, role: "group", "aria-label": "text; arrow keys move between tokens" });
  const places = make("div", {});
  const examples = make("div", {});
  // Rows of tokens, and of each module and token pairs of a subcomponent and its importance.
  let rows = [];
  let modules = [];
  let next = 0;
  // Whether tokens bring the spaces between words along.
  let isSpaced = true;
  let subcomponents = 0;
  let module = setting("module", "");
  let component = setting("component", "") === "" ? null : Number(setting("component", ""));
  let at = setting("at", "") ? setting("at", "").split(".").map(Number) : null;
  let words = setting("token", "");

  const typed = make("textarea", { rows: 2, cols: 60, "aria-label": "a text of your own", placeholder: "a text of your own", value: setting("text", "") });
  const search = make("input", { type: "search", placeholder: "search for a token", "aria-label": "search for a token", value: words, oninput: () => { words = search.value; change({ token: words }); drawText(); } });
  const controls = make("span", { class: "tools" });

  function take(answer, isMore) {
    rows = isMore ? [...rows, ...answer.rows] : answer.rows;
    modules = answer.modules.map((one, index) => ({ name: one.name, places: isMore ? [...modules[index].places, ...one.places] : one.places }));
    subcomponents = answer.subcomponents;
    isSpaced = rows.some((row) => row.some((word) => /^\s/.test(word)));
    if (!modules.some((one) => one.name === module)) module = modules[0]?.name ?? "";
    if (!rows[at?.[0]]?.[at[1]] && at) at = null;
  }

  async function load(wish, isMore) {
    status.textContent = "The worker computes importances…";
    // One text at a time; what is taken away waits for it.
    for (const button of asking) button.disabled = true;
    try {
      take(await ask(path, wish, null), isMore);
      answers.set("explain", { rows, modules, subcomponents });
      if (wish.text === undefined) next = wish.first + wish.count;
      status.textContent = "";
    } catch (error) {
      status.textContent = error.message;
    }
    for (const button of asking) button.disabled = false;
    draw();
  }

  const importance = (row, place) => {
    const pairs = modules.find((one) => one.name === module)?.places[row][place] ?? [];
    if (component === null) return pairs.length ? pairs[1] : 0;
    for (let index = 0; index < pairs.length; index += 2) if (pairs[index] === component) return pairs[index + 1];
    return 0;
  };

  function choose(nextModule, nextComponent) {
    module = nextModule;
    component = nextComponent;
    change({ module, component });
    draw();
  }

  function token(row, place, value) {
    const word = rows[row][place];
    const span = make("span", {
      class: "token" + (words && word.toLowerCase().includes(words.toLowerCase()) ? " found" : "") + (at && at[0] === row && at[1] === place ? " at" : ""),
      "data-row": row, "data-place": place, title: `${JSON.stringify(word)} ${number(value)}`,
    }, word.replaceAll("\n", "⏎\n"));
    span.style.setProperty("--share", `${Math.round(85 * Math.min(1, value))}%`);
    if (value >= matters) span.classList.add("matters");
    return isSpaced ? span : [span, " "];
  }

  function drawText() {
    const isFound = (row) => !words || rows[row].some((word) => word.toLowerCase().includes(words.toLowerCase()));
    const shown = rows.map((_, row) => row).filter(isFound);
    fill(text, shown.map((row) => make("p", {}, rows[row].map((_, place) => token(row, place, importance(row, place))))),
      rows.length && !shown.length ? make("p", { class: "empty" }, "No token of the text read so far matches: read more of it.") : null);
  }

  // Which subcomponents of every module matter at the token that was chosen.
  function drawPlaces() {
    if (!at) { fill(places, make("p", { class: "dim" }, rows.length ? "Choose a token to see which subcomponents matter there." : "")); return; }
    const [row, place] = at;
    fill(places, make("h3", {}, "At ", make("code", {}, JSON.stringify(rows[row][place])), ` (row ${row}, token ${place})`),
      modules.map((one) => {
        const pairs = one.places[row][place];
        const entries = [];
        for (let index = 0; index < pairs.length && entries.length < 24; index += 2) {
          const [which, value] = [pairs[index], pairs[index + 1]];
          entries.push(make("button", { class: one.name === module && which === component ? "chosen" : "", onclick: () => choose(one.name, which) }, `${which} `, make("span", { class: "dim" }, value.toFixed(2))));
        }
        const count = pairs.filter((value, index) => index % 2 === 1 && value >= matters).length;
        return make("div", {}, make("h4", {}, one.name, make("span", { class: "dim" }, ` ${count} of ${subcomponents} over ${matters}`)), make("div", { class: "strip" }, entries.length ? entries : "none"));
      }));
  }

  // Of no subcomponent: all of the module, by how often they matter in the text read so far.
  function mostActive(one) {
    const counts = new Map();
    let tokens = 0;
    for (const row of one.places) {
      for (const pairs of row) {
        tokens += 1;
        for (let index = 0; index < pairs.length; index += 2) if (pairs[index + 1] >= matters) counts.set(pairs[index], (counts.get(pairs[index]) ?? 0) + 1);
      }
    }
    const found = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    return [make("h3", {}, `${one.name} · subcomponents by how often they matter`), make("p", { class: "dim" }, `${counts.size} of ${subcomponents} exceed ${matters} somewhere in ${plural(tokens, "token")}. Choose one to see where.`),
      make("div", { class: "strip" }, found.slice(0, mostListed).map(([which, count]) => make("button", { onclick: () => choose(one.name, which) }, `${which} `, make("span", { class: "dim" }, `${(100 * count / tokens).toFixed(count < tokens / 100 ? 1 : 0)} %`))))];
  }

  // All importances of what was read, or those of the subcomponent that is looked at.
  function takenRows() {
    const table = [["row", "place", "token", "module", "subcomponent", "importance"]];
    rows.forEach((row, index) => row.forEach((word, place) => {
      if (component !== null) return table.push([index, place, word, module, component, importance(index, place)]);
      for (const one of modules) {
        const pairs = one.places[index][place];
        for (let pair = 0; pair < pairs.length; pair += 2) table.push([index, place, word, one.name, pairs[pair], pairs[pair + 1]]);
      }
      return null;
    }));
    return csv(table);
  }

  function drawExamples() {
    const one = modules.find((candidate) => candidate.name === module);
    if (component === null || !one) { fill(examples, one ? mostActive(one) : null); return; }
    const found = [];
    let active = 0;
    rows.forEach((row, index) => row.forEach((_, place) => {
      const value = importance(index, place);
      if (value > 0) found.push([value, index, place]);
      if (value >= matters) active += 1;
    }));
    found.sort((a, b) => b[0] - a[0]);
    const tokens = rows.reduce((sum, row) => sum + row.length, 0);
    fill(examples, make("h3", {}, `${module} · subcomponent ${component}`),
      make("p", { class: "dim" }, `over ${matters} at ${active} of ${plural(tokens, "token")} read`, found.length > mostExamples ? `; the ${mostExamples} with the largest importance` : ""),
      found.length ? make("div", { class: "tokens" }, found.slice(0, mostExamples).map(([value, row, place]) => make("p", {}, make("span", { class: "dim mono" }, `${value.toFixed(2)}  `),
        rows[row].slice(Math.max(0, place - context), place + context + 1).map((_, offset) => token(row, Math.max(0, place - context) + offset, importance(row, Math.max(0, place - context) + offset)))))) : make("p", { class: "empty" }, "It matters nowhere in the text read so far: read more of it."));
  }

  function drawControls() {
    const which = make("input", { type: "number", min: 0, max: Math.max(0, subcomponents - 1), value: component ?? "", "aria-label": "subcomponent", placeholder: "any",
      onchange: () => choose(module, which.value === "" ? null : Math.max(0, Math.min(subcomponents - 1, Math.floor(Number(which.value))))) });
    fill(controls, choice("shade by", modules.map((one) => one.name), module, (name) => choose(name, component)), make("label", { class: "control" }, make("span", {}, "subcomponent"), which));
  }

  function draw() { drawControls(); drawText(); drawPlaces(); drawExamples(); }

  const pick = (row, place) => { at = [row, place]; change({ at: at.join(".") }); drawText(); drawPlaces(); };
  element.addEventListener("click", (event) => {
    const chosen = event.target.closest(".token");
    if (chosen) pick(Number(chosen.dataset.row), Number(chosen.dataset.place));
  });
  text.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !rows.length) return;
    event.preventDefault();
    let [row, place] = at ?? [0, -1];
    place += step;
    if (place < 0) { row = Math.max(0, row - 1); place = rows[row].length - 1; }
    if (place >= rows[row].length) { row = Math.min(rows.length - 1, row + 1); place = 0; }
    pick(row, place);
    text.querySelector(".at")?.scrollIntoView({ block: "nearest" });
  });

  const asking = [
    make("button", { onclick: () => { change({ text: null }); load({ first: next, count: rowsAtOnce }, next > 0); } }, "Read more of the eval split"),
    make("button", { onclick: () => { if (typed.value.trim()) { next = 0; at = null; change({ at: null, text: typed.value.length <= mostInAddress ? typed.value : null }); load({ text: typed.value }, false); } } }, "Show this text"),
  ];
  fill(element, make("div", { class: "tools" }, controls, search, record ? null : [asking[0], typed, asking[1]],
  view.takeaway(null, takenRows, { drawings: () => [textPicture(`${run} ${module}${component === null ? "" : " subcomponent " + component}`, rows.map((row, index) => row.map((word, place) => [isSpaced ? word.replaceAll("\n", "⏎") : word + " ", importance(index, place), importance(index, place) >= matters])))] })), status, make("div", { class: "columns" }, make("section", { class: "card" }, make("h3", {}, "Text"), text), make("section", { class: "card" }, places), make("section", { class: "card" }, examples)));
  if (record) ask(path, undefined, "explain").then((answer) => { take(answer, false); draw(); }).catch((error) => { status.textContent = error.message; });
  else load(setting("text", "") ? { text: setting("text", "") } : { first: 0, count: rowsAtOnce }, false);
  return { element, update() {} };
}
