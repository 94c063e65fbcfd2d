// The photo with a box per facing: zoom, pan, choose.

import { isDark } from "./colors.js";
import { byId, svg } from "./dom.js";

const MAX_ZOOM = 12;
const STEP = 1.5;
/** Movement in pixels that makes a drag of a tap. */
const SLOP = 6;

export class Viewer {
  /** `choose(facing | null)` is called when a person chooses a facing. */
  constructor(choose) {
    this.choose = choose;
    this.viewport = byId("viewport");
    this.canvas = byId("canvas");
    this.shot = byId("shot");
    this.boxes = byId("boxes");
    this.pointers = new Map();
    this.reset();
    this.listen();
  }

  reset() {
    this.size = { width: 1, height: 1 };
    this.zoom = 1;
    this.at = { x: 0, y: 0 };
    this.groups = [];
    this.chosen = null;
  }

  /** Shows a photo without boxes; resolves once its size is known. */
  async show(url, alt) {
    this.reset();
    this.boxes.replaceChildren();
    this.shot.alt = alt;
    this.shot.src = url;
    await this.shot.decode();
    this.resize(this.shot.naturalWidth, this.shot.naturalHeight);
  }

  resize(width, height) {
    this.size = { width, height };
    this.viewport.style.setProperty("--ratio", width / height);
    this.fit();
  }

  /** Draws boxes over the photo. The size is the server's: it decides what upright means. */
  draw(image, detections, colors, describe) {
    this.boxes.setAttribute("viewBox", `0 0 ${image.width} ${image.height}`);
    this.groups = detections.map((facing, place) => this.group(facing, place, colors, describe));
    // Small boxes lie above large ones, so both can be tapped.
    const area = ({ box }) => (box.x2 - box.x1) * (box.y2 - box.y1);
    const order = detections.map((_, place) => place).sort((a, b) => area(detections[b]) - area(detections[a]));
    this.boxes.replaceChildren(...order.map((place) => this.groups[place]));
    // Arrow keys go along the shelf: rows of overlapping height, each from left to right.
    this.route = readingOrder(detections);
    this.groups[this.route[0]]?.setAttribute("tabindex", "0");
    this.viewport.classList.remove("picked");
    // Asked again with other settings, the photo stays where it is.
    if (this.size.width !== image.width || this.size.height !== image.height) this.resize(image.width, image.height);
  }

  group(facing, place, colors, describe) {
    const { x1, y1, x2, y2 } = facing.box;
    const shape = { x: x1, y: y1, width: x2 - x1, height: y2 - y1, rx: Math.min(x2 - x1, y2 - y1) * .04 };
    const color = facing.sku && colors.get(facing.sku.id);
    return svg("g", {
      class: `box ${facing.status}`, role: "button", tabindex: "-1", "data-facing": facing.id,
      "data-sku": facing.sku ? facing.sku.id : "unknown", "aria-label": describe(facing),
      css: color ? { "--sku": color, "--halo": isDark(color) ? "rgb(255 255 255 / 85%)" : "rgb(0 0 0 / 60%)" } : {},
      onfocus: () => this.groups[place].matches(":focus-visible") && this.pick(place),
    }, svg("rect", { class: "halo", ...shape }), svg("rect", { class: "line", ...shape }));
  }

  /** Marks a facing and tells. */
  pick(place) {
    this.groups[this.chosen]?.classList.remove("chosen");
    this.groups[this.chosen]?.removeAttribute("aria-pressed");
    this.groups.forEach((group) => group.setAttribute("tabindex", "-1"));
    this.chosen = place;
    const group = this.groups[place ?? this.route?.[0]];
    group?.setAttribute("tabindex", "0");
    if (place !== null) {
      group.classList.add("chosen");
      group.setAttribute("aria-pressed", "true");
      this.reveal(place);
    }
    this.choose(place);
  }

  /** The facing `by` places further along the shelf. */
  walk(by) {
    if (!this.groups.length) return;
    const now = this.route.indexOf(this.chosen);
    const next = now < 0 ? (by > 0 ? 0 : this.route.length - 1) : (now + by + this.route.length) % this.route.length;
    this.groups[this.route[next]].focus({ preventScroll: true });
    this.pick(this.route[next]);
  }

  /** Fades all facings but those of one SKU; `null` shows all alike. */
  highlight(sku) {
    this.viewport.classList.toggle("picked", sku !== null);
    for (const group of this.groups) group.classList.toggle("match", group.dataset.sku === String(sku));
  }

  toggleBoxes(shown) {
    this.viewport.classList.toggle("no-boxes", !shown);
  }

  // Geometry. The photo is laid out at its fitted size and scaled by a transform.

  fitted() {
    const { clientWidth, clientHeight } = this.viewport;
    const scale = Math.min(clientWidth / this.size.width, clientHeight / this.size.height);
    return { width: this.size.width * scale, height: this.size.height * scale, scale };
  }

  fit() {
    this.zoom = 1;
    this.at = { x: 0, y: 0 };
    this.place();
  }

  place() {
    const { clientWidth, clientHeight } = this.viewport;
    const { width, height } = this.fitted();
    this.zoom = Math.min(Math.max(this.zoom, 1), MAX_ZOOM);
    const keep = (offset, content, room) =>
      content <= room ? (room - content) / 2 : Math.min(0, Math.max(room - content, offset));
    this.at = {
      x: keep(this.at.x, width * this.zoom, clientWidth),
      y: keep(this.at.y, height * this.zoom, clientHeight),
    };
    const { style } = this.canvas;
    style.width = `${width}px`;
    style.height = `${height}px`;
    style.transform = `translate(${this.at.x}px, ${this.at.y}px) scale(${this.zoom})`;
    style.setProperty("--zoom", this.zoom);
    this.viewport.classList.toggle("zoomed", this.zoom > 1.001);
  }

  /** Zooms so that the point (x, y) of the viewport stays where it is. */
  zoomBy(factor, x = this.viewport.clientWidth / 2, y = this.viewport.clientHeight / 2) {
    const next = Math.min(Math.max(this.zoom * factor, 1), MAX_ZOOM);
    const change = next / this.zoom;
    this.at = { x: x - (x - this.at.x) * change, y: y - (y - this.at.y) * change };
    this.zoom = next;
    this.place();
  }

  /** Whether a facing lies in the left half of what is seen. */
  isLeft(place) {
    const box = this.groups[place].lastChild;
    const middle = Number(box.getAttribute("x")) + Number(box.getAttribute("width")) / 2;
    return middle * this.fitted().scale * this.zoom + this.at.x < this.viewport.clientWidth / 2;
  }

  /** Moves a zoomed photo so that a facing is in sight. */
  reveal(place) {
    if (this.zoom <= 1.001) return;
    const box = this.groups[place].lastChild;
    const scale = this.fitted().scale * this.zoom;
    const side = (from, length, offset, room) => {
      const low = from * scale + offset, high = low + length * scale, edge = room * .08;
      return low < edge || high > room - edge ? room / 2 - (from + length / 2) * scale : offset;
    };
    const value = (name) => Number(box.getAttribute(name));
    this.at = {
      x: side(value("x"), value("width"), this.at.x, this.viewport.clientWidth),
      y: side(value("y"), value("height"), this.at.y, this.viewport.clientHeight),
    };
    this.place();
  }

  // Input.

  listen() {
    const { viewport } = this;
    new ResizeObserver(() => this.place()).observe(viewport);
    viewport.addEventListener("wheel", (event) => {
      // On a page that scrolls, a plain wheel scrolls it, as people expect.
      const fixed = window.matchMedia("(min-width: 62rem)").matches;
      if (!fixed && !event.ctrlKey) return;
      event.preventDefault();
      const point = this.point(event);
      this.zoomBy(Math.exp(-event.deltaY * (event.ctrlKey ? .01 : .0022)), point.x, point.y);
    }, { passive: false });
    viewport.addEventListener("dblclick", (event) => {
      const point = this.point(event);
      this.zoom > 1.001 ? this.fit() : this.zoomBy(3, point.x, point.y);
    });
    viewport.addEventListener("pointerdown", (event) => this.down(event));
    viewport.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) viewport.addEventListener(end, (event) => this.up(event));
    byId("zoom-in").addEventListener("click", () => this.zoomBy(STEP));
    byId("zoom-out").addEventListener("click", () => this.zoomBy(1 / STEP));
    byId("zoom-fit").addEventListener("click", () => this.fit());
  }

  point(event) {
    const frame = this.viewport.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  }

  down(event) {
    if (event.button) return;
    this.pointers.set(event.pointerId, this.point(event));
    this.moved = this.pointers.size > 1 ? SLOP : 0;
    this.pressed = event.target.closest?.(".box") ?? null;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.point(event);
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const span = (p) => Math.hypot(p.x - other.x, p.y - other.y) || 1;
      this.zoomBy(span(now) / span(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
    } else {
      this.moved += Math.hypot(now.x - before.x, now.y - before.y);
      if (this.moved >= SLOP && this.zoom > 1.001) {
        // From here on it is a drag, wherever the pointer goes.
        this.viewport.setPointerCapture(event.pointerId);
        this.at = { x: this.at.x + now.x - before.x, y: this.at.y + now.y - before.y };
        this.place();
      }
    }
    this.pointers.set(event.pointerId, now);
  }

  up(event) {
    const known = this.pointers.delete(event.pointerId);
    if (!known || event.type === "pointercancel" || this.moved >= SLOP || this.pointers.size) return;
    const place = this.pressed ? this.groups.indexOf(this.pressed) : null;
    this.pick(place === this.chosen ? null : place);
  }
}

/** Places of facings, shelf by shelf from the top, each from left to right. */
export function readingOrder(detections) {
  const places = detections.map((_, place) => place);
  const base = (place) => detections[place].box.y2;
  const rows = [];
  for (const place of places.sort((a, b) => base(a) - base(b))) {
    const row = rows.at(-1);
    const { y1, y2 } = detections[place].box;
    // Facings that stand on one shelf end at about the same height.
    if (row && y2 - row.base < (y2 - y1) * .35) row.places.push(place);
    else rows.push({ base: y2, places: [place] });
  }
  return rows.flatMap(({ places: row }) => row.sort((a, b) => detections[a].box.x1 - detections[b].box.x1));
}
