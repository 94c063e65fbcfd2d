// Jobs: watched as they learn, cancelled, deployed.

import { byId, el } from "./dom.js";
import { asked, busy, detail, field, form, get, metrics, number, post, state, table, tell, time } from "./tables_api.js";

const KEPT_LINES = 500;

async function list() {
  const jobs = await get("/jobs");
  const rows = jobs.map((job) => [el("a", { href: `/jobs?id=${job.job_id}` }, `${job.kind} of ${time(job.created_at)}`), state(job.status), job.created_by, time(job.completed_at)]);
  byId("list").replaceChildren(
    jobs.length ? table([["Job"], ["Status"], ["By", "detail"], ["Over", "detail"]], rows)
      : el("p", { class: "notice" }, "There is no job yet. ", el("a", { href: "/datasets" }, "Train on a data set")));
}

function cancel(id) {
  const button = el("button", { class: "button small", type: "button" }, "Cancel");
  button.addEventListener("click", () => busy(button, async () => {
    await post(`/jobs/${id}/cancel`, {});
    tell("It is cancelled as soon as its worker hears of it.");
    await show(id);
  }));
  return button;
}

function deploy(job) {
  const fields = [
    field("Name", "model_name", { required: true, maxlength: "64", pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*" }),
    field("Version", "version", { required: true, maxlength: "64", value: "1", pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*" }),
    el("label", {}, "Into production", el("input", { type: "checkbox", name: "promote" })),
  ];
  return form("Deploy", fields, "Deploy", async ({ model_name, version, promote }) => {
    await post("/models/deploy", { training_job_id: job.job_id, model_name, version, description: "", tags: [], promote_to_production: promote === "on" });
    location.assign(`/models?id=${job.job_id}`);
  });
}

// Charts come as images: they keep their own colours, and nothing in them is markup of this page.
async function plots(job) {
  if (!job.results) return null;
  const found = await get(`/jobs/${job.job_id}/plots`);
  if (!found.length) return null;
  const images = found.map(({ title, url }) => el("figure", {}, el("img", { src: url, alt: `${title}, a chart`, loading: "lazy" })));
  const report = el("a", { class: "button small", href: `/api/ml/jobs/${job.job_id}/report`, download: "" }, "Save report");
  return el("section", { class: "plots", "aria-label": "Charts" }, ...images, report);
}

function results(job) {
  const found = job.results;
  if (!found) return [];
  if (found.comparison) {
    return [table([["Algorithm"], ["Mean", "numbers"], ["Std", "numbers"]], found.comparison.map((one) => [one.model, number(one.mean_score), number(one.std_score)]))];
  }
  const { train_samples, test_samples } = found.training_summary;
  return [
    el("p", { class: "fine" }, `Learned from ${train_samples} rows, judged by ${test_samples} others.`),
    metrics(found.evaluation),
    found.best ? el("p", { class: "fine" }, `Best of ${found.trials.length} trials: ${JSON.stringify(found.best.hyperparameters)}`) : null,
    deploy(job),
  ];
}

function follow(id) {
  const log = el("pre", { class: "log", tabindex: "0", role: "log", "aria-label": "Log" });
  const bar = el("progress", { "aria-label": "Progress", hidden: true });
  const stream = new EventSource(`/api/ml/jobs/${id}/events`);
  stream.addEventListener("log", (event) => {
    log.append(`${JSON.parse(event.data).line}\n`);
    while (log.childNodes.length > KEPT_LINES) log.firstChild.remove();
    log.scrollTop = log.scrollHeight;
  });
  stream.addEventListener("step", (event) => {
    const step = JSON.parse(event.data);
    bar.hidden = false;
    bar.max = step.of;
    bar.value = step.step;
  });
  stream.addEventListener("status", (event) => log.append(`${JSON.parse(event.data).status}\n`));
  stream.addEventListener("end", () => {
    stream.close();
    bar.hidden = true;
    busy(null, async () => {
      await list();
      await head(id);
    });
  });
  return [bar, log];
}

async function head(id) {
  const job = await get(`/jobs/${id}`);
  const over = ["completed", "failed", "cancelled"].includes(job.status);
  const outcome = [...results(job), await plots(job)].filter(Boolean);
  byId("job").replaceChildren(
    el("div", { class: "head" }, el("h2", {}, `${job.kind} `, state(job.status)), over ? null : cancel(id)),
    el("p", { class: "fine" }, el("a", { href: `/datasets?id=${job.dataset_id}` }, "Data set"), ` · wanted ${time(job.created_at)} by ${job.created_by}`),
    ...(job.error ? [el("p", { class: "bad" }, job.error)] : []),
    ...outcome);
}

async function show(id) {
  if (!byId("job")) detail(el("div", { id: "job" }), ...follow(id));
  await head(id);
}

busy(null, async () => {
  await list();
  const id = asked();
  if (id) await show(encodeURIComponent(id));
});
