// Boxes on a photo: rows, snapping, copying. Pure functions of boxes `{x1, y1, x2, y2, class, sku_id, code}` in photo pixels.

/** Smallest side of a box. */
export const MIN_SIDE = 1;

const height = (box) => box.y2 - box.y1;
const overlap = (a1, a2, b1, b2) => Math.max(0, Math.min(a2, b2) - Math.max(a1, b1));

/** Whether two boxes stand in one row: they share half the height of the lower one. */
export const sameRow = (a, b) => overlap(a.y1, a.y2, b.y1, b.y2) >= 0.5 * Math.min(height(a), height(b));

/** SKUs of these boxes, `{sku_id, code}`, the most frequent first, at most `most`. */
export function frequent(boxes, most) {
  const counts = new Map();
  for (const { sku_id, code } of boxes.filter((box) => box.sku_id && box.code)) {
    const known = counts.get(sku_id) ?? { sku_id, code, count: 0 };
    counts.set(sku_id, { ...known, count: known.count + 1 });
  }
  return [...counts.values()].sort((a, b) => b.count - a.count || a.sku_id - b.sku_id).slice(0, most);
}

/** Fraction of the smaller box that the other covers. */
export function covered(a, b) {
  const shared = overlap(a.x1, a.x2, b.x1, b.x2) * overlap(a.y1, a.y2, b.y1, b.y2);
  const smaller = Math.min((a.x2 - a.x1) * height(a), (b.x2 - b.x1) * height(b));
  return smaller > 0 ? shared / smaller : 0;
}

/** Positions of the boxes as people read: row by row from the top, each from the left. */
export function readingOrder(boxes) {
  const left = boxes.map((_, at) => at).sort((a, b) => boxes[a].y1 - boxes[b].y1);
  const order = [];
  while (left.length > 0) {
    const first = boxes[left[0]];
    const row = left.filter((at) => sameRow(first, boxes[at])).sort((a, b) => boxes[a].x1 - boxes[b].x1);
    order.push(...row);
    for (const at of row) left.splice(left.indexOf(at), 1);
  }
  return order;
}

/** The box within the photo, its corners in order. */
export function tidy(box, { width, height: tall }) {
  const clamp = (value, high) => Math.min(high, Math.max(0, value));
  const [x1, x2] = [clamp(Math.min(box.x1, box.x2), width), clamp(Math.max(box.x1, box.x2), width)];
  const [y1, y2] = [clamp(Math.min(box.y1, box.y2), tall), clamp(Math.max(box.y1, box.y2), tall)];
  return { ...box, x1, y1, x2, y2 };
}

export const isLarge = (box) => box.x2 - box.x1 >= MIN_SIDE && box.y2 - box.y1 >= MIN_SIDE;

/** Moved, but not out of the photo. */
export function moved(box, dx, dy, photo) {
  const x = Math.min(photo.width - box.x2, Math.max(-box.x1, dx));
  const y = Math.min(photo.height - box.y2, Math.max(-box.y1, dy));
  return { ...box, x1: box.x1 + x, x2: box.x2 + x, y1: box.y1 + y, y2: box.y2 + y };
}

/** The value that is nearest to `value`, if one lies within `reach`. */
export function nearest(value, values, reach) {
  let best = value;
  let distance = reach;
  for (const other of values) {
    const apart = Math.abs(other - value);
    if (apart <= distance) [best, distance] = [other, apart];
  }
  return best;
}

/** The sides named in `sides`, each drawn to that of a proposal or of a neighbour in the row. */
export function snapped(box, sides, others, reach) {
  const xs = others.flatMap((other) => [other.x1, other.x2]);
  const ys = others.filter((other) => sameRow(box, other)).flatMap((other) => [other.y1, other.y2]);
  const drawn = { ...box };
  for (const side of sides) drawn[side] = nearest(box[side], side.startsWith("x") ? xs : ys, reach);
  return drawn;
}

/**
 * The box once more, at its right: where a proposal stands that no box has yet, there; else as far as it is wide. `null` when there
 * is no more room.
 */
export function copiedRight(box, boxes, proposals, photo) {
  const wide = box.x2 - box.x1;
  const aim = { ...box, x1: box.x1 + wide, x2: box.x2 + wide };
  const free = proposals.filter((proposal) => covered(aim, proposal) > 0.5 && !boxes.some((other) => covered(other, proposal) > 0.6));
  const target = free.sort((a, b) => covered(aim, b) - covered(aim, a))[0];
  const { x1, y1, x2, y2 } = target ?? aim;
  const copy = tidy({ ...box, x1, y1, x2, y2 }, photo);
  return copy.x2 - copy.x1 >= wide / 2 && isLarge(copy) ? copy : null;
}

/** Which part of a box a pointer is at: sides to be moved, `[]` for its inside, `null` for outside. */
export function grip(box, x, y, reach) {
  if (x < box.x1 - reach || x > box.x2 + reach || y < box.y1 - reach || y > box.y2 + reach) return null;
  const near = (value, side) => Math.abs(value - side) <= reach;
  const sides = [];
  // A box of a few pixels has an inside, too.
  if (near(x, box.x1) && x < (box.x1 + box.x2) / 2) sides.push("x1");
  else if (near(x, box.x2)) sides.push("x2");
  if (near(y, box.y1) && y < (box.y1 + box.y2) / 2) sides.push("y1");
  else if (near(y, box.y2)) sides.push("y2");
  return sides;
}
