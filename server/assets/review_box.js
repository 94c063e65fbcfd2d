// The photo with the facing's box on it: zoom, and drawing the right box.

import { byId } from "./dom.js";

const MAX_ZOOM = 8;
/** Zoom at which a box is drawn: what stands around it is still seen. */
const DRAW_ZOOM = 2.5;

export class BoxEditor {
  /** `changed(drawn)` is called when a box begins (null) and when it is drawn. */
  constructor(photo, changed) {
    this.photo = photo;
    this.changed = changed;
    this.marks = byId("marks");
    this.drawing = false;
    this.drawn = null;
    this.from = null;
    photo.addEventListener("pointerdown", (event) => this.down(event));
    photo.addEventListener("pointermove", (event) => this.move(event));
    photo.addEventListener("pointerup", (event) => this.up(event));
    photo.addEventListener("pointercancel", () => { this.from = null; });
  }

  /** Shows where an item stands. */
  place(item) {
    this.size = item.photo;
    this.level = 1;
    this.marks.setAttribute("viewBox", `0 0 ${item.photo.width} ${item.photo.height}`);
    frame(byId("mark"), item.box);
    const middle = { x: (item.box.x1 + item.box.x2) / 2, y: (item.box.y1 + item.box.y2) / 2 };
    this.middle = middle;
    this.apply();
  }

  /** Zooms about the box. The image is letterboxed in its frame, and so is the point that stays. */
  zoom(factor) {
    if (!this.size) return;
    this.level = Math.min(MAX_ZOOM, Math.max(1, this.level * factor));
    this.apply();
  }

  apply() {
    if (!this.size) return;
    const { width, height } = this.photo.getBoundingClientRect();
    const scale = Math.min(width / this.size.width, height / this.size.height) || 0;
    const x = (width - this.size.width * scale) / 2 + this.middle.x * scale;
    const y = (height - this.size.height * scale) / 2 + this.middle.y * scale;
    this.photo.style.setProperty("--cx", `${x}px`);
    this.photo.style.setProperty("--cy", `${y}px`);
    this.photo.style.setProperty("--zoom", String(this.level));
  }

  toggle() {
    if (this.drawing) this.stop();
    else {
      this.drawing = true;
      this.level = Math.max(this.level, DRAW_ZOOM);
      this.photo.classList.add("drawing");
    }
    return this.drawing;
  }

  stop() {
    this.drawing = false;
    this.drawn = null;
    this.from = null;
    this.level = 1;
    this.photo.classList.remove("drawing");
    byId("drawn").setAttribute("hidden", "");
  }

  /** A pointer's place in pixels of the photo, kept inside it. */
  at(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.marks.getScreenCTM().inverse());
    return { x: Math.min(this.size.width, Math.max(0, point.x)), y: Math.min(this.size.height, Math.max(0, point.y)) };
  }

  down(event) {
    if (!this.drawing || !this.size) return;
    event.preventDefault();
    this.photo.setPointerCapture(event.pointerId);
    this.from = this.at(event);
    this.drawn = null;
    this.changed(null);
  }

  move(event) {
    if (!this.from) return;
    const to = this.at(event);
    const box = { x1: Math.min(this.from.x, to.x), y1: Math.min(this.from.y, to.y), x2: Math.max(this.from.x, to.x), y2: Math.max(this.from.y, to.y) };
    frame(byId("drawn"), box);
    byId("drawn").removeAttribute("hidden");
    // Thinner than this it was a tap.
    this.drawn = box.x2 - box.x1 >= 3 && box.y2 - box.y1 >= 3 ? box : null;
  }

  up() {
    if (!this.from) return;
    this.from = null;
    this.changed(this.drawn);
  }
}

function frame(rect, { x1, y1, x2, y2 }) {
  for (const [name, value] of Object.entries({ x: x1, y: y1, width: x2 - x1, height: y2 - y1 })) rect.setAttribute(name, value);
}
