// Insights: what to refill first, why, and how far such forecasts can be trusted.

import { byId, el, plural } from "./dom.js";
import { busy, get, post, table, tell, time } from "./tables_api.js";

const FIRST = 50;
const percent = (part) => `${(part * 100).toFixed(part > 0 && part < 0.01 ? 1 : 0)} %`;
const facings = (value) => Number(value.toFixed(1)).toLocaleString("en");

function chance(place) {
  if (place.facings <= 0) return el("strong", {}, "empty now");
  const bar = el("span", { class: "track", "aria-hidden": "true" }, el("span", { css: { "--part": percent(place.probability_empty) } }));
  return el("span", { class: "chance" }, el("span", {}, percent(place.probability_empty)), bar);
}

function why(place, at) {
  const list = el("ul", { class: "why" }, ...place.reasons.map((reason) => el("li", {}, reason)));
  // The first ones are read; the others open on demand.
  return at < 5 ? list : el("details", {}, el("summary", {}, "Why"), list);
}

function row(place, at) {
  const between = place.low === place.high ? facings(place.low) : `${facings(place.low)} to ${facings(place.high)}`;
  return [at + 1, el("span", {}, el("strong", {}, place.sku), el("br"), `${place.store}, ${place.shelf}`), facings(place.facings), chance(place), between, why(place, at), time(place.next_visit)];
}

function places(forecast) {
  const columns = [["No.", "numbers detail"], ["What"], ["Now", "numbers"], ["Empty at the next visit"], [`Facings then (${percent(forecast.level)})`, "detail"], ["Why"], ["Next visit", "detail"]];
  const place = el("div", { id: "places" });
  const stores = [...new Set(forecast.outlooks.map((one) => one.store))].sort();
  const pick = el("select", { id: "store" }, el("option", { value: "" }, "All stores"), ...stores.map((name) => el("option", { value: name }, name)));
  let shown = FIRST;
  const draw = () => {
    const wanted = forecast.outlooks.filter((one) => !pick.value || one.store === pick.value);
    const more = el("button", { class: "button small", type: "button" }, "Show more");
    more.addEventListener("click", () => {
      shown += 200;
      draw();
    });
    place.replaceChildren(table(columns, wanted.slice(0, shown).map(row)), ...(wanted.length > shown ? [more] : []));
  };
  pick.addEventListener("change", () => {
    shown = FIRST;
    draw();
  });
  draw();
  return [el("div", { class: "filters" }, el("label", {}, "Store", pick)), place];
}

function trust(forecast) {
  const { measured } = forecast;
  const rows = [["This forecast", measured.model], ["As many as last time", measured.last_value], ["As on the same weekday", measured.weekday_mean]]
    .map(([name, one]) => [name, one.mae.toFixed(2), one.brier.toFixed(3), percent(one.coverage), one.mean_width.toFixed(1)]);
  const said = measured.calibration.map((bin) => [percent(bin.said), percent(bin.found), bin.rows.toLocaleString("en")]);
  const best = measured.model.mae <= Math.min(measured.last_value.mae, measured.weekday_mean.mae);
  return [
    el("h2", {}, "How far to trust it"),
    el("p", { class: "fine" }, `Measured on ${plural(measured.rows, "later visit")} that it did not learn from (${time(measured.from)} to ${time(measured.until)}). ${percent(measured.model.coverage)} of its intervals held what was found; ${percent(forecast.level)} were to.`),
    best ? null : el("p", { class: "notice warn" }, "A plain guess was as good on these visits: there is little to learn here yet."),
    table([["Guess"], ["Off by (facings)", "numbers"], ["Brier score", "numbers detail"], ["Intervals that held", "numbers"], ["Their width", "numbers detail"]], rows),
    el("details", {}, el("summary", {}, "When it said a place would be empty"), table([["Said", "numbers"], ["Came to pass", "numbers"], ["Visits", "numbers"]], said)),
  ].filter(Boolean);
}

async function show() {
  const { forecast, created_at, dataset_id } = await get("/insights?limit=5000");
  if (!forecast) {
    byId("list").replaceChildren(el("p", { class: "notice" }, "Nothing was foretold yet. Send photos with ", el("code", {}, "store"), " and ", el("code", {}, "shelf"), ", or upload a table of counts, then press Forecast."));
    return;
  }
  byId("list").replaceChildren(
    ...(forecast.synthetic ? [el("p", { class: "made-up" }, "Synthetic: these counts were made up. Nothing here is about a real shelf.")] : []),
    el("h2", {}, "What to refill first"),
    el("p", { class: "fine" }, `${plural(forecast.places, "place")}, ${plural(forecast.visits, "visit")}, told ${time(created_at)} from `, el("a", { href: `/datasets?id=${dataset_id}` }, "this data set"), "."),
    ...places(forecast),
    ...trust(forecast));
}

async function choices() {
  const sets = await get("/datasets");
  byId("counts").append(...sets.map((set) => el("option", { value: set.dataset_id }, `${set.name} (${plural(set.rows, "row")})`)));
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function over(id) {
  for (;;) {
    const job = await get(`/jobs/${id}`);
    if (job.status === "completed") return true;
    if (["failed", "cancelled"].includes(job.status)) {
      tell(job.error ?? "The forecast was cancelled.", true);
      return false;
    }
    await pause(500);
  }
}

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const asking = event.currentTarget;
  busy(asking.querySelector("button"), async () => {
    tell("Learning from all visits…");
    const chosen = new FormData(asking).get("data_set");
    const id = chosen || (await post("/datasets/counts", {})).dataset_id;
    const { job_id } = await post("/insights/forecast", { dataset_id: id });
    if (!(await over(job_id))) return;
    await show();
    tell("The forecast is below.");
  });
});

busy(null, async () => {
  await show();
  await choices();
});
