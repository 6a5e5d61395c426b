// What the keys do on the map.

import { fileName } from "./data.js";
import { bySize, members, numberOf } from "./edits.js";
import { say } from "./elements.js";
import { nameOf } from "./names.js";
import { ordered } from "./orders.js";
import { across, down, nextFrom, onCanvas } from "./places.js";
import { toggle } from "./selection.js";

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// The first picture that the keys reach: the most typical of the largest cluster, or, where that is out of sight, any.
const firstRow = (map) => {
  const first = ordered(members[bySize[0]])[0];
  return onCanvas(first, map.camera) ? first : (map.inSight()[0] ?? first);
};

const walkOn = (map, way) => {
  map.cursor = map.cursor === null ? firstRow(map) : nextFrom(map.cursor, way, map.order, map.camera);
  map.camera.reveal([across(map.cursor, map.camera), down(map.cursor, map.camera)], map.camera.zoom > 1 ? 60 : 0);
  map.moved();
  say(`${fileName(map.cursor)}, ${nameOf(numberOf(map.cursor))}`);
};

const zoomAtCursor = (map, factor) => {
  const point = map.cursor === null ? undefined : [across(map.cursor, map.camera), down(map.cursor, map.camera)];
  map.zoom(factor, point);
};

const selectInSight = (map) => map.select(map.inSight());

const ACTS = {
  Enter: (map) => map.cursor !== null && map.enlarge(map.cursor),
  "+": (map) => zoomAtCursor(map, 1.6),
  "=": (map) => zoomAtCursor(map, 1.6),
  "-": (map) => zoomAtCursor(map, 1 / 1.6),
  0: (map) => map.reset(),
  x: (map) => map.cursor !== null && toggle(map.cursor),
};

export const listenToKeys = (map) => {
  map.canvas.addEventListener("keydown", (event) => {
    if (event.altKey) return;
    const control = event.ctrlKey || event.metaKey;
    const way = !control && WAYS[event.key];
    const act = control ? event.key.toLowerCase() === "a" && selectInSight : ACTS[event.key];
    if (!way && !act) return;
    event.preventDefault(); // And so it means nothing to the page.
    if (way) walkOn(map, way);
    else act(map);
  });
  map.canvas.addEventListener("blur", () => {
    map.cursor = null;
    map.hover(null);
    map.paint(false);
  });
};
