// Which colour stands for which SKU: as on the annotated image (pipeline/src/annotate/palette.rs), so that both agree.

const COLORS = [
  "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#56b4e9", "#d55e00", "#332288",
  "#999933", "#aa3377", "#bbcc33", "#117733", "#ffaabb", "#77aadd", "#882255", "#44bb99",
];

/** Colours by SKU id. A SKU keeps its own as long as no smaller id of the photo has it. */
export function colorsFor(counts) {
  const ids = counts.map(({ sku }) => sku.id).sort((a, b) => a - b);
  const own = (id) => id % COLORS.length;
  const taken = new Set();
  const colors = new Map();
  for (const id of ids) {
    if (taken.has(own(id))) continue;
    taken.add(own(id));
    colors.set(id, COLORS[own(id)]);
  }
  for (const id of ids) {
    if (colors.has(id)) continue;
    const step = COLORS.findIndex((_, offset) => !taken.has((own(id) + offset) % COLORS.length));
    const at = (own(id) + Math.max(step, 0)) % COLORS.length;
    taken.add(at);
    colors.set(id, COLORS[at]);
  }
  return colors;
}

/** Whether a line in this colour needs light around it rather than dark. */
export function isDark(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255);
  return .2126 * red ** 2.2 + .7152 * green ** 2.2 + .0722 * blue ** 2.2 < .2;
}
