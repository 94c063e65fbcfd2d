// Data sets: uploaded, looked at, cleaned, learned from.

import { byId, el, plural } from "./dom.js";
import { asked, busy, choice, detail, field, form, get, number, post, table, tell, time } from "./tables_api.js";

const ALGORITHMS = {
  classification: ["random_forest", "gradient_boosting", "lightgbm", "xgboost", "logistic", "svm", "knn", "naive_bayes", "decision_tree", "adaboost", "voting", "stacking", "bagging"],
  regression: ["random_forest", "gradient_boosting", "lightgbm", "xgboost", "ridge", "lasso", "elasticnet", "svr", "knn", "decision_tree", "adaboost", "voting", "stacking", "bagging"],
};

async function list() {
  const sets = await get("/datasets");
  const rows = sets.map((set) => [el("a", { href: `/datasets?id=${set.dataset_id}` }, set.name), set.rows.toLocaleString("en"), set.columns, set.target_column, time(set.created_at)]);
  byId("list").replaceChildren(
    sets.length ? table([["Data set"], ["Rows", "numbers"], ["Columns", "numbers"], ["Target", "detail"], ["Made", "detail"]], rows)
      : el("p", { class: "notice" }, "There is no data set yet. Upload a CSV or XLSX file."));
}

async function show(id) {
  const set = await get(`/datasets/${encodeURIComponent(id)}`);
  const columns = set.column_names.map((name) => {
    const stats = set.numeric_stats[name] ?? {};
    return [name, set.dtypes[name], set.missing_values[name].toLocaleString("en"), number(stats.mean), number(stats.std), number(stats.min), number(stats.p50), number(stats.max)];
  });
  detail(
    el("h2", {}, set.name),
    el("p", { class: "fine" }, `${plural(set.rows, "row")}, ${plural(set.columns, "column")}, version ${set.version.slice(0, 12)}`,
      set.parent ? el("span", {}, " · made of ", el("a", { href: `/datasets?id=${set.parent}` }, "another data set")) : null),
    table([["Column"], ["Type"], ["Missing", "numbers"], ["Mean", "numbers"], ["Std", "numbers detail"], ["Min", "numbers detail"], ["Median", "numbers detail"], ["Max", "numbers detail"]], columns),
    clean(set), train(set));
}

function clean(set) {
  const fields = [
    choice("Missing values", "missing_strategy", ["mean", "median", "mode", "drop", "forward_fill", "backward_fill"], "median"),
    choice("Outliers", "outlier_method", ["none", "iqr", "zscore"], "none"),
    field("How far out", "outlier_threshold", { type: "number", step: "any", min: "0", value: "3" }),
  ];
  return form("Clean", fields, "Clean", async (values) => {
    const done = await post("/data/clean", { ...values, dataset_id: set.dataset_id, outlier_threshold: Number(values.outlier_threshold) });
    history.pushState(null, "", `/datasets?id=${done.cleaned_dataset_id}`);
    await refresh();
    tell(`${plural(done.cleaned_rows, "row")} of ${done.original_rows} are left.`);
  });
}

function train(set) {
  const names = [...set.column_names].reverse();
  const target = choice("Tell this column", "target_column", names, set.target_column ?? names[0]);
  const task = choice("It is a", "task_type", ["classification", "regression"]);
  const algorithm = choice("By", "algorithm", ALGORITHMS.classification);
  const [pick, kind, by] = [target, task, algorithm].map((label) => label.querySelector("select"));
  const offer = () => by.replaceChildren(...ALGORITHMS[kind.value].map((name) => el("option", {}, name)));
  // Numbers with many values are told as numbers, all else as classes.
  const guess = () => {
    kind.value = set.kinds[pick.value] === "number" && set.dtypes[pick.value] === "float64" ? "regression" : "classification";
    offer();
  };
  pick.addEventListener("change", guess);
  kind.addEventListener("change", offer);
  guess();
  return form("Train", [target, task, algorithm], "Train", async (values) => {
    const done = await post("/models/train", { ...values, dataset_id: set.dataset_id });
    location.assign(`/jobs?id=${done.job_id}`);
  });
}

async function refresh() {
  await list();
  const id = asked();
  if (id) await show(id);
  else byId("detail").hidden = true;
}

byId("upload").addEventListener("submit", (event) => {
  event.preventDefault();
  const upload = event.currentTarget;
  busy(upload.querySelector("button"), async () => {
    tell("Uploading…");
    const sent = new FormData(upload);
    if (!sent.get("name")) sent.delete("name");
    const set = await post("/datasets/upload", sent);
    history.pushState(null, "", `/datasets?id=${set.dataset_id}`);
    upload.reset();
    await refresh();
    const bad = set.bad_rows.count;
    const first = set.bad_rows.first.map((row) => row.line).slice(0, 5).join(", ");
    tell(`${plural(set.rows, "row")} were read.${bad ? ` ${plural(bad, "row")} could not be understood and were left out, at line ${first}.` : ""}`);
  });
});
addEventListener("popstate", () => busy(null, refresh));
busy(null, refresh);
