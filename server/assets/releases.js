// Releases: what is in production, since when and by whom; how a version did at the gates; tests of two versions.

import { byId, el } from "./dom.js";
import { curve } from "./releases_curve.js";
import { asked, busy, choice, detail, field, form, get, number, post, state, table, tell, time } from "./tables_api.js";

const askedTest = () => new URLSearchParams(location.search).get("test");
const label = (model) => `${model.name}@${model.version}`;
const percent = (rate) => (typeof rate === "number" ? `${(rate * 100).toFixed(1)} %` : "–");
const between = ([low, high]) => `${percent(low)} to ${percent(high)}`;

function button(text, work, kind = "") {
  const node = el("button", { class: `button small ${kind}`, type: "button" }, text);
  node.addEventListener("click", () => busy(node, work));
  return node;
}

/** A change, what came of it, and the page as it stands now. */
async function change(path, body = {}) {
  const done = await post(path, body);
  await refresh();
  tell(`${done.message ?? `The test ${done.config.test_name} is ${done.config.state}`}.`);
}

/** The last change of each name says what is in production, and whether there is a way back. */
function production(deployments, may) {
  const last = [...new Map([...deployments].reverse().map((one) => [one.name, one])).values()];
  const rows = last.map((one) => [
    one.name,
    one.version ? el("a", { href: `/releases?id=${one.model_id}` }, `${one.name}@${one.version}`) : "nothing",
    time(one.at), one.by,
    may && one.can_roll_back ? button("Roll back", () => change(`/models/${encodeURIComponent(one.name)}/rollback`)) : null,
  ]);
  return rows.length ? table([["Model"], ["In production"], ["Since", "detail"], ["By", "detail"], ["Back to the one before"]], rows)
    : el("p", { class: "notice" }, "Nothing is in production. Register a release with ", el("code", {}, "shelf release register"), ".");
}

function timeline(deployments) {
  const items = deployments.slice(0, 100).map((one) => el("li", {},
    el("time", { datetime: one.at }, time(one.at)), " ",
    el("strong", {}, one.version ? `${one.name}@${one.version}` : one.name), " ",
    el("span", { class: "fine" }, `${{ promote: "promoted", rollback: "put back", demote: "taken out" }[one.action] ?? one.action} by ${one.by}`)));
  return items.length ? el("ol", { class: "timeline" }, ...items) : null;
}

const versions = (models) => table([["Version"], ["Status"], ["Kind", "detail"], ["Registered", "detail"]],
  models.map((model) => [el("a", { href: `/releases?id=${model.model_id}` }, label(model)), state(model.status), model.kind, time(model.created_at)]));

const testList = (tests, names) => table([["Test"], ["State"], ["A"], ["B"], ["Begun", "detail"]],
  tests.map((test) => [el("a", { href: `/releases?test=${test.test_name}` }, test.test_name), state(test.state),
    names.get(test.model_a_id) ?? "–", names.get(test.model_b_id) ?? "–", time(test.created_at)]));

/** The gates of a version, and what can be done with it. */
async function version(model, models, may) {
  const { gates, missing } = await get(`/models/${model.model_id}/gates`);
  const rows = gates.map((gate) => [gate.metric, number(gate.value), gate.bound, state(gate.passed ? "passed" : "failed"), `${gate.data_set}${gate.synthetic ? " (synthetic)" : ""}`]);
  const others = models.filter((one) => one.model_id !== model.model_id && one.kind === model.kind && ["staged", "production"].includes(one.status)
    && (model.kind !== "release" || (one.name === model.name && one.status !== model.status)));
  const compare = others.length && ["staged", "production"].includes(model.status) && model.kind !== "mlp"
    ? form("Begin an A/B test", [
      field("Test", "test_name", { required: true, maxlength: "64", pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*" }),
      choice(`${label(model)} against`, "other", others.map(label)),
      field("Fraction of A", "split_ratio", { type: "number", min: "0.001", max: "0.999", step: "any", value: "0.5", required: true }),
    ], "Begin", (values) => change("/models/ab-test", {
      model_a_id: model.model_id, model_b_id: others.find((one) => label(one) === values.other).model_id,
      test_name: values.test_name, split_ratio: Number(values.split_ratio),
    })) : null;
  detail(
    el("div", { class: "head" }, el("h2", {}, `${label(model)} `, state(model.status)),
      may && model.status === "staged" && !missing.length ? button("Promote to production", () => change(`/models/${model.model_id}/promote`), "primary") : null),
    el("p", { class: "fine" }, model.algorithm),
    rows.length ? table([["Gate"], ["Value", "numbers"], ["Must be", "numbers"], ["Verdict"], ["Measured on", "detail"]], rows) : null,
    model.status === "staged" && missing.length ? el("div", { class: "notice" }, el("p", {}, "It may not go into production yet:"), el("ul", {}, ...missing.map((reason) => el("li", {}, reason)))) : null,
    may ? compare : null);
}

/** How a test stands. */
async function test(name, may) {
  const found = await get(`/models/ab-test/${encodeURIComponent(name)}`);
  const { config, arms, verdict, shadow, days } = found;
  const better = { a: "A is better", b: "B is better", "not yet": "Not yet: more has to be judged, or there is no difference" }[verdict];
  const rows = arms.map((arm) => [arm.arm.toUpperCase(), arm.model, arm.answers, arm.judged, percent(arm.rate), arm.judged ? between(arm.interval) : "–", arm.latency_ms === null ? "–" : `${arm.latency_ms.toFixed(1)} ms`]);
  const picture = curve(days, shadow ? ["a"] : ["a", "b"], shadow ? "Agreement by day" : "Right by day: A and B, with what is not ruled out");
  detail(
    el("div", { class: "head" }, el("h2", {}, `${config.test_name} `, state(config.state)),
      may && config.state === "running" ? button("End", () => change(`/models/ab-test/${encodeURIComponent(name)}/end`)) : null),
    shadow ? el("p", { id: "verdict" }, `${shadow.photos} photos; both saw the same on ${shadow.right} of ${shadow.judged} facings: ${percent(shadow.rate)}, ${between(shadow.interval)}.`)
      : el("p", { id: "verdict", class: verdict === "not yet" ? "fine" : "good" }, `${better}.`),
    rows.length ? table([["Side"], ["Version"], ["Answers", "numbers"], ["Judged", "numbers"], ["Right", "numbers"], ["At all times, 95 %", "numbers"], ["Time", "numbers"]], rows) : null,
    picture ? el("figure", {}, picture, shadow ? null : el("figcaption", { class: "key" }, el("span", { class: "a" }, "A"), el("span", { class: "b" }, "B"))) : el("p", { class: "fine" }, "Nothing was judged yet."));
}

async function refresh() {
  const [{ models }, { deployments }, { tests }, who] = await Promise.all([
    get("/models/deployed"), get("/models/history"), get("/models/ab-test"),
    fetch("/api/account", { headers: { accept: "application/json" } }).then((response) => response.json()),
  ]);
  const may = ["engineer", "admin"].includes(who.role);
  const whole = models.filter((model) => model.status !== "training");
  const names = new Map(models.map((model) => [model.model_id, label(model)]));
  byId("list").replaceChildren(...[
    el("h2", {}, "In production"), production(deployments, may),
    tests.length ? el("h2", {}, "Tests") : null, tests.length ? testList(tests, names) : null,
    whole.length ? el("h2", {}, "Versions") : null, whole.length ? versions(whole) : null,
    deployments.length ? el("h2", {}, "Timeline") : null, timeline(deployments),
  ].filter(Boolean));
  const model = whole.find((one) => one.model_id === asked());
  if (model) await version(model, whole, may);
  if (askedTest()) await test(askedTest(), may);
}

busy(null, refresh);
