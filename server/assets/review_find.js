// The dialogue that finds a SKU while a person types, or makes a new one.

import { byId, el } from "./dom.js";
import { find } from "./review_api.js";

export class Finder {
  /** `take(said, name)` gets `{sku_id}` or `{new_sku}`, and what people read. */
  constructor(take) {
    this.take = take;
    this.dialog = byId("find");
    this.text = byId("find-text");
    this.list = byId("find-list");
    this.options = [];
    this.at = 0;
    this.asking = null;
    this.asked = Promise.resolve();
    this.text.addEventListener("input", () => { this.asked = this.ask(); });
    this.text.addEventListener("keydown", (event) => this.key(event));
    byId("find-form").addEventListener("submit", (event) => { event.preventDefault(); this.enter(); });
    byId("find-close").addEventListener("click", () => this.dialog.close());
  }

  open() {
    this.text.value = "";
    this.dialog.showModal();
    this.text.focus();
    this.asked = this.ask();
  }

  async ask() {
    this.asking?.abort();
    this.asking = new AbortController();
    const typed = this.text.value.trim();
    try {
      const { skus } = await find(typed, this.asking.signal);
      this.show(skus, typed);
    } catch (error) {
      if (error.name !== "AbortError") this.show([], typed);
    }
  }

  show(skus, typed) {
    this.options = skus.map((sku) => ({ said: { sku_id: sku.id }, name: sku.name, note: sku.code, image: sku.pictures[0] }));
    const exact = skus.some((sku) => sku.name.toLowerCase() === typed.toLowerCase());
    if (typed && !exact) this.options.push({ said: { new_sku: { name: typed } }, name: `New SKU “${typed}”`, note: "Nobody has enrolled it yet" });
    this.at = 0;
    this.list.replaceChildren(...this.options.map((option, at) => this.row(option, at)));
    this.mark();
  }

  row(option, at) {
    const image = option.image ? el("img", { src: option.image, alt: "" }) : el("span", { class: "none", "aria-hidden": "true" }, "+");
    return el("li", { id: `find-${at}`, role: "option", onclick: () => this.choose(at) },
      el("span", { class: "thumbs" }, image),
      el("span", {}, el("span", { class: "sku-name" }, option.name), el("span", { class: "sku-code" }, option.note)));
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !this.options.length) return;
    event.preventDefault();
    this.at = (this.at + step + this.options.length) % this.options.length;
    this.mark();
  }

  mark() {
    [...this.list.children].forEach((row, at) => row.setAttribute("aria-selected", String(at === this.at)));
    this.text.setAttribute("aria-activedescendant", this.options.length ? `find-${this.at}` : "");
    this.list.children[this.at]?.scrollIntoView({ block: "nearest" });
  }

  /** Enter means what was typed, even where the answer for it is still under way. */
  async enter() {
    const asked = this.asked;
    await asked;
    if (asked === this.asked && this.dialog.open) this.choose(this.at);
  }

  choose(at) {
    const option = this.options[at];
    if (!option) return;
    this.dialog.close();
    this.take(option.said, option.name);
  }
}
