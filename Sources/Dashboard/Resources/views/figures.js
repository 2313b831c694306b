// Figures over steps: one slider for all, every step that was kept, runs side by side at the same step.
import { ask, askPicture } from "../base/api.js";
import { change, setting } from "../base/address.js";
import { choice, fill, link, make } from "../base/dom.js";
import { csv, plural } from "../base/format.js";
import { heatMaps, heatPicture, mapsOf } from "../charts/maps.js";
import { safeName, saveAddress } from "../takeaway/takeaway.js";

const mostPictures = 8;
// Milliseconds after which a run may have drawn new ones.
const pause = 15_000;

// `isNumbers`: the numbers behind figures, which say what is under the pointer, in place of pictures.
export function figuresTab(view, isNumbers) {
  const element = make("div", {}, make("p", { class: "dim" }, "Looking for figures…"));
  let sets = new Map();
  let step = setting("step", "") === "" ? null : Number(setting("step", ""));
  let name = setting("figure", "");
  // The latest step there is, until somebody chooses one.
  let isLatest = step === null;
  const pictures = make("div", { class: "pictures" });

  let looked = 0;
  async function load(isLive) {
    const runs = view.filters.chosen(view.runs.rows).filter((run) => run.attempt > 0).slice(0, mostPictures);
    const found = new Map();
    for (const run of runs) found.set(run, await ask(`runs/${run.run}/figures`));
    const textOf = (all) => JSON.stringify([...all].map(([run, list]) => [run.run, list]));
    looked = Date.now();
    if (isLive && textOf(found) === textOf(sets)) return;
    sets = found;
    const steps = [...new Set([...sets.values()].flat().map((set) => set.step))].sort((a, b) => a - b);
    const all = [...new Set([...sets.values()].flat().flatMap((set) => set.figures))];
    const names = isNumbers ? await withMaps(all) : all;
    if (!steps.length) {
      fill(element, make("p", { class: "empty" }, runs.length ? "These runs have no figures yet: they draw some every image_freq steps, if Cairo is on their node and `figures` in the config allows it." : "None of the runs shown has started."));
      return;
    }
    if (!names.length) { fill(element, make("p", { class: "empty" }, "These runs have no causal-importance maps: only targets whose inputs are features do.")); return; }
    if (!names.includes(name)) name = names.find((one) => one === "causal_importances_upper_leaky") ?? names[0];
    if (isLatest || !steps.includes(step)) step = steps[steps.length - 1];
    const shown = make("output", {}, String(step));
    const slider = make("input", {
      type: "range", min: 0, max: steps.length - 1, step: 1, value: steps.indexOf(step), "aria-label": "step",
      oninput: () => {
        step = steps[Number(slider.value)];
        isLatest = step === steps[steps.length - 1];
        shown.textContent = String(step);
        draw();
      },
      onchange: () => change({ step: isLatest ? null : step }),
    });
    fill(element, make("div", { class: "tools" }, choice("figure", names, name, (value) => { name = value; change({ figure: name }); draw(); }),
      make("label", { class: "control grow" }, make("span", {}, `step (${plural(steps.length, "kept step")})`), slider, shown), takeaway()), pictures,
    make("p", { class: "dim" }, view.filters.chosen(view.runs.rows).length > mostPictures ? `The first ${mostPictures} runs are shown: pick others in the table.` : ""));
    draw();
  }

  // The figures whose numbers are maps, as the latest of each run tell.
  async function withMaps(names) {
    const latest = [...sets].filter(([, list]) => list.length).map(([run, list]) => numbersOf(run, list[list.length - 1]).catch(() => ({})));
    const arrays = await Promise.all(latest);
    return names.filter((one) => !/^mask_vals|^mean_component/.test(one) && arrays.some((some) => mapsOf(some, one).length));
  }

  // A run that kept no figures of that very step shows its last ones before.
  const setOf = (list) => [...list].reverse().find((one) => one.step <= step && one.figures.includes(name));
  const shownSets = () => [...sets].map(([run, list]) => [run, setOf(list)]).filter(([, set]) => set);
  const numbersOf = (run, set) => ask(`runs/${run.run}/figures/${set.step}/numbers`);
  const pictureOf = (run, set) => askPicture(`runs/${run.run}/figures/${set.step}/${encodeURIComponent(name)}_${set.step}.png`);

  // What figures show, an element of an array a line.
  async function rows() {
    const rows = [["run", "step", "figure", "array", "row", "column", "value"]];
    for (const [run, set] of shownSets()) {
      for (const [array, { shape: sizes, values }] of Object.entries(await numbersOf(run, set))) {
        if (!array.startsWith(name + "/")) continue;
        const width = sizes.length > 1 ? sizes[sizes.length - 1] : 1;
        values.forEach((value, index) => rows.push([run.run, set.step, name, array.slice(name.length + 1), Math.floor(index / width), index % width, value]));
      }
    }
    return csv(rows);
  }

  async function drawings() {
    const made = [];
    for (const [run, set] of shownSets()) for (const map of mapsOf(await numbersOf(run, set), name)) made.push(heatPicture(`${run.run} step ${set.step} ${map.title}`, map));
    return made;
  }

  // The worker draws figures for paper, from the same numbers.
  const takeaway = () => (isNumbers ? view.takeaway(null, rows, { drawings }) : view.takeaway(null, rows, { more: [
    ["PNG", async () => { for (const [run, set] of shownSets()) saveAddress(`${run.run}-${safeName(name)}-${set.step}.png`, await pictureOf(run, set)); }],
    ["SVG and PDF: copy the command that draws them", () => navigator.clipboard.writeText(shownSets().map(([run, set]) => `orchestrator plot ${run.run} --figure ${name} --step ${set.step} --format svg,pdf`).join("\n") + "\n")],
  ] }));

  let turn = 0;
  async function draw() {
    turn += 1;
    const mine = turn;
    const parts = [];
    for (const [run, list] of sets) {
      const set = setOf(list);
      const head = make("h3", {}, link(run.run, `/run/${run.run}`, { class: "mono" }), ` step ${set ? set.step : "–"} `, make("span", { class: "dim" }, view.about(run)));
      if (!set) { parts.push(make("section", { class: "card" }, head, make("p", { class: "empty" }, "none at this step"))); continue; }
      const body = make("div", {});
      parts.push(make("section", { class: "card" }, head, body));
      if (isNumbers) {
        numbersOf(run, set).then((arrays) => { if (mine === turn) fill(body, heatMaps(arrays, name)); }).catch((error) => fill(body, make("p", { class: "error" }, error.message)));
      } else {
        pictureOf(run, set).then((address) => {
          if (mine === turn) fill(body, make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": `${name} of run ${run.run}` }, make("img", { src: address, alt: `${name} of run ${run.run} at step ${set.step}` })));
        }).catch((error) => fill(body, make("p", { class: "error" }, error.message)));
      }
    }
    // What is there stays until its successor is, so the slider does not flicker.
    await Promise.resolve();
    if (mine === turn) fill(pictures, parts);
  }

  const safely = (isLive) => load(isLive).catch((error) => fill(element, make("p", { class: "error" }, error.message)));
  safely();
  return { element, update: (isLive) => { if (!isLive || Date.now() - looked > pause) safely(isLive); } };
}
