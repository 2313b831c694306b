// All jobs, the latest first.
import { ask, record } from "./api.js";
import { every, fill, link, make } from "./dom.js";
import { moment } from "./format.js";
import { bar, countsText } from "./job.js";

export async function jobsPage(page, site) {
  const body = make("div", {});
  fill(page, make("header", {}, make("h1", {}, "Jobs"), make("p", { class: "dim" }, `${site.cache} on ${site.host}`)), body);
  const show = async () => {
    const { jobs } = await ask("jobs");
    if (!jobs.length) {
      fill(body, make("p", { class: "empty" }, "No job has been submitted to this folder yet. ", make("code", {}, "orchestrator submit --experiments tms_5-2"), " submits one; it appears here by itself."));
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
