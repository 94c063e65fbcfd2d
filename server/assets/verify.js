// The page on which people go through whole photos: every box right, with its class and SKU.

import { byId, el, plural, svg } from "./dom.js";
import { find } from "./review_api.js";
import { complain, reviewer, saveReviewer, say } from "./review_who.js";
import { accept, classes, days, next, release, save } from "./verify_api.js";
import { copiedRight, frequent, grip, isLarge, moved, readingOrder, sameRow, snapped, tidy } from "./verify_boxes.js";

/** Reach of a pointer and of snapping, in pixels of the screen. */
const REACH = 7;
/** Narrower boxes, in pixels of the screen, have no text unless they are chosen. */
const LEGIBLE = 34;
/** SKUs that have a key of their own. */
const NAMED = 9;
/** Changes that can be taken back. */
const UNDO = 200;

const stage = byId("verify-stage");
const marks = byId("verify-marks");
const state = { day: null, photo: null, classes: [], palette: [], boxes: [], selected: -1, undo: [], touched: false, ahead: null, busy: false, drag: null };

// What is shown

const scale = () => (state.photo ? state.photo.width / (marks.getBoundingClientRect().width || 1) : 1);

function draw() {
  const { photo, boxes, selected } = state;
  byId("verify-work").hidden = !photo;
  byId("verify-empty").hidden = Boolean(photo);
  if (!photo) return;
  const width = 2 * scale();
  const rect = (box, name) => svg("rect", {
    x: box.x1, y: box.y1, width: box.x2 - box.x1, height: box.y2 - box.y1, class: name, "stroke-width": width,
  });
  const legible = boxes.filter((box, at) => at === selected || box.x2 - box.x1 > LEGIBLE * scale());
  const texts = legible.map((box) => svg("text", { x: box.x1 + width, y: box.y1 + 7 * width, "font-size": 6 * width }, box.code ?? box.class));
  marks.replaceChildren(...boxes.map((box, at) => rect(box, at === selected ? "verify-box chosen" : box.sku_id ? "verify-box" : "verify-box nameless")), ...texts);
  const box = boxes[selected];
  const names = box && !state.classes.includes(box.class) ? [...state.classes, box.class] : state.classes;
  byId("verify-class").replaceChildren(...names.map((name) => el("option", { value: name, selected: name === box?.class }, name)));
  if (!box) byId("verify-class").selectedIndex = -1;
  byId("verify-sku").value = box?.code ?? "";
  for (const id of ["verify-class", "verify-sku"]) byId(id).disabled = !box;
  byId("verify-count").textContent = `${plural(boxes.length, "box", "boxes")}${state.touched ? ", changed" : ""}`;
  byId("verify-done").firstChild.textContent = state.touched ? "Save, next" : "All right, next";
}

function show(photo) {
  Object.assign(state, { photo, selected: -1, undo: [], touched: false, drag: null });
  state.boxes = (photo?.boxes ?? []).map(fromWire);
  state.proposals = (photo?.proposals ?? []).map(fromWire);
  state.palette = frequent([...state.boxes, ...state.proposals], NAMED);
  byId("verify-palette").replaceChildren(...state.palette.map((sku, at) =>
    el("button", { type: "button", class: "button small", "aria-keyshortcuts": String(at + 1), onclick: () => { name(at); stage.focus({ preventScroll: true }); } },
      el("span", {}, sku.code), el("kbd", {}, String(at + 1)))));
  if (photo) {
    const image = byId("verify-photo");
    image.src = photo.image;
    stage.style.setProperty("--ratio", photo.width / photo.height);
    image.alt = `Photo of ${photo.at}`;
    marks.setAttribute("viewBox", `0 0 ${photo.width} ${photo.height}`);
    const place = [photo.store, photo.shelf].filter(Boolean).join(", ");
    byId("verify-where").textContent = [photo.at, place, photo.status === "second" ? "second look" : ""].filter(Boolean).join(" · ");
    say(`A photo with ${plural(state.boxes.length, "box", "boxes")}`);
  } else {
    say("Nothing waits on this day");
  }
  draw();
  if (photo && !["INPUT", "SELECT"].includes(document.activeElement?.tagName)) stage.focus({ preventScroll: true });
}

const fromWire = ({ box: [x1, y1, x2, y2], ...rest }) => ({ x1, y1, x2, y2, class: rest.class, sku_id: rest.sku_id, code: rest.code });

// Changes

function change(boxes, selected = state.selected) {
  state.undo.push({ boxes: state.boxes, selected: state.selected, touched: state.touched });
  if (state.undo.length > UNDO) state.undo.shift();
  Object.assign(state, { boxes, selected, touched: true });
  draw();
}

const replaced = (box, at = state.selected) => state.boxes.map((other, place) => (place === at ? box : other));

function undo() {
  const before = state.undo.pop();
  if (before) Object.assign(state, before);
  draw();
}

function remove() {
  if (state.selected < 0) return;
  const order = readingOrder(state.boxes);
  const follows = order[order.indexOf(state.selected) + 1];
  const at = follows === undefined ? -1 : follows - (follows > state.selected ? 1 : 0);
  change(state.boxes.filter((_, place) => place !== state.selected), at);
}

function choose(step) {
  const order = readingOrder(state.boxes);
  if (order.length === 0) return;
  const place = order.indexOf(state.selected);
  state.selected = order[place < 0 ? (step > 0 ? 0 : order.length - 1) : (place + step + order.length) % order.length];
  draw();
  const box = state.boxes[state.selected];
  say(`${box.class}, ${box.code ?? "no SKU"}`);
}

function copyRight() {
  const box = state.boxes[state.selected];
  const copy = box && copiedRight(box, state.boxes, state.proposals, state.photo);
  if (copy) change([...state.boxes, copy], state.boxes.length);
}

/** All boxes of the row show what this one shows. */
function nameRow() {
  const box = state.boxes[state.selected];
  if (!box) return;
  const { class: kind, sku_id, code } = box;
  change(state.boxes.map((other) => (sameRow(box, other) ? { ...other, class: kind, sku_id, code } : other)));
}

/** The chosen box shows one of the SKUs that have a key. */
function name(at) {
  const sku = state.palette[at];
  if (sku && state.boxes[state.selected]) change(replaced({ ...state.boxes[state.selected], sku_id: sku.sku_id, code: sku.code }));
}

function nudge(dx, dy) {
  const box = state.boxes[state.selected];
  if (box) change(replaced(moved(box, dx, dy, state.photo)));
}

// The pointer

function at(event) {
  const frame = marks.getBoundingClientRect();
  return [(event.clientX - frame.left) * scale(), (event.clientY - frame.top) * scale()];
}

/** The smallest box under the pointer, the chosen one before all others. */
function under(x, y) {
  const reach = REACH * scale();
  const area = (box) => (box.x2 - box.x1) * (box.y2 - box.y1);
  const chosen = state.boxes[state.selected];
  if (chosen && grip(chosen, x, y, reach)) return state.selected;
  const found = state.boxes.map((_, place) => place).filter((place) => grip(state.boxes[place], x, y, 0));
  return found.sort((a, b) => area(state.boxes[a]) - area(state.boxes[b]))[0] ?? -1;
}

marks.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || state.busy) return;
  event.preventDefault();
  marks.setPointerCapture(event.pointerId);
  const [x, y] = at(event);
  const found = under(x, y);
  const last = state.boxes[state.selected] ?? state.boxes.at(-1) ?? state.proposals[0];
  if (found >= 0) {
    state.selected = found;
    const box = state.boxes[found];
    state.drag = { x, y, box, sides: grip(box, x, y, REACH * scale()) ?? [], fresh: false };
  } else {
    const box = { x1: x, y1: y, x2: x, y2: y, class: last?.class ?? "bottle", sku_id: last?.sku_id ?? null, code: last?.code ?? null };
    state.drag = { x, y, box, sides: ["x2", "y2"], fresh: true };
  }
  draw();
});

marks.addEventListener("pointermove", (event) => {
  const { drag } = state;
  if (!drag) return;
  const [x, y] = at(event);
  if (!drag.began && Math.hypot(x - drag.x, y - drag.y) < 3 * scale()) return;
  if (!drag.began) {
    drag.began = true;
    if (drag.fresh) change([...state.boxes, drag.box], state.boxes.length);
    else change(state.boxes);
  }
  let box = { ...drag.box };
  if (drag.sides.length === 0) {
    box = moved(box, x - drag.x, y - drag.y, state.photo);
  } else {
    for (const side of drag.sides) box[side] = side.startsWith("x") ? drag.box[side] + x - drag.x : drag.box[side] + y - drag.y;
    if (!event.altKey) {
      const others = [...state.proposals, ...state.boxes.filter((_, place) => place !== state.selected)];
      box = { ...box, ...pick(snapped(box, drag.sides, others, REACH * scale()), drag.sides) };
    }
    box = tidy(box, state.photo);
  }
  state.boxes = replaced(box);
  draw();
});

// One gesture for what is no container at all.
marks.addEventListener("contextmenu", (event) => {
  event.preventDefault();
  const found = state.busy ? -1 : under(...at(event));
  if (found < 0) return;
  state.selected = found;
  remove();
  state.selected = -1;
  draw();
});

const pick = (box, sides) => Object.fromEntries(sides.map((side) => [side, box[side]]));

marks.addEventListener("pointerup", () => {
  const { drag } = state;
  state.drag = null;
  // A click on nothing lets go; a box without an area is none.
  if (drag?.fresh && !drag.began) state.selected = -1;
  else if (drag?.began && !isLarge(state.boxes[state.selected])) undo();
  draw();
});

// Names

byId("verify-class").addEventListener("change", (event) => {
  const box = state.boxes[state.selected];
  if (box) change(replaced({ ...box, class: event.target.value }));
  stage.focus({ preventScroll: true });
});

let asked = null;
byId("verify-sku").addEventListener("input", async (event) => {
  asked?.abort();
  asked = new AbortController();
  try {
    const { skus } = await find(event.target.value, asked.signal);
    byId("verify-skus").replaceChildren(...skus.map((sku) => el("option", { value: sku.code, "data-id": sku.id }, sku.name)));
  } catch (error) {
    if (error.name !== "AbortError") complain(error);
  }
});

byId("verify-sku").addEventListener("change", (event) => {
  const box = state.boxes[state.selected];
  const code = event.target.value.trim();
  if (!box) return;
  if (!code) {
    change(replaced({ ...box, sku_id: null, code: null }));
    return;
  }
  const option = [...byId("verify-skus").children].find((known) => known.value === code);
  const known = option ? Number(option.dataset.id) : [...state.boxes, ...state.proposals].find((other) => other.code === code)?.sku_id;
  if (known) change(replaced({ ...box, sku_id: known, code }));
  else complain({ title: "There is no such SKU", detail: "Choose one of the list, or leave it empty." });
});

// From photo to photo

async function working(work) {
  if (state.busy) return;
  state.busy = true;
  stage.dataset.busy = "true";
  try {
    await work();
  } catch (error) {
    complain(error);
    // Somebody else was faster: what they left is looked at next time.
    if (error.type === "/problems/photo-changed" || error.type === "/problems/claimed") await advance();
  } finally {
    state.busy = false;
    delete stage.dataset.busy;
  }
}

async function advance() {
  const ahead = state.ahead ?? next(state.day, reviewer(), []);
  state.ahead = null;
  const photo = await ahead;
  show(photo);
  if (photo) {
    state.ahead = next(state.day, reviewer(), [photo.photo]);
    state.ahead.catch(() => { state.ahead = null; });
  }
  progress();
}

const done = () => working(async () => {
  if (!state.photo) return;
  const { photo, version } = state.photo;
  if (state.touched) await save(photo, version, state.boxes, reviewer());
  else await accept(photo, version, reviewer());
  await advance();
});

const skip = () => working(async () => {
  if (!state.photo) return;
  const { photo } = state.photo;
  await advance();
  await release(photo, reviewer());
});

async function progress() {
  try {
    const found = await days();
    const list = byId("verify-day");
    list.replaceChildren(...found.days.map(({ day, verified, photos }) => el("option", { value: day, selected: day === state.day }, `${day}: ${verified} of ${photos}`)));
    const today = found.days.find(({ day }) => day === state.day);
    Object.assign(byId("verify-progress"), { max: today?.photos || 1, value: today?.verified ?? 0 });
    return found.days;
  } catch (error) {
    complain(error);
    return [];
  }
}

const open = (day) => working(async () => {
  // What was fetched for another day goes back to the others.
  const held = [state.photo, await Promise.resolve(state.ahead).catch(() => null)].filter(Boolean);
  Object.assign(state, { day, ahead: null });
  history.replaceState(null, "", `?day=${encodeURIComponent(day)}`);
  await Promise.allSettled(held.map(({ photo }) => release(photo, reviewer())));
  await advance();
});

// Keys

/** From here on Tab goes to the buttons again, as everywhere else. */
function leave() {
  state.selected = -1;
  byId("verify-done").focus();
  draw();
}

const KEYS = {
  enter: done, a: done, s: skip, z: undo, x: remove, delete: remove, backspace: remove, c: copyRight, r: nameRow,
  f: () => byId("verify-sku").focus(), escape: leave,
};

document.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase();
  const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
  if (typing) {
    if (key === "escape" || key === "enter") stage.focus({ preventScroll: true });
    return;
  }
  if (event.ctrlKey || event.metaKey || !state.photo) return;
  const step = (event.shiftKey ? 10 : 1) * Math.max(1, Math.round(scale()));
  const arrows = { arrowleft: [-step, 0], arrowright: [step, 0], arrowup: [0, -step], arrowdown: [0, step] };
  // Buttons and links have their own meaning of Enter and Tab.
  const onControl = ["BUTTON", "A"].includes(event.target.tagName);
  if (key === "tab" && event.target !== stage) return;
  if (key === "tab") choose(event.shiftKey ? -1 : 1);
  else if (arrows[key] && state.selected >= 0) nudge(...arrows[key]);
  else if (/^[1-9]$/.test(key)) name(Number(key) - 1);
  else if (KEYS[key] && !(key === "enter" && onControl)) KEYS[key]();
  else return;
  event.preventDefault();
});

for (const [id, work] of [["verify-done", done], ["verify-skip", skip], ["verify-undo", undo], ["verify-remove", remove], ["verify-copy", copyRight], ["verify-row", nameRow]]) {
  byId(id).addEventListener("click", () => { work(); stage.focus({ preventScroll: true }); });
}
byId("verify-day").addEventListener("change", (event) => { event.target.blur(); open(event.target.value); });
window.addEventListener("resize", draw);
saveReviewer(() => { if (state.day) open(state.day); });
state.classes = (await classes().catch(() => ({ classes: [] }))).classes.map(({ name }) => name);

const found = await progress();
const wanted = new URLSearchParams(location.search).get("day") ?? found.find(({ open: left, second }) => left + second > 0)?.day ?? found[0]?.day;
if (wanted) await open(wanted);
else show(null);
