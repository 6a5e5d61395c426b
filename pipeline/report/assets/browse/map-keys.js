// What the keys do on the map.

import { bySize, fileName, members } from "./data.js";
import { say } from "./elements.js";
import { nameOf } from "./names.js";
import { ordered } from "./orders.js";
import { across, down, nextFrom, onCanvas } from "./places.js";

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// The first picture that the keys reach: the most typical of the largest cluster, or, where that is out of sight, any.
const firstRow = (map) => {
  const first = ordered(members[bySize[0]])[0];
  return onCanvas(first, map.camera) ? first : (map.inSight()[0] ?? first);
};

const walkOn = (map, way) => {
  map.cursor = map.cursor === null ? firstRow(map) : nextFrom(map.cursor, way, map.camera);
  map.camera.reveal([across(map.cursor, map.camera), down(map.cursor, map.camera)], map.camera.zoom > 1 ? 60 : 0);
  map.moved();
  say(`${fileName(map.cursor)}, ${nameOf(map.groupOf[map.cursor])}`);
};

const zoomAtCursor = (map, factor) => {
  const point = map.cursor === null ? undefined : [across(map.cursor, map.camera), down(map.cursor, map.camera)];
  map.zoom(factor, point);
};

// Takes a picture into the selection, or out of it.
const tickRow = (map, row) => {
  const rows = new Set(map.chosen);
  if (!rows.delete(row)) rows.add(row);
  map.select([...rows]);
};

const ACTS = {
  Enter: (map) => map.cursor !== null && map.enlarge(map.cursor),
  "+": (map) => zoomAtCursor(map, 1.6),
  "=": (map) => zoomAtCursor(map, 1.6),
  "-": (map) => zoomAtCursor(map, 1 / 1.6),
  0: (map) => map.reset(),
  x: (map) => map.cursor !== null && tickRow(map, map.cursor),
  a: (map) => map.select(map.inSight()),
  Escape: (map) => map.select([]),
};

export const listenToKeys = (map) => {
  map.canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const way = WAYS[event.key];
    if (!way && !ACTS[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    if (way) walkOn(map, way);
    else ACTS[event.key](map);
  });
  map.canvas.addEventListener("blur", () => {
    map.cursor = null;
    map.hover(null);
    map.paint(false);
  });
};
