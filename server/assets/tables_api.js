// Calls of /api/ml, and what all pages of tables show alike.

import { csrf } from "./csrf.js";
import { byId, el } from "./dom.js";
import { Refused, answered, newKey } from "./review_api.js";

const API = "/api/ml";

export const get = async (path) => answered(await fetch(API + path, { headers: { accept: "application/json" } }));

/** A change. It has a name of its own: sent twice by an impatient finger, it is done once. */
export async function post(path, body) {
  const form = body instanceof FormData;
  const headers = { accept: "application/json", "idempotency-key": newKey(), ...csrf() };
  if (!form) headers["content-type"] = "application/json";
  return answered(await fetch(API + path, { method: "POST", headers, body: form ? body : JSON.stringify(body) }));
}

/** Says what was done, or why not. */
export function tell(message, bad = false) {
  byId("told").replaceChildren(message ? el("p", { class: bad ? "bad" : "good" }, message) : "");
}

/** Runs what a button asks for; the button waits meanwhile. */
export async function busy(button, work) {
  if (button) button.disabled = true;
  try {
    return await work();
  } catch (error) {
    tell(error instanceof Refused ? error.message : "The server cannot be reached. Try again.", true);
    return undefined;
  } finally {
    if (button) button.disabled = false;
  }
}

/** A form whose fields are elements; `work` gets their values by name. */
export function form(label, fields, action, work) {
  const button = el("button", { class: "button primary" }, action);
  const node = el("form", { class: "filters", "aria-label": label }, ...fields, button);
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(button, () => work(Object.fromEntries(new FormData(node)), node));
  });
  return node;
}

export const field = (label, name, attributes = {}) => el("label", {}, label, el("input", { name, autocomplete: "off", ...attributes }));

export const choice = (label, name, values, chosen) =>
  el("label", {}, label, el("select", { name }, ...values.map((value) => el("option", { selected: value === chosen }, value))));

export function table(columns, rows) {
  const head = el("tr", {}, ...columns.map(([name, kind]) => el("th", { scope: "col", class: kind ?? null }, name)));
  const body = rows.map((row) => el("tr", {}, ...row.map((cell, at) => el("td", { class: columns[at][1] ?? null }, cell ?? "–"))));
  return el("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": columns.map(([name]) => name).join(", ") },
    el("table", {}, el("thead", {}, head), el("tbody", {}, ...body)));
}

export const number = (value) => (typeof value === "number" ? Number(value.toPrecision(5)).toLocaleString("en", { maximumFractionDigits: 6 }) : "–");
export const state = (status) => el("span", { class: `state ${status}` }, status);
export const time = (text) => (text ? new Date(text).toLocaleString() : "–");
export const asked = () => new URLSearchParams(location.search).get("id");

/** Shows one thing above the list. */
export function detail(...children) {
  const place = byId("detail");
  place.className = "panel";
  place.hidden = false;
  place.replaceChildren(...children);
}

export const metrics = (found) =>
  table([["Metric"], ["Value", "numbers"]], Object.entries(found).filter(([, value]) => typeof value === "number").map(([name, value]) => [name, number(value)]));
