// Calls of the review queue. A change that may have been lost on the way is sent again under the same key.

import { csrf } from "./csrf.js";

/** Times a call is tried when the network fails. */
const TRIES = 3;

/** What the server says when it refuses, in words for people. */
export class Refused extends Error {
  constructor({ title, detail, type }) {
    super(detail ?? title);
    Object.assign(this, { title, detail, type });
  }
}

/** A name for one request. `randomUUID` exists on secure origins alone. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function call(name, body, key) {
  const headers = { "content-type": "application/json", accept: "application/json", ...csrf() };
  if (key) headers["idempotency-key"] = key;
  for (let tried = 1; ; tried += 1) {
    try {
      return await answered(await fetch(`/v2/active-learning/${name}`, { method: "POST", headers, body: JSON.stringify(body) }));
    } catch (error) {
      const again = !(error instanceof Refused) || error.type === "/problems/review-unavailable";
      if (!again || tried >= TRIES || !key) throw error;
      await new Promise((done) => setTimeout(done, 400 * 2 ** tried));
    }
  }
}

export async function find(text, signal) {
  const parameters = new URLSearchParams({ q: text, limit: "8" });
  return answered(await fetch(`/v2/active-learning/skus?${parameters}`, { headers: { accept: "application/json" }, signal }));
}

export async function answered(response) {
  const text = await response.text();
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refused({ title: "The server did not answer", detail: `Status ${response.status}. Is it still running?` });
  }
  if (!response.ok) throw new Refused(value);
  return value;
}
