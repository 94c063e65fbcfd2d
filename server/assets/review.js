// The review page: shows an item, takes an answer, shows the next one at once. Answers travel in the background.

import { byId, el, plural } from "./dom.js";
import { Refused, call, newKey } from "./review_api.js";
import { BoxEditor } from "./review_box.js";
import { Finder } from "./review_find.js";
import { meant } from "./review_keys.js";
import { complain, saveReviewer, reviewer, say } from "./review_who.js";

/** Items held beside the one on screen; more are asked for when fewer are left. */
const AHEAD = 4;
/** How often an empty queue is asked again, in milliseconds. */
const POLL = 4000;
const WHY = {
  random: "Sampled at random, to measure how often recognition is right.",
  unknown: "Nothing enrolled is near enough.",
  small_margin: "Two SKUs are almost equally near.",
  near_threshold: "It lies on the line between known and unknown.",
  low_similarity: "It looks only a little like its SKU.",
  low_confidence: "The detector was not sure that something stands here.",
  novelty: "It is unlike everything seen before.",
  rare_sku: "Its SKU has few images.",
  disagreement: "Tiles of the photo, or two models, saw different things here.",
  shadow: "A release that is being tried saw something else here than the one that answers.",
};

const DRAW = "Draw the right box on the photo, then choose what it shows. Enter: the box alone. Esc: leave it.";

const now = { item: null, waiting: [], done: 0, given: [], sending: Promise.resolve(), claiming: false, timer: null };
const box = new BoxEditor(byId("photo"), (drawn) => say(drawn ? "Box drawn. Choose what it shows, or press Enter for the box alone." : "Drawing a box"));
const finder = new Finder((said) => answer(said));

// Items

async function claim() {
  if (now.claiming) return;
  now.claiming = true;
  try {
    const { items } = await call("claim", { reviewer: reviewer(), count: AHEAD + 1 });
    for (const item of items) {
      if (item.id !== now.item?.id && !now.waiting.some((known) => known.id === item.id)) now.waiting.push(preload(item));
    }
  } catch (error) {
    complain(error);
  } finally {
    now.claiming = false;
  }
  if (!now.item) next();
}

/** Images are fetched and decoded before anyone looks. */
function preload(item) {
  const urls = [item.crop, item.photo.url, ...item.candidates.slice(0, 5).flatMap((candidate) => candidate.pictures.slice(0, 1))];
  item.pictures = urls.map((url) => { const image = new Image(); image.src = url; image.decode().catch(() => {}); return image; });
  return item;
}

function next() {
  show(now.waiting.shift() ?? null);
  if (now.waiting.length < AHEAD - 1) claim();
}

function show(item) {
  clearTimeout(now.timer);
  now.item = item;
  box.stop();
  showDrawing(false);
  for (const id of ["look", "ask"]) byId(id).hidden = !item;
  byId("empty").hidden = Boolean(item) || now.claiming;
  progress();
  if (!item) {
    now.timer = setTimeout(claim, POLL);
    return;
  }
  byId("look").dataset.state = "shown";
  byId("crop").src = item.crop;
  byId("whole").src = item.photo.url;
  box.place(item);
  byId("why").textContent = why(item);
  byId("choices").replaceChildren(...item.candidates.slice(0, 5).map(choice));
  byId("where").textContent = `${item.class}, ${Math.round(item.confidence * 100)} % sure that it is one`;
  say(`${item.class}. ${item.candidates.slice(0, 5).map((c, at) => `${at + 1}: ${c.sku.name}`).join(", ")}`);
}

function why(item) {
  const second = item.status === "conflict" ? "Two people answered differently; you decide. " : "";
  return `${second}${WHY[item.reasons[0]] ?? ""} ${item.facings > 1 ? `${plural(item.facings, "facing")} look like this.` : ""}`;
}

function choice(candidate, at) {
  const images = candidate.pictures.slice(0, 1).map((url) => el("img", { src: url, alt: "", loading: "eager" }));
  if (!images.length) images.push(el("span", { class: "none", "aria-hidden": "true" }, "no image"));
  const take = () => answer({ sku_id: candidate.sku.id }, at);
  return el("li", {}, el("button", { type: "button", class: "choice", "aria-keyshortcuts": String(at + 1), onclick: take },
    el("kbd", {}, String(at + 1)),
    el("span", { class: "thumbs" }, ...images),
    el("span", {}, el("span", { class: "sku-name" }, candidate.sku.name), el("span", { class: "sku-code" }, candidate.sku.code)),
    el("span", { class: "sim", title: "Similarity" }, candidate.similarity.toFixed(2))));
}

// Answers

/** `said` is the answer as the server takes it, without item and reviewer. */
function answer(said, at = null) {
  const item = now.item;
  if (!item) return;
  if (box.drawn && (said.sku_id || said.sku_code || said.kind === "wrong_box")) said = { ...said, kind: "wrong_box", box: box.drawn };
  if (at !== null) byId("choices").children[at]?.firstChild.classList.add("taken");
  const body = { ...said, item_id: item.id, reviewer: reviewer() };
  now.given.push(item);
  if (said.kind !== "skip") now.done += 1;
  // One after the other, so that an undo finds what it takes back.
  now.sending = now.sending.then(() => send(body, item));
  next();
}

async function send(body, item) {
  try {
    await call("label", body, newKey());
  } catch (error) {
    now.given = now.given.filter((given) => given !== item);
    if (body.kind !== "skip") now.done -= 1;
    if (error instanceof Refused && error.type === "/problems/review-unavailable") now.waiting.unshift(item);
    complain(error);
    progress();
  }
}

async function undo() {
  const button = byId("act-undo");
  if (button.disabled) return;
  button.disabled = true;
  await now.sending;
  const item = now.given.pop();
  if (!item) return progress();
  try {
    await call("undo", { item_id: item.id, reviewer: reviewer() }, newKey());
    now.done = Math.max(0, now.done - 1);
    if (now.item) now.waiting.unshift(now.item);
    show(item);
    say("Taken back.");
  } catch (error) {
    complain(error);
  }
  progress();
}

function progress() {
  const left = now.waiting.length + (now.item ? 1 : 0);
  byId("done").textContent = now.done ? `${now.done.toLocaleString("en")} done in this session` : "A new session";
  byId("session-progress").value = now.done + left ? now.done / (now.done + left) : 0;
  byId("act-undo").disabled = now.given.length === 0;
}

// Keys and buttons

const acts = {
  n: () => now.item && finder.open(),
  u: () => answer({ kind: "cannot_tell" }),
  x: () => answer({ kind: "not_a_container" }),
  s: () => answer({ kind: "skip" }),
  z: undo,
  b: toggleBox,
  "?": () => byId("keys").showModal(),
  "+": () => box.zoom(1.6),
  "-": () => box.zoom(1 / 1.6),
};

function toggleBox() {
  if (!now.item) return;
  showDrawing(box.toggle());
  byId("why").textContent = box.drawing ? DRAW : why(now.item);
  if (box.drawing) say(DRAW);
}

/** While a box is drawn, the photo has the room that the crop has otherwise. */
function showDrawing(drawing) {
  byId("act-box").setAttribute("aria-pressed", String(drawing));
  byId("look").classList.toggle("drawing", drawing);
  box.apply();
}

for (const [id, key] of [["new", "n"], ["unknown", "u"], ["none", "x"], ["skip", "s"], ["undo", "z"], ["box", "b"], ["help", "?"]]) {
  byId(`act-${id}`).addEventListener("click", () => acts[key]());
}
byId("zoom-in").addEventListener("click", acts["+"]);
byId("zoom-out").addEventListener("click", acts["-"]);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest?.("dialog, input, select, textarea")) return;
  const key = meant(event);
  if (/^[1-5]$/.test(key)) {
    const candidate = now.item?.candidates[Number(key) - 1];
    if (candidate) answer({ sku_id: candidate.sku.id }, Number(key) - 1);
  } else if (key === "enter" && box.drawn) {
    answer({ kind: "wrong_box" });
  } else if (key === "escape" && box.drawing) {
    toggleBox();
  } else if (acts[key]) {
    acts[key]();
  } else {
    return;
  }
  event.preventDefault();
});

// Gone, the items are free for others at once.
window.addEventListener("pagehide", () => {
  const ids = [now.item, ...now.waiting].filter(Boolean).map((item) => item.id);
  const body = new Blob([JSON.stringify({ reviewer: reviewer(), item_ids: ids })], { type: "application/json" });
  if (ids.length) navigator.sendBeacon("/v2/active-learning/release", body);
});

function start() {
  now.waiting = [];
  now.given = [];
  show(null);
  claim();
}

saveReviewer(start);
start();
