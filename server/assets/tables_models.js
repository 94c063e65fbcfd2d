// Models: which are in production, and what they say of a row.

import { byId, el } from "./dom.js";
import { asked, busy, detail, field, form, get, metrics, number, post, state, table, tell, time } from "./tables_api.js";

async function list() {
  const { models } = await get("/models/deployed");
  const deployed = models.filter((model) => model.status !== "training");
  const rows = deployed.map((model) => [el("a", { href: `/models?id=${model.model_id}` }, `${model.name}@${model.version}`), state(model.status), model.algorithm, time(model.created_at)]);
  byId("list").replaceChildren(
    deployed.length ? table([["Model"], ["Status"], ["Algorithm", "detail"], ["Made", "detail"]], rows)
      : el("p", { class: "notice" }, "No model is deployed yet. ", el("a", { href: "/jobs" }, "Deploy what a job has learned")));
  return deployed;
}

function promote(model) {
  const button = el("button", { class: "button small", type: "button" }, "Promote to production");
  button.addEventListener("click", () => busy(button, async () => {
    const done = await post(`/models/${model.model_id}/promote`, {});
    await refresh();
    tell(`${done.message}.`);
  }));
  return button;
}

/** A field for each column that the model learned from. */
async function ask(model) {
  const job = await get(`/jobs/${model.model_id}`);
  const set = await get(`/datasets/${job.dataset_id}`);
  const names = job.results.training_summary.features.map((name) => (name in set.kinds ? name : set.column_names.find((column) => name.startsWith(`${column}=`))));
  const target = (job.request.options ?? job.request).target_column;
  const needed = set.column_names.filter((name) => name !== target && !job.results.training_summary.left_out.includes(name));
  const told = el("div", { "aria-live": "polite" });
  const fields = needed.map((name) => {
    const kind = set.kinds[name];
    return field(names.includes(name) ? name : `${name} (hardly matters)`, name, kind === "number" ? { type: "number", step: "any" } : kind === "flag" ? { placeholder: "true or false" } : {});
  });
  const read = (name, text) => (text === "" ? null : set.kinds[name] === "number" ? Number(text) : set.kinds[name] === "flag" ? text === "true" : text);
  const asking = form("Ask", fields, "Ask", async (values) => {
    const features = Object.fromEntries(needed.map((name) => [name, read(name, values[name])]));
    const answer = await post("/models/predict", { model_id: model.model_id, features });
    const sure = (answer.prediction_proba[0] ?? []).map((value, at) => [answer.classes[at], number(value)]);
    told.replaceChildren(el("p", { class: "good", id: "prediction" }, `${target}: ${answer.prediction[0]}`), sure.length ? table([["Class"], ["Probability", "numbers"]], sure) : "");
  });
  return [el("h2", {}, `What is ${target}?`), el("p", { class: "fine" }, "What is not known may stay empty."), asking, told];
}

async function refresh() {
  const models = await list();
  const model = models.find((one) => one.model_id === asked());
  if (!model) return;
  const tabular = model.kind === "tabular" && ["staged", "production"].includes(model.status);
  detail(
    el("div", { class: "head" }, el("h2", {}, `${model.name}@${model.version} `, state(model.status)), model.status === "staged" ? promote(model) : null),
    metrics(model.metrics),
    ...(tabular ? [el("p", {}, el("a", { class: "button small", href: `/api/ml/models/${model.model_id}/onnx`, download: "" }, "Save as ONNX")), ...await ask(model)] : []));
}

busy(null, refresh);
