// Who reviews, and what to say when something went wrong: what the pages of the review share.

import { byId, el } from "./dom.js";

const TOAST_MS = 8000;

/** Who signed in goes by the name of the account: the server puts no other name under a label. */
async function account(who) {
  const response = await fetch("/api/account", { headers: { accept: "application/json" } }).catch(() => null);
  const { name } = response?.ok ? await response.json() : {};
  if (!name) return;
  who.value = name;
  who.readOnly = true;
  who.title = "The name of your account";
}

/** Keeps the name between visits; `changed` is called when another person sits down. */
export function saveReviewer(changed = () => {}) {
  const who = byId("reviewer");
  who.value = localStorage.getItem("reviewer") ?? "";
  account(who);
  who.addEventListener("change", () => {
    who.value = who.value.trim();
    localStorage.setItem("reviewer", who.value);
    changed();
  });
}

export const reviewer = () => byId("reviewer").value || "anonymous";

/** Tells a person what went wrong, for a while. */
export function complain(error) {
  const toast = byId("toast");
  toast.replaceChildren(el("strong", {}, error.title ?? "That did not work"), el("p", {}, error.detail ?? String(error.message ?? error)));
  toast.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { toast.hidden = true; }, TOAST_MS);
}

/** For screen readers. */
export const say = (text) => { byId("live").textContent = text; };
