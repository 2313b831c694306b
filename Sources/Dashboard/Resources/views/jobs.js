// All jobs, latest first.
import { ask, record } from "../base/api.js";
import { every, fill, link, make } from "../base/dom.js";
import { csv, moment } from "../base/format.js";
import { bar, countsText, states } from "./job.js";
import { takeawayMenu } from "../takeaway/takeaway.js";

export async function jobsPage(page, site) {
  const body = make("div", {});
  let latest = [];
  const rows = () => csv([["job", "name", ...states, "submitted", "executor", "agents"], ...latest.map((job) => [job.id, job.token, ...states.map((state) => job.counts[state]), moment(job.created), job.executor, job.agents_requested])]);
  fill(page, make("header", {}, make("h1", {}, "Jobs"), make("p", { class: "dim" }, `${site.cache} on ${site.host}`)), make("div", { class: "tools" }, takeawayMenu("spd-jobs", null, rows)), body);
  const show = async () => {
    const { jobs } = await ask("jobs");
    latest = jobs;
    if (!jobs.length) {
      fill(body, make("p", { class: "empty" }, "No job has been submitted to this folder yet. ", make("code", {}, "orchestrator submit --experiments tms_5-2"), " submits one; it then appears here."));
      return true;
    }
    fill(body, make("div", { class: "scroll" }, make("table", { class: "jobs" },
      make("thead", {}, make("tr", {}, ["job", "name", "runs", "", "submitted", "executor", "agents"].map((title) => make("th", {}, title)))),
      make("tbody", {}, [...jobs].reverse().map((job) => make("tr", {},
        make("td", {}, link(String(job.id), `/job/${job.id}`)), make("td", {}, link(job.token, `/job/${job.id}`), job.suffix ? make("span", { class: "dim" }, ` ${job.suffix}`) : null),
        make("td", {}, bar(job.counts), make("span", { class: "dim" }, countsText(job.counts))), make("td", { class: "error inline" }, job.stalled ?? ""),
        make("td", {}, moment(job.created)), make("td", {}, job.executor), make("td", { class: "number" }, job.agents_requested)))))));
    return true;
  };
  await show();
  if (!record) every(5, body, show);
}
