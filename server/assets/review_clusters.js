// Groups of facings that look alike: one answer for all that are ticked.

import { el, plural } from "./dom.js";
import { call, newKey } from "./review_api.js";
import { Finder } from "./review_find.js";
import { complain, saveReviewer, reviewer, say } from "./review_who.js";

const finder = new Finder((said, name) => asked && label(asked, said, name));
let asked = null;

saveReviewer();

for (const cluster of document.querySelectorAll("[data-cluster]")) {
  cluster.addEventListener("change", () => count(cluster));
  cluster.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (button) act(cluster, button);
  });
}

const ticked = (cluster) => [...cluster.querySelectorAll(".tile input:checked")].map((input) => input.value);

function count(cluster) {
  const chosen = ticked(cluster).length;
  cluster.querySelector("[data-count]").textContent = String(chosen);
  for (const button of cluster.querySelectorAll("[data-act]")) button.disabled = chosen === 0;
}

function act(cluster, button) {
  const { act: kind, sku } = button.dataset;
  if (kind === "find") {
    asked = cluster;
    finder.open();
  } else if (kind === "sku") {
    label(cluster, { sku_id: Number(sku) }, button.textContent.replace(/^It is /, ""));
  } else {
    label(cluster, { kind }, button.textContent.toLowerCase());
  }
}

async function label(cluster, said, name) {
  const ids = ticked(cluster);
  if (!ids.length) return;
  cluster.setAttribute("aria-busy", "true");
  try {
    const { labels } = await call("label/bulk", { ...said, item_ids: ids, reviewer: reviewer() }, newKey());
    const what = labels[0]?.sku?.name ?? name;
    const done = cluster.querySelector("[data-done]");
    done.replaceChildren(`${plural(labels.length, "facing")}: ${what}. `,
      el("button", { type: "button", class: "button small", onclick: () => undo(cluster, ids) }, "Undo"));
    close(cluster, true);
    done.querySelector("button").focus();
    say(`${plural(labels.length, "facing")} labelled: ${what}`);
  } catch (error) {
    complain(error);
  }
  cluster.removeAttribute("aria-busy");
}

/** One after the other: each takes back the last label of its item. */
async function undo(cluster, ids) {
  cluster.setAttribute("aria-busy", "true");
  try {
    for (const item of ids) await call("undo", { item_id: item, reviewer: reviewer() }, newKey());
    close(cluster, false);
    cluster.querySelector("[data-act]").focus();
    say("Taken back.");
  } catch (error) {
    complain(error);
  }
  cluster.removeAttribute("aria-busy");
}

function close(cluster, closed) {
  for (const part of cluster.querySelectorAll(".tiles, .cluster-acts, .cluster-head")) part.hidden = closed;
  cluster.querySelector("[data-done]").hidden = !closed;
  cluster.classList.toggle("closed", closed);
}
