// What was found, in words and numbers.

import { byId, el, milliseconds, plural } from "./dom.js";

const STAGES = [
  ["queue", "waiting", "#9aa39b"], ["decode", "decode", "#5f87d8"], ["detect", "detect", "#12a07a"], ["crop", "crop", "#c9a23a"],
  ["embed", "embed", "#e2703a"], ["search", "search", "#a56fd0"],
];

export const statusWords = { known: "Known", ambiguous: "Ambiguous", unknown: "Unknown" };

/** One line about a facing, also for screen readers. */
export function describe(facing) {
  const name = facing.sku ? facing.sku.name : `unknown ${facing.class}`;
  return `${name}, ${facing.status}, similarity ${facing.similarity.toFixed(2)}`;
}

export function showTotals(answer) {
  const facings = answer.detections.length;
  const unsure = answer.detections.filter((facing) => facing.status === "ambiguous").length;
  const total = (count, word, main) => el("span", main ? { class: "main" } : {}, el("b", {}, count.toLocaleString("en")), ` ${word}`);
  byId("totals").replaceChildren(
    total(facings, facings === 1 ? "facing" : "facings", true),
    total(answer.counts.length, answer.counts.length === 1 ? "SKU" : "SKUs"),
    total(answer.unknown_count, "unknown"),
    ...(unsure ? [total(unsure, "ambiguous")] : []),
  );
  byId("warnings").replaceChildren(...answer.warnings.map((text) => el("li", {}, text)));
  const spoken = [plural(facings, "facing"), plural(answer.counts.length, "SKU"), `${answer.unknown_count} unknown`];
  return spoken.join(", ");
}

/** The list of SKUs; `pick(sku id | "unknown" | null)` when a row is pressed. */
export function showCounts(answer, colors, pick) {
  const rows = answer.counts.map(({ sku, count }) => row({
    key: sku.id, name: sku.name, code: sku.code, count, css: { "--sku": colors.get(sku.id) },
  }));
  if (answer.unknown_count) {
    rows.push(row({ key: "unknown", name: "Unknown", code: "of no enrolled SKU", count: answer.unknown_count, unknown: true }));
  }
  if (!rows.length) rows.push(el("li", { class: "fine" }, "Nothing was found. Lower the confidence, or come closer."));
  byId("counts").replaceChildren(...rows);

  function row({ key, name, code, count, css = {}, unknown = false }) {
    const button = el("button", {
      type: "button", "aria-pressed": "false", "data-sku": key, css, onclick: () => {
        const pressed = button.getAttribute("aria-pressed") !== "true";
        for (const other of byId("counts").querySelectorAll("button")) other.setAttribute("aria-pressed", "false");
        button.setAttribute("aria-pressed", String(pressed));
        pick(pressed ? key : null);
      },
    },
    el("span", { class: unknown ? "swatch unknown" : "swatch", "aria-hidden": "true" }),
    el("span", {}, el("span", { class: "sku-name" }, name), el("span", { class: "sku-code" }, code)),
    el("span", { class: unknown ? "tag unknown" : "tag" }, count.toLocaleString("en"), el("span", { class: "unseen" }, " facings")));
    return el("li", {}, button);
  }
}

export function showTiming(timing) {
  const known = STAGES.filter(([stage]) => timing[stage] > 0.004);
  const rest = Math.max(0, timing.total - STAGES.reduce((sum, [stage]) => sum + timing[stage], 0));
  const parts = [...known.map(([stage, word, color]) => [word, timing[stage], color]), ...(rest > .5 ? [["rest", rest, "#77807a"]] : [])];
  byId("timing").replaceChildren(
    el("p", { class: "timing-total" }, milliseconds(timing.total)),
    el("div", { class: "timing-bar", "aria-hidden": "true" },
      ...parts.map(([, ms, color]) => el("i", { css: { "--stage-color": color, "flex-grow": ms, "flex-basis": "0" } }))),
    el("ul", { class: "timing-legend" }, ...parts.map(([word, ms, color]) =>
      el("li", {}, el("i", { css: { "--stage-color": color }, "aria-hidden": "true" }), el("span", {}, word), el("span", {}, milliseconds(ms))))),
  );
}

export function showRelease(answer) {
  const lines = [
    ["Detector", answer.release.detector], ["Embedder", answer.release.embedder], ["Gallery", answer.release.gallery],
    ["Photo", `${answer.image.width} × ${answer.image.height}, SHA-256 ${answer.image.sha256.slice(0, 12)}…`], ["Request", answer.request_id],
  ];
  byId("release").replaceChildren(...lines.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

/** The card of one facing. `act` holds close(), walk(by). */
export function showFacing(facing, shot, size, colors, act) {
  const card = byId("facing");
  if (!facing) {
    card.hidden = true;
    return;
  }
  const color = facing.sku && colors.get(facing.sku.id);
  const fact = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));
  card.replaceChildren(
    el("div", { class: "facing-head" },
      cutOut(facing.box, shot, size),
      el("div", {},
        el("span", { class: `badge ${facing.status}` }, statusWords[facing.status]),
        el("h2", {}, facing.sku ? facing.sku.name : `Unknown ${facing.class}`),
        el("p", { class: "fine" }, facing.sku ? facing.sku.code : "of no enrolled SKU")),
      el("button", { type: "button", class: "close", "aria-label": "Close", onclick: act.close }, "×")),
    el("dl", { class: "facts" },
      fact("similarity", facing.similarity.toFixed(2)), fact("lead", facing.margin.toFixed(2)),
      fact(facing.class, `${Math.round(facing.confidence * 100)} %`)),
    el("p", { class: "fine" }, `${facing.reason[0].toUpperCase()}${facing.reason.slice(1)}.`),
    ...(facing.candidates.length ? [el("h3", {}, "Candidates"), el("ul", { class: "candidates" }, ...facing.candidates.map(candidate))] : []),
    el("div", { class: "steps" },
      el("button", { type: "button", class: "button small", onclick: () => act.walk(-1) }, "← Previous"),
      el("button", { type: "button", class: "button small", onclick: () => act.walk(1) }, "Next →")),
  );
  card.hidden = false;
  card.scrollTop = 0;

  function candidate({ sku, similarity }) {
    const width = `${Math.max(0, Math.min(1, similarity)) * 100}%`;
    const own = colors.get(sku.id) ?? "var(--soft)";
    return el("li", { css: { "--sku": own } }, el("span", {}, sku.name), el("span", {}, similarity.toFixed(2)),
      el("div", { class: "bar-track", "aria-hidden": "true" }, el("div", { class: "bar-fill", css: { width } })));
  }
}

/** The facing's own pixels, whole and centred. */
function cutOut(box, shot, size) {
  const [width, height] = [76, 104];
  const density = Math.min(window.devicePixelRatio || 1, 3);
  const canvas = el("canvas", { width: width * density, height: height * density, "aria-hidden": "true" });
  // The browser may hold the photo at another size than the server saw (it never does for JPEG, PNG and WebP so far).
  const [sx, sy] = [shot.naturalWidth / size.width, shot.naturalHeight / size.height];
  const [w, h] = [(box.x2 - box.x1) * sx, (box.y2 - box.y1) * sy];
  const scale = Math.min(canvas.width / w, canvas.height / h);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(shot, box.x1 * sx, box.y1 * sy, w, h,
    (canvas.width - w * scale) / 2, (canvas.height - h * scale) / 2, w * scale, h * scale);
  return canvas;
}
