// Calls of /review/verify. A change has a name of its own: sent again when it may have been lost, it is done once.

import { Refused, answered, newKey } from "./review_api.js";

const TRIES = 3;

export const days = async () => answered(await fetch("/review/verify/days", { headers: { accept: "application/json" } }));

async function post(path, body) {
  const headers = { "content-type": "application/json", accept: "application/json", "idempotency-key": newKey() };
  for (let tried = 1; ; tried += 1) {
    try {
      return await answered(await fetch(`/review/verify/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
    } catch (error) {
      if (error instanceof Refused || tried >= TRIES) throw error;
      await new Promise((done) => setTimeout(done, 400 * 2 ** tried));
    }
  }
}

/** Classes that boxes may have. */
export const classes = async () => answered(await fetch("/v2/classes", { headers: { accept: "application/json" } }));

/** The next photo of a day with its image loaded, or `null`; `holding` are those that are at hand already. */
export async function next(day, reviewer, holding) {
  const { photo } = await post("claim", { day, reviewer, holding });
  if (!photo) return null;
  const image = new Image();
  image.src = photo.image;
  try {
    await image.decode();
  } catch {
    // Shown as it comes: perhaps a format that this browser does not know.
  }
  return photo;
}

export const release = (photo, reviewer) => post(`photos/${photo}/release`, { reviewer });
export const accept = (photo, version, reviewer) => post(`photos/${photo}/accept`, { version, reviewer });

export const save = (photo, version, boxes, reviewer) =>
  post(`photos/${photo}/boxes`, {
    version,
    reviewer,
    boxes: boxes.map((box) => ({ box: [box.x1, box.y1, box.x2, box.y2], class: box.class, sku_id: box.sku_id ?? null })),
  });
