// Figures over steps: one slider for all, every step that was kept, runs side by side at the same step.
import { ask, askPicture } from "./api.js";
import { change, setting } from "./address.js";
import { choice, fill, link, make } from "./dom.js";
import { plural } from "./format.js";
import { heatMaps } from "./maps.js";

const mostPictures = 8;

// `isNumbers`: the numbers behind figures, which say what is under the pointer, in the place of pictures.
export function figuresTab(view, isNumbers) {
  const element = make("div", {}, make("p", { class: "dim" }, "Looking for figures…"));
  let sets = new Map();
  let step = setting("step", "") === "" ? null : Number(setting("step", ""));
  let name = setting("figure", "");
  const pictures = make("div", { class: "pictures" });

  async function load() {
    const runs = view.filters.chosen(view.runs.rows).filter((run) => run.attempt > 0).slice(0, mostPictures);
    sets = new Map();
    for (const run of runs) sets.set(run, await ask(`runs/${run.run}/figures`));
    const steps = [...new Set([...sets.values()].flat().map((set) => set.step))].sort((a, b) => a - b);
    const names = [...new Set([...sets.values()].flat().flatMap((set) => set.figures))].filter((one) => !isNumbers || !/^mask_vals|^mean_component/.test(one));
    if (!steps.length) {
      fill(element, make("p", { class: "empty" }, runs.length ? "These runs have no figures yet: they draw some every image_freq steps, if Cairo is on their node and `figures` in the config allows it." : "None of the runs shown has begun."));
      return;
    }
    if (!names.length) { fill(element, make("p", { class: "empty" }, "There are no causal-importance maps for these runs: only targets whose inputs are features have some.")); return; }
    if (!names.includes(name)) name = names.find((one) => one === "causal_importances_upper_leaky") ?? names[0];
    if (step === null || !steps.includes(step)) step = steps[steps.length - 1];
    const shown = make("output", {}, String(step));
    const slider = make("input", {
      type: "range", min: 0, max: steps.length - 1, step: 1, value: steps.indexOf(step), "aria-label": "step",
      oninput: () => { step = steps[Number(slider.value)]; shown.textContent = String(step); draw(); },
      onchange: () => change({ step }),
    });
    fill(element, make("div", { class: "tools" }, choice("figure", names, name, (value) => { name = value; change({ figure: name }); draw(); }),
      make("label", { class: "control grow" }, make("span", {}, `step (${plural(steps.length, "kept step")})`), slider, shown), view.takeaway(element, null)), pictures,
    make("p", { class: "dim" }, view.filters.chosen(view.runs.rows).length > mostPictures ? `The first ${mostPictures} runs are shown: pick others in the table.` : ""));
    draw();
  }

  let turn = 0;
  async function draw() {
    turn += 1;
    const mine = turn;
    const parts = [];
    for (const [run, list] of sets) {
      // A run that kept no figures of that very step shows its last ones before.
      const set = [...list].reverse().find((one) => one.step <= step && one.figures.includes(name));
      const head = make("h3", {}, link(run.run, `/run/${run.run}`, { class: "mono" }), ` step ${set ? set.step : "–"} `, make("span", { class: "dim" }, view.about(run)));
      if (!set) { parts.push(make("section", { class: "card" }, head, make("p", { class: "empty" }, "none at this step"))); continue; }
      const body = make("div", {});
      parts.push(make("section", { class: "card" }, head, body));
      if (isNumbers) {
        ask(`runs/${run.run}/figures/${set.step}/numbers`).then((arrays) => { if (mine === turn) fill(body, heatMaps(arrays, name)); }).catch((error) => fill(body, make("p", { class: "error" }, error.message)));
      } else {
        askPicture(`runs/${run.run}/figures/${set.step}/${encodeURIComponent(name)}_${set.step}.png`).then((address) => {
          if (mine === turn) fill(body, make("img", { src: address, alt: `${name} of run ${run.run} at step ${set.step}` }));
        }).catch((error) => fill(body, make("p", { class: "error" }, error.message)));
      }
    }
    // What is there stays until its successor is, so that the slider does not flicker.
    await Promise.resolve();
    if (mine === turn) fill(pictures, parts);
  }

  const safely = () => load().catch((error) => fill(element, make("p", { class: "error" }, error.message)));
  safely();
  return { element, update: (isLive) => { if (!isLive) safely(); } };
}
