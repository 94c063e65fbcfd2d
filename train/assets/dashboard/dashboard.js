// Follows a training run: what is known so far comes first, then every change.

const byId = (id) => document.getElementById(id);
const state = { curves: new Map(), images: new Map() };

const TITLES = {
  "metrics/mAP50(B)": "mAP50",
  "metrics/mAP50-95(B)": "mAP50-95",
  "metrics/precision(B)": "Precision",
  "metrics/recall(B)": "Recall",
  "metrics/top1": "Top-1",
  "metrics/top1_1shot": "Top-1, 1 exemplar",
  "metrics/top1_3shot": "Top-1, 3 exemplars",
  "metrics/top1_5shot": "Top-1, 5 exemplars",
  "metrics/unseen_1shot": "Unseen SKUs, 1 exemplar",
  "metrics/unseen_3shot": "Unseen SKUs, 3 exemplars",
  "metrics/unseen_5shot": "Unseen SKUs, 5 exemplars",
  "metrics/auroc": "Known from unknown (AUROC)",
  "train/box_loss": "Box loss",
  "train/cls_loss": "Class loss",
  "train/dfl_loss": "Distribution loss",
  "train/loss": "Training loss",
  "train/top1": "Training top-1",
  "lr/pg0": "Learning rate",
  "images_per_second": "Images per second",
};

// What a run is judged by comes first, how fast it goes last; what has no title here, between.
const KINDS = ["metrics/", "train/", ""];
const rank = (name) => {
  const title = Object.keys(TITLES).indexOf(name);
  const kind = KINDS.findIndex((prefix) => name.startsWith(prefix));
  return kind * 100 + (title < 0 ? 99 : title);
};

const svgNode = (name, attributes, text) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
};

const readable = (value) => {
  const size = Math.abs(value);
  if (size === 0) return "0";
  return size >= 100 || size < 0.01 ? value.toPrecision(3) : value.toFixed(size < 10 ? 3 : 1);
};

// Round values around two others, three to five of them, with as many digits as tell them apart.
const ticks = (low, high) => {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((wide) => wide >= rough * 0.999);
  const digits = Math.min(6, Math.max(0, -Math.floor(Math.log10(step)) + (step / power === 2.5 ? 1 : 0)));
  const values = [];
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  for (let at = first; at <= last; at += 1) values.push(at * step);
  return values.map((value) => [value, value.toFixed(digits)]);
};

const card = (parent, key, title) => {
  let element = parent.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!element) {
    element = document.createElement("article");
    element.className = "card";
    element.dataset.key = key;
    const heading = document.createElement("h2");
    heading.append(title, Object.assign(document.createElement("span"), { className: "latest" }));
    element.append(heading);
    parent.append(element);
  }
  return element;
};

const drawCurve = (name, points) => {
  const element = card(byId("curves"), name, TITLES[name] ?? name);
  element.style.order = rank(name);
  const [width, height, left, right, top, bottom] = [320, 170, 56, 8, 10, 22];
  const epochs = points.map(([epoch]) => epoch);
  const values = points.map(([, value]) => value);
  const [firstEpoch, lastEpoch] = [Math.min(...epochs), Math.max(...epochs)];
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (low === high) [low, high] = [low - (Math.abs(low) || 1) * 0.1, high + (Math.abs(high) || 1) * 0.1];
  const lines = ticks(low, high);
  [low, high] = [lines[0][0], lines.at(-1)[0]];
  const x = (epoch) => left + (width - left - right) * (lastEpoch === firstEpoch ? 0.5 : (epoch - firstEpoch) / (lastEpoch - firstEpoch));
  const y = (value) => top + (height - top - bottom) * (1 - (value - low) / (high - low));
  const latest = values.at(-1);
  const svg = svgNode("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${TITLES[name] ?? name}, now ${readable(latest)}` });
  for (const [value, text] of lines) {
    svg.append(svgNode("line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }));
    svg.append(svgNode("text", { class: "tick", x: left - 6, y: y(value) + 4, "text-anchor": "end" }, text));
  }
  svg.append(svgNode("text", { class: "tick", x: left, y: height - 6 }, `epoch ${firstEpoch}`));
  if (lastEpoch > firstEpoch) svg.append(svgNode("text", { class: "tick", x: width - right, y: height - 6, "text-anchor": "end" }, lastEpoch));
  svg.append(svgNode("path", { class: "curve", d: points.map(([epoch, value], at) => `${at ? "L" : "M"}${x(epoch).toFixed(1)} ${y(value).toFixed(1)}`).join("") }));
  svg.append(svgNode("circle", { class: "dot", r: 3, cx: x(epochs.at(-1)), cy: y(latest) }));
  element.querySelector("svg")?.remove();
  element.append(svg);
  element.querySelector(".latest").textContent = readable(latest);
};

const addPoints = (curves) => {
  for (const [name, points] of Object.entries(curves)) {
    const known = state.curves.get(name) ?? [];
    known.push(...points);
    state.curves.set(name, known);
    drawCurve(name, known);
  }
};

// "val_predictions.jpg" -> "Val predictions"
const imageTitle = (name) => {
  const words = name.replace(/\.[a-z]+$/, "").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

const showImage = (name, version) => {
  const element = card(byId("images"), name, imageTitle(name));
  const source = `/images/${encodeURIComponent(name)}?v=${version}`;
  let link = element.querySelector("a");
  if (!link) {
    link = document.createElement("a");
    link.append(document.createElement("img"));
    element.append(link);
  }
  link.href = source;
  Object.assign(link.firstChild, { src: source, alt: name });
};

const showProgress = (progress) => {
  if (!progress) return;
  const [epoch, epochs] = progress.epoch;
  const [batch, batches] = progress.batch;
  byId("where").textContent = `Epoch ${epoch} of ${epochs}, batch ${batch} of ${batches}`;
  byId("bar").max = batches;
  byId("bar").value = batch;
  byId("line").textContent = progress.line;
};

const showEnd = (why) => {
  byId("where").textContent = `Ended: ${why}`;
  byId("bar").hidden = true;
  byId("stop").hidden = true;
  // Nothing more will come, and the process that would answer is about to end.
  events.close();
};

const showStopping = () => {
  byId("stop").disabled = true;
  byId("stop").textContent = "Stopping";
};

const start = (everything) => {
  state.curves.clear();
  byId("curves").replaceChildren();
  byId("images").replaceChildren();
  byId("title").textContent = everything.title;
  byId("description").textContent = everything.description;
  document.title = `${everything.title} - Shelfsight`;
  byId("where").classList.remove("lost");
  showProgress(everything.progress);
  addPoints(everything.curves);
  for (const [name, version] of Object.entries(everything.images)) showImage(name, version);
  if (everything.stopping) showStopping();
  if (everything.ended) showEnd(everything.ended);
};

const events = new EventSource("/events");
events.onmessage = ({ data }) => {
  const change = JSON.parse(data);
  if (change.everything) start(change.everything);
  if (change.description) byId("description").textContent = change.description;
  if (change.points) addPoints(change.points);
  if (change.progress) showProgress(change.progress);
  if (change.image) showImage(change.image.name, change.image.version);
  if (change.stopping) showStopping();
  if (change.ended) showEnd(change.ended);
};
events.onerror = () => {
  byId("where").classList.add("lost");
  byId("where").textContent = "The run cannot be reached: it has ended, or the connection is lost";
};

byId("stop").addEventListener("click", async () => {
  showStopping();
  const answer = await fetch("/stop", { method: "POST", headers: { "X-Shelf-Dashboard": "1" } }).catch(() => null);
  if (!answer?.ok) {
    byId("stop").disabled = false;
    byId("stop").textContent = "Stop after this step";
  }
});
