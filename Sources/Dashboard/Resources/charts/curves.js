// Curves of many runs: smoothed, grouped over seeds, by step or active time, as the runs continue.
import { answers, ask, record } from "../base/api.js";
import { change, list, listText, setting } from "../base/address.js";
import { choice, choices, fill, isHeld, make, toggle } from "../base/dom.js";
import { diffTab } from "../views/diff.js";
import { compare, csv, number, plural } from "../base/format.js";
import { dashes, legend, lineChart, noCharts, palette } from "./lines.js";
import { reachOf } from "./reach.js";
import { titleOf, valueOf } from "../views/runs.js";

const mostLines = 500;

// An average that forgets, without its pull to zero at the start; gaps stay gaps.
export function smooth(values, weight, spans) {
  let [sum, share] = [0, 0];
  return values.map((value, index) => {
    if (!Number.isFinite(value)) return NaN;
    // A column that stands for several rows forgets for all of them.
    const keep = weight ** spans[index];
    sum = keep * sum + (1 - keep) * value;
    share = keep * share + 1 - keep;
    return sum / share;
  });
}

// How many rows each value of a curve stands for.
export const spansOf = ({ values, rows }) => values.map(() => Math.max(1, rows / Math.max(1, values.length)));

// A curve with the finer rows of a part of it in their place.
export function refined(curve, fine) {
  if (!fine.steps.length) return { ...curve, spans: spansOf(curve) };
  const [first, last] = [fine.steps[0], fine.steps[fine.steps.length - 1]];
  const [before, after] = [d3.bisectLeft(curve.steps, first), d3.bisectRight(curve.steps, last)];
  const join = (outer, inner) => [...outer.slice(0, before), ...inner, ...outer.slice(after)];
  return {
    steps: join(curve.steps, fine.steps), values: join(curve.values, fine.values), spans: join(spansOf(curve), spansOf(fine)),
    lows: join(curve.lows ?? curve.values, fine.lows ?? fine.values), highs: join(curve.highs ?? curve.values, fine.highs ?? fine.values),
  };
}

// Seconds at work for steps, between the moments that attempts tell.
export function timesOf(steps, pace) {
  if (!pace || pace.length < 2) return steps.map(() => NaN);
  let place = 1;
  return steps.map((step) => {
    while (place < pace.length - 1 && pace[place][0] < step) place += 1;
    const [[from, start], [to, end]] = [pace[place - 1], pace[place]];
    return to > from ? start + (end - start) * (step - from) / (to - from) : start;
  });
}

// The mean of lines at the places of the longest, and how far they spread.
export function average(lines, spread) {
  const grid = lines.reduce((longest, line) => (line.x.length > longest.length ? line.x : longest), []);
  const result = { x: [], y: [], lows: [], highs: [] };
  for (const place of grid) {
    const values = lines.map((line) => at(line, place)).filter(Number.isFinite);
    if (!values.length) continue;
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1));
    result.x.push(place);
    result.y.push(mean);
    result.lows.push(spread === "range" ? Math.min(...values) : mean - deviation);
    result.highs.push(spread === "range" ? Math.max(...values) : mean + deviation);
  }
  return result;
}

function at({ x, y }, place) {
  if (!x.length || place < x[0] || place > x[x.length - 1]) return NaN;
  const right = Math.min(Math.max(d3.bisectLeft(x, place), 1), x.length - 1);
  if (right < 1 || x[right] === x[right - 1]) return y[Math.max(0, right)];
  const share = (place - x[right - 1]) / (x[right] - x[right - 1]);
  return y[right - 1] + share * (y[right] - y[right - 1]);
}

export function curvesTab(view) {
  if (!window.d3) return { element: noCharts(), update() {} };
  const options = {
    metrics: list("metrics", view.favourites().slice(0, 4)), smooth: Number(setting("smooth", "0")), x: setting("x", "step"),
    logX: setting("logx", "") === "1", logY: setting("logy", "auto"), over: list("over", []), spread: setting("spread", "deviation"),
    color: setting("color", "auto"), dash: setting("dash", "none"),
  };
  let range = setting("range", "") ? setting("range", "").split("_").map(Number) : null;
  const data = new Map();
  let problems = [];
  const element = make("div", {});
  const tools = make("div", { class: "tools" });
  const charts = make("div", { class: "charts" });
  const below = make("div", {});
  const differences = make("details", { class: "card", ontoggle: () => fill(configs, differences.open ? diffTab(view).element : null) }, make("summary", {}, "Where these configs differ"));
  const configs = make("div", {});
  differences.append(configs);
  element.append(tools, charts, below, differences);

  const set = (name, value, text) => { options[name] = value; change({ [{ logX: "logx", logY: "logy" }[name] ?? name]: text ?? value }); draw(); };

  // A key that the sweep has not set is read first.
  const setKey = (name, value) => view.needSettings([value]).then(() => set(name, value)).catch((error) => fill(below, make("p", { class: "error" }, error.message)));

  function drawTools() {
    const settings = view.runs.swept;
    const weight = make("input", {
      type: "range", min: 0, max: 0.99, step: 0.01, value: options.smooth, "aria-label": "smoothing",
      oninput: () => { shown.textContent = weight.value; options.smooth = Number(weight.value); draw(); },
      onchange: () => change({ smooth: weight.value === "0" ? null : weight.value }),
    });
    const shown = make("output", {}, String(options.smooth));
    const known = [...new Set([...view.runs.metrics, ...view.logged])].sort(compare);
    const alive = known.filter((name) => view.known(name)?.counts_alive);
    fill(tools,
      choices("Metrics", known.map((name) => [name, name]), options.metrics, (chosen) => { set("metrics", chosen, listText(chosen)); load(); }),
      alive.length ? make("button", {
        title: "how many subcomponents of each module are alive, step by step",
        onclick: () => { set("metrics", alive, listText(alive)); load(); drawTools(); },
      }, "Living subcomponents") : null,
      choice("x", [["step", "step"], ["time", "active time"]], options.x, (value) => { range = null; change({ range: null }); set("x", value); }),
      toggle("log x", options.logX, (isOn) => { range = null; change({ range: null }); set("logX", isOn, isOn ? "1" : null); load(); }),
      choice("y", [["auto", "as the metric"], ["1", "log"], ["0", "linear"]], options.logY, (value) => set("logY", value)),
      make("label", { class: "control" }, make("span", {}, "smoothing"), weight, shown),
      choices("Mean over", settings.map((name) => [name, name]), options.over, (chosen) => set("over", chosen, listText(chosen))),
      choice("band", [["deviation", "± deviation"], ["range", "least to largest"]], options.spread, (value) => set("spread", value)),
      choice("colour", [["auto", "each line"], ...keys()], options.color, (value) => setKey("color", value)),
      choice("dash", [["none", "none"], ...keys()], options.dash, (value) => setKey("dash", value)),
      view.takeaway(element, () => text()));
  }
  const keys = () => ["experiment", "status", "node", ...view.runs.columns(view.settings.all).filter((column) => column.startsWith("set:"))].map((column) => [column, titleOf(column)]);

  const chosen = () => view.filters.chosen(view.runs.rows).filter((run) => run.attempt > 0 || run.step > 0);

  // Reads what is not there yet, and again what continues.
  async function load(isLive) {
    const runs = chosen().slice(0, mostLines);
    for (const metric of options.metrics) {
      const key = `${metric}\n${options.logX}`;
      if (!data.has(key)) data.set(key, { curves: new Map(), paces: {} });
      const kept = data.get(key);
      const recordKey = `curves\n${key}`;
      let names = runs.filter((run) => !kept.curves.has(run.run) || (isLive && (run.status === "running" || !kept.curves.get(run.run).isOver))).map((run) => run.run);
      const all = runs.map((run) => run.run);
      while (names.length) {
        const answer = await ask("curves", { ...wish(metric), runs: names }, record ? recordKey : null);
        if (answer.fine) kept.fine = { range: answer.fine.range, curves: new Map(answer.fine.curves.map((curve) => [curve.run, fillGaps(curve)])) };
        for (const curve of answer.curves) {
          fillGaps(curve);
          curve.isOver = ["done", "stopped", "failed", "cancelled"].includes(view.runs.byName.get(curve.run)?.status);
          kept.curves.set(curve.run, curve);
        }
        Object.assign(kept.paces, answer.paces);
        problems = answer.problems ?? [];
        names = answer.left;
        if (names.length) draw();
      }
      await refine(kept, wish(metric), runs, isLive);
      if (!record) answers.set(recordKey, { fine: kept.fine && { range: kept.fine.range, curves: [...kept.fine.curves.values()] }, curves: all.filter((name) => kept.curves.has(name)).map((name) => kept.curves.get(name)), paces: kept.paces, left: [] });
      draw(metric);
    }
    if (!options.metrics.length) draw();
  }

  const wish = (metric) => ({ metric, log: options.logX, columns: 500 });

  function fillGaps(curve) {
    for (const part of ["values", "lows", "highs"]) if (curve[part]) curve[part] = curve[part].map((value) => value ?? NaN);
    return curve;
  }

  // Reads the rows of the steps looked at, for curves of which columns alone were sent.
  async function refine(kept, wish, runs, isLive) {
    if (record || !range || options.x !== "step") return;
    const looked = range;
    if (kept.fine?.range !== String(looked)) kept.fine = { range: String(looked), curves: new Map() };
    const fine = kept.fine.curves;
    let names = runs.map((run) => run.run).filter((name) => kept.curves.get(name)?.lows && (!fine.has(name) || (isLive && !kept.curves.get(name).isOver)));
    while (names.length && range === looked) {
      const answer = await ask("curves", { ...wish, from: looked[0], to: looked[1], runs: names }, null);
      for (const curve of answer.curves) fine.set(curve.run, fillGaps(curve));
      names = answer.left;
    }
  }

  function lineOf(run, metric) {
    const kept = data.get(`${metric}\n${options.logX}`);
    const whole = kept?.curves.get(run.run);
    if (!whole) return null;
    const fine = range && options.x === "step" && kept.fine?.range === String(range) ? kept.fine.curves.get(run.run) : null;
    const curve = fine ? refined(whole, fine) : whole;
    const x = options.x === "time" ? timesOf(curve.steps, kept.paces[run.run]) : curve.steps;
    const isSmoothed = options.smooth > 0;
    return {
      run, x, y: isSmoothed ? smooth(curve.values, options.smooth, curve.spans ?? spansOf(curve)) : curve.values,
      faint: isSmoothed ? curve.values : null, lows: isSmoothed ? null : curve.lows, highs: isSmoothed ? null : curve.highs,
    };
  }

  const about = (run, without) => view.differing().filter((name) => !without.includes(name)).map((name) => `${name}=${number(run.settings[name])}`).join(" ");

  function style() {
    const runs = chosen();
    const valuesOf = (column) => [...new Set(runs.map((run) => String(valueOf(run, column))))].sort(compare);
    const colors = options.color === "auto" ? null : valuesOf(options.color);
    const marks = options.dash === "none" ? null : valuesOf(options.dash);
    return {
      colors, marks,
      of: (run, index) => ({
        color: palette[(colors ? colors.indexOf(String(valueOf(run, options.color))) : index) % palette.length],
        dash: dashes[(marks ? marks.indexOf(String(valueOf(run, options.dash))) : colors ? Math.floor(colors.indexOf(String(valueOf(run, options.color))) / palette.length) : Math.floor(index / palette.length)) % dashes.length],
      }),
    };
  }

  function seriesOf(metric) {
    const runs = chosen().slice(0, mostLines);
    const styles = style();
    if (!options.over.length) {
      return runs.map((run, index) => {
        const line = lineOf(run, metric);
        return line && { ...line, name: run.run, about: about(run, []), hasFailed: run.status === "failed", ...styles.of(run, index), open: () => { view.open(`/run/${run.run}`); } };
      }).filter((line) => line);
    }
    const rest = view.runs.swept.filter((name) => !options.over.includes(name));
    const groups = new Map();
    for (const run of runs) {
      const key = JSON.stringify([run.experiment, ...rest.map((name) => run.settings[name])]);
      groups.set(key, [...(groups.get(key) ?? []), run]);
    }
    return [...groups.values()].map((members, index) => {
      const lines = members.map((run) => lineOf(run, metric)).filter((line) => line && line.x.length);
      const mean = average(lines, options.spread);
      return {
        name: about(members[0], options.over) || members[0].experiment, about: `mean of ${plural(lines.length, "run")}`,
        x: mean.x, y: mean.y, band: { x: mean.x, lows: mean.lows, highs: mean.highs }, ...styles.of(members[0], index),
      };
    });
  }

  // Values of many sizes leave nothing to see of the small ones on a linear axis. What its edge cuts off does not count.
  function isHuge(lines) {
    const reach = reachOf(lines.map((line) => ({ values: line.y, hasFailed: line.hasFailed })), true);
    let [low, high] = [Infinity, 0];
    for (const { y } of lines) {
      for (const value of y) {
        if (!Number.isFinite(value) || Math.abs(value) > reach) continue;
        if (value < 0) return false;
        if (value > 0) [low, high] = [Math.min(low, value), Math.max(high, value)];
      }
    }
    return high / low > 1e7;
  }

  const cards = new Map();

  // Draws all charts, or the one of a metric whose rows have come.
  function draw(only) {
    const runs = chosen();
    if (!runs.length) { fill(charts, make("p", { class: "empty" }, view.runs.rows.length ? "None of the runs shown has started: curves appear with their first row." : "This job has no runs.")); fill(below); return; }
    const label = options.x === "time" ? "active seconds" : "step";
    const onRange = (next) => { range = next; change({ range: next ? next.map((value) => Number(value.toPrecision(6))).join("_") : null }); draw(); if (next) load().catch((error) => fill(below, make("p", { class: "error" }, error.message))); };
    for (const metric of options.metrics) {
      if (only && cards.has(metric) && metric !== only) continue;
      const before = cards.get(metric);
      const chart = before?.querySelector("figure");
      if (chart && isHeld(chart)) continue;
      const hasFocus = chart && document.activeElement === chart;
      const series = seriesOf(metric);
      const card = make("section", { class: "card" }, make("h3", { title: view.meaning(metric) }, metric), lineChart({
        series, labels: { x: label, y: metric }, logX: options.logX, range, onRange, title: metric,
        logY: options.logY === "auto" ? view.isLogarithmic(metric) || isHuge(series) : options.logY === "1",
        isReading: !data.has(`${metric}\n${options.logX}`), reading: chart?.reading,
      }));
      before?.replaceWith(card);
      if (hasFocus) card.querySelector("figure").focus({ preventScroll: true });
      cards.set(metric, card);
    }
    const shown = options.metrics.map((metric) => cards.get(metric));
    if (shown.length !== charts.children.length || shown.some((card, index) => charts.children[index] !== card)) {
      fill(charts, shown, shown.length ? null : make("p", { class: "empty" }, "Choose metrics above."));
    }
    fill(below, problems.slice(0, 3).map((problem) => make("p", { class: "error" }, problem)), key(runs), range ? make("button", { onclick: () => onRange(null) }, "Show all steps") : null);
  }

  // What the lines are, told by words besides colours.
  function key(runs) {
    const { colors, marks } = style();
    const entries = [];
    if (colors) colors.slice(0, 40).forEach((value, index) => entries.push({ name: `${titleOf(options.color)}=${value}`, color: palette[index % palette.length], dash: marks ? "" : dashes[Math.floor(index / palette.length) % dashes.length] }));
    if (marks) marks.slice(0, 5).forEach((value, index) => entries.push({ name: `${titleOf(options.dash)}=${value}`, color: "currentColor", dash: dashes[index % dashes.length] }));
    if (!colors && options.metrics.length) {
      seriesOf(options.metrics[0]).slice(0, 24).forEach((line) => entries.push({ name: line.name, color: line.color, dash: line.dash, note: line.about }));
    }
    const note = runs.length > mostLines ? ` Only the first ${mostLines} of ${plural(runs.length, "run")} are drawn: filter, or take a mean.` : "";
    return make("div", {}, legend(entries), make("p", { class: "dim" }, note, " Drag across a chart to zoom in, double-click for all; arrow keys read values."));
  }

  function text() {
    const rows = [["metric", "run", options.x === "time" ? "seconds" : "step", "value", "low", "high"]];
    for (const metric of options.metrics) {
      for (const line of seriesOf(metric)) {
        const [lows, highs] = [line.band?.lows ?? line.lows, line.band?.highs ?? line.highs];
        line.x.forEach((place, index) => rows.push([metric, line.name, place, line.y[index], lows?.[index], highs?.[index]]));
      }
    }
    return csv(rows);
  }

  drawTools();
  draw();
  view.needSettings([options.color, options.dash]).then(() => draw());
  view.readLogged().then(drawTools);
  load().catch((error) => fill(charts, make("p", { class: "error" }, error.message)));
  return { element, update: (isLive) => { load(isLive).catch((error) => fill(below, make("p", { class: "error" }, error.message))); }, csv: text };
}
