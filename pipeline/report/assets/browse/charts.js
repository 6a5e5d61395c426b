// "How many clusters?": the estimate in words, and the curve of each criterion.

import { count, data } from "./data.js";
import { bySize } from "./edits.js";
import { $, make } from "./elements.js";
import { number } from "./text.js";

const WIDE = 280;
const HIGH = 120;
const FOOT = 100;

const drawing = (tag, attributes) => {
  const element = document.createElementNS($("drawing").namespaceURI, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};

// The curve over the number of clusters; its choice is a dot, the number of this page a dashed line.
const curve = (criterion, points) => {
  const asked = data.numbers.length;
  const ks = points.map((point) => point[0]);
  const values = points.map((point) => point[1]);
  const first = Math.min(...ks, asked);
  const last = Math.max(...ks, asked, first + 1);
  const low = Math.min(0, ...values);
  const high = Math.max(...values, low + 1e-9);
  const x = (k) => 12 + ((WIDE - 24) * (k - first)) / (last - first);
  const y = (value) => FOOT - (88 * (value - low)) / (high - low);
  const told = points.map(([k, value]) => `${k}: ${value.toPrecision(2)}`).join(", ");
  const label = `${criterion.text}: ${told}`;
  const svg = drawing("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": label });
  svg.append(
    drawing("line", { x1: 4, x2: WIDE - 4, y1: FOOT, y2: FOOT }),
    drawing("line", { class: "ours", x1: x(asked), x2: x(asked), y1: 4, y2: FOOT }),
    drawing("polyline", { points: points.map(([k, value]) => `${x(k)},${y(value)}`).join(" ") }),
  );
  const chosen = points.find((point) => point[0] === criterion.choice);
  if (chosen) svg.append(drawing("circle", { cx: x(chosen[0]), cy: y(chosen[1]), r: 4 }));
  for (const k of new Set([first, asked, criterion.choice ?? first, last])) {
    const text = drawing("text", { x: x(k), y: HIGH - 4 });
    text.textContent = k;
    svg.append(text);
  }
  return svg;
};

const chart = (criterion) => {
  const figure = make("section");
  const title = `${criterion.name}: ${criterion.choice ?? "no answer"}`;
  figure.append(make("h2", "", title), make("p", "soft", criterion.text));
  const points = Object.entries(criterion.curve).map(([k, value]) => [Number(k), value]);
  points.sort((a, b) => a[0] - b[0]);
  if (points.length) figure.append(curve(criterion, points));
  return figure;
};

// What there is to choose from, where the evidence is weak.
const levelsOf = (found) => {
  if (!found.levels.length) return [];
  const list = make("ul");
  for (const level of found.levels) {
    const sizes = `clusters of about ${number(level.smallest)} to ${number(level.largest)} pictures`;
    const near = `${Math.round(100 * level.together)} % of a picture's nearest are in its own`;
    list.append(make("li", "", `${level.name}: ${number(level.clusters)} ${sizes}; ${near}`));
  }
  return [list];
};

export const drawNumber = () => {
  const found = data.estimate;
  const charts = make("div", "charts");
  const sampled = found.sampled < count ? ` ${number(found.sampled)} of the pictures were looked at.` : "";
  const about =
    "The estimate rests on the communities and on UMAP's silhouette; the others are shown for comparison. A dot is a " +
    "criterion's own choice, the dashed line the number that was asked for here. Groups that look alike are counted, " +
    `which need not be the groups that you have in mind.${sampled}`;
  charts.append(...found.criteria.map(chart));
  $("view").append(
    make("p", "", `There seem to be ${found.line}. This page has ${number(bySize.length)}.`),
    ...levelsOf(found),
    make("p", "soft", about),
    charts,
  );
};
