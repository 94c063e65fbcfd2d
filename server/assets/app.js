// The start page: takes a photo, sends it, shows what came back.

import { colorsFor } from "./colors.js";
import { byId, el, save } from "./dom.js";
import { describe, showCounts, showFacing, showRelease, showTiming, showTotals } from "./results.js";
import { Refused, recognize } from "./upload.js";
import { Viewer } from "./viewer.js";

const stage = byId("stage");
/** The photo at hand, its answer and what is under way. */
const now = { file: null, url: null, text: null, answer: null, colors: new Map(), sending: null, example: false };
const viewer = new Viewer(choose);

// Ways in

for (const id of ["photo", "camera"]) {
  byId(id).addEventListener("change", ({ target }) => {
    const [file] = target.files;
    // So that choosing the same file again is noticed.
    target.value = "";
    if (file) take(file);
  });
}
byId("drop").addEventListener("submit", (event) => event.preventDefault());
let depth = 0;
window.addEventListener("dragenter", (event) => { event.preventDefault(); depth += 1; stage.classList.add("dragging"); });
window.addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); stage.classList.toggle("dragging", depth > 0); });
window.addEventListener("dragover", (event) => event.preventDefault());
window.addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  stage.classList.remove("dragging");
  const [file] = event.dataTransfer.files;
  if (file) take(file);
});
window.addEventListener("paste", (event) => {
  const file = [...(event.clipboardData?.files ?? [])].find((item) => item.type.startsWith("image/"));
  if (file) take(file);
});

// The example: its photo is fetched and sent as any other, and named by a gallery of its own.
byId("try-example")?.addEventListener("click", async ({ currentTarget }) => {
  currentTarget.disabled = true;
  try {
    const response = await fetch("/example.jpg");
    if (!response.ok) throw new Refused(await response.json());
    await take(new File([await response.blob()], "example.jpg", { type: "image/jpeg" }), true);
  } catch (error) {
    refuse(error);
  }
  currentTarget.disabled = false;
});

// From a photo to its answer

async function take(file, example = false) {
  now.sending?.abort();
  if (now.url) URL.revokeObjectURL(now.url);
  Object.assign(now, { file, url: URL.createObjectURL(file), text: null, answer: null, example });
  choose(null);
  byId("results").hidden = true;
  byId("alert").hidden = true;
  const limit = Number(stage.dataset.maxBytes);
  // Measured here to spare a long upload; the server measures again.
  if (file.size > limit) {
    return refuse(new Refused({ title: "The photo is too large", detail: `It has ${megabytes(file.size)}, and ${megabytes(limit)} are allowed. Send a smaller photo.` }));
  }
  const previewed = show(file.name);
  await send();
  await previewed;
}

/** A file that the browser cannot show may still tell the server something, or the server the person. */
async function show(name) {
  stage.dataset.state = "busy";
  byId("drop").hidden = true;
  byId("viewer").hidden = false;
  byId("caption").textContent = name ?? "";
  try {
    await viewer.show(now.url, name ? `Photo ${name}` : "Photo");
  } catch {
    viewer.reset();
  }
}

async function send() {
  const sending = new AbortController();
  now.sending?.abort();
  now.sending = sending;
  stage.dataset.state = "busy";
  byId("alert").hidden = true;
  progress("Sending…", 0);
  try {
    const sent = (fraction) => (fraction < 1 ? progress(`Sending… ${Math.round(fraction * 100)} %`, fraction) : progress("Recognising…", null));
    const text = await recognize(now.file, asked(), { sent, signal: sending.signal });
    now.text = text;
    now.answer = JSON.parse(text);
    present();
  } catch (error) {
    if (error.name === "AbortError") return;
    refuse(error);
  } finally {
    if (now.sending === sending) {
      now.sending = null;
      byId("progress").hidden = true;
    }
  }
}

function present() {
  const { answer } = now;
  now.colors = colorsFor(answer.counts);
  stage.dataset.state = "done";
  byId("drop").hidden = true;
  byId("viewer").hidden = false;
  byId("intro").hidden = true;
  byId("results").hidden = false;
  byId("example-note").hidden = !now.example;
  byId("caption").textContent = `${now.file.name ?? "Photo"}, ${answer.image.width} × ${answer.image.height} pixels`;
  viewer.draw(answer.image, answer.detections, now.colors, describe);
  choose(null);
  byId("live").textContent = `Done: ${showTotals(answer)}.`;
  showCounts(answer, now.colors, (sku) => { viewer.pick(null); viewer.highlight(sku); });
  showTiming(answer.timing_ms);
  showRelease(answer);
}

function refuse(error) {
  if (!(error instanceof Refused)) console.error(error);
  const problem = error.problem ?? { title: "This page failed", detail: "Reload it and try again." };
  const shown = Boolean(now.answer);
  stage.dataset.state = shown ? "done" : "empty";
  if (!shown) {
    byId("drop").hidden = false;
    byId("viewer").hidden = true;
    byId("intro").hidden = false;
  }
  const again = now.file && problem.retry_after_seconds;
  const alert = byId("alert");
  alert.replaceChildren(
    el("h2", {}, problem.title),
    el("p", {}, sentence(problem.detail)),
    ...(problem.request_id ? [el("p", { class: "fine" }, "Request ", el("code", {}, problem.request_id))] : []),
    el("div", { class: "alert-actions" },
      ...(again ? [el("button", { type: "button", class: "button small", onclick: () => { show(now.file.name); send(); } }, "Try again")] : []),
      ...(problem.type ? [el("a", { class: "button small", href: problem.type }, "What does this mean?")] : []),
      el("button", { type: "button", class: "button small", onclick: () => { alert.hidden = true; } }, "Close")),
  );
  alert.hidden = false;
}

const sentence = (text = "") => text && `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`;

function progress(text, fraction) {
  byId("progress").hidden = false;
  // Spoken once a phase, not once a percent.
  const phase = text.replace(/ \d+ %$/, "");
  if (byId("progress-text").dataset.phase !== phase || fraction !== null) byId("progress-text").textContent = text;
  byId("progress-text").dataset.phase = phase;
  const bar = byId("progress-bar");
  if (fraction === null) bar.removeAttribute("value");
  else bar.value = fraction * 100;
}

// One facing

function choose(place) {
  const facing = place === null ? null : now.answer?.detections[place];
  if (facing) viewer.highlight(null);
  if (facing) for (const row of byId("counts").querySelectorAll("button")) row.setAttribute("aria-pressed", "false");
  // The card keeps off the facing it speaks of.
  if (facing) byId("facing").classList.toggle("right", viewer.isLeft(place));
  if (facing && !window.matchMedia("(min-width: 62rem)").matches) stage.scrollIntoView({ block: "start" });
  showFacing(facing, byId("shot"), now.answer?.image, now.colors, {
    close: () => { viewer.pick(null); byId("boxes").querySelector('[tabindex="0"]')?.focus({ preventScroll: true }); },
    walk: (by) => viewer.walk(by),
  });
}

document.addEventListener("keydown", (event) => {
  if (stage.dataset.state !== "done" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, select, textarea, summary")) return;
  const along = event.target.closest?.(".stage") || event.target === document.body || event.target.id === "main";
  const keys = {
    ArrowRight: along && (() => viewer.walk(1)), ArrowLeft: along && (() => viewer.walk(-1)),
    ArrowDown: along && (() => viewer.walk(1)), ArrowUp: along && (() => viewer.walk(-1)),
    "+": () => viewer.zoomBy(1.5), "=": () => viewer.zoomBy(1.5), "-": () => viewer.zoomBy(1 / 1.5), 0: () => viewer.fit(),
    b: toggleBoxes, Escape: () => { viewer.pick(null); viewer.highlight(null); },
  };
  const act = keys[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

byId("toggle-boxes").addEventListener("click", toggleBoxes);
function toggleBoxes() {
  const button = byId("toggle-boxes");
  const shown = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(shown));
  viewer.toggleBoxes(shown);
}

// Settings: sent only when a person moved them, so that the server's configuration stays in force

const settings = ["conf", "iou", "tiles"].map((id) => ({ id, field: byId(id), configured: byId(id).value }));
const changed = () => settings.filter(({ field, configured }) => field.value !== configured);
const parameters = () => Object.fromEntries(changed().map(({ id, field }) => [id, field.value]));
/** With the gallery that goes with the photo at hand. */
const asked = () => (now.example ? { ...parameters(), gallery: "example" } : parameters());
function settle() {
  for (const { id, field } of settings) {
    const output = byId(`${id}-value`);
    if (output) output.textContent = Number(field.value).toFixed(2);
  }
  byId("settings-state").textContent = changed().length ? "changed" : "as configured";
}
for (const { field } of settings) {
  field.addEventListener("input", settle);
  field.addEventListener("change", () => now.file && send());
}
byId("reset").addEventListener("click", () => {
  const again = changed().length > 0 && now.file;
  for (const { field, configured } of settings) field.value = configured;
  settle();
  if (again) send();
});
settle();

// Files out

const stem = () => (now.file?.name ?? "photo").replace(/\.[^.]*$/, "");
byId("save-json").addEventListener("click", () => {
  const pretty = JSON.stringify(now.answer, null, 2);
  save(new Blob([pretty, "\n"], { type: "application/json" }), `${stem()}.json`);
});
byId("save-image").addEventListener("click", async ({ currentTarget }) => {
  currentTarget.disabled = true;
  try {
    save(await recognize(now.file, asked(), { accept: "image/jpeg" }), `${stem()}-annotated.jpg`);
  } catch (error) {
    refuse(error);
  }
  currentTarget.disabled = false;
});

// While models load, the page waits for them

byId("origin").textContent = window.location.origin;
const state = byId("server-state");
if (state.dataset.status !== "ok" && state.dataset.status !== "failed") wait();
async function wait() {
  for (;;) {
    await new Promise((done) => setTimeout(done, 700));
    try {
      const { ready, status } = await (await fetch("/readyz")).json();
      // A page with nothing on it is made anew; one with a photo keeps it.
      if ((ready || status === "failed") && !now.file) return window.location.reload();
      if (ready) {
        state.dataset.status = "ok";
        byId("server-state-text").textContent = "Ready";
        return;
      }
    } catch { /* the server is away; it may come back */ }
  }
}
