// What was right of what was judged, by day: a line and a band of what is not ruled out, for each side of a test.

import { svg } from "./dom.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 220, 44, 12, 10, 26];
const day = (text) => text.slice(5, 10);

/** `sides` are the names under which a day has rates; `title` is what a screen reader says of it. */
export function curve(days, sides, title) {
  const judged = days.filter((at) => sides.some((side) => at[side].judged > 0));
  if (!judged.length) return null;
  const bounds = judged.flatMap((at) => sides.filter((side) => at[side].judged > 0).flatMap((side) => at[side].interval));
  const low = Math.max(0, Math.floor(Math.min(...bounds) * 20) / 20);
  const high = Math.min(1, Math.ceil(Math.max(...bounds) * 20) / 20);
  const x = (at) => LEFT + (judged.length > 1 ? at / (judged.length - 1) : 0.5) * (WIDTH - LEFT - RIGHT);
  const y = (rate) => TOP + (1 - (rate - low) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
  const point = (at, rate) => `${x(at).toFixed(1)},${y(rate).toFixed(1)}`;
  const levels = [low, (low + high) / 2, high];
  const grid = levels.flatMap((rate) => [
    svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(rate), y2: y(rate) }),
    svg("text", { x: LEFT - 6, y: y(rate) + 4, "text-anchor": "end" }, `${(rate * 100).toFixed(0)} %`),
  ]);
  const lines = sides.flatMap((side) => {
    const seen = judged.map((at, index) => [index, at[side]]).filter(([, rate]) => rate.judged > 0);
    if (!seen.length) return [];
    const upper = seen.map(([at, rate]) => point(at, rate.interval[1]));
    const lower = seen.map(([at, rate]) => point(at, rate.interval[0])).reverse();
    return [
      svg("polygon", { class: `band ${side}`, points: [...upper, ...lower].join(" ") }),
      svg("polyline", { class: `rate ${side}`, points: seen.map(([at, rate]) => point(at, rate.rate)).join(" ") }),
      ...seen.map(([at, rate]) => svg("circle", { class: `rate ${side}`, cx: x(at), cy: y(rate.rate), r: 3 })),
    ];
  });
  const dates = [0, judged.length - 1].filter((at, index, all) => all.indexOf(at) === index)
    .map((at) => svg("text", { x: x(at), y: HEIGHT - 6, "text-anchor": judged.length === 1 ? "middle" : at ? "end" : "start" }, day(judged[at].day)));
  return svg("svg", { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title }, ...grid, ...lines, ...dates);
}
