// What the pointer and the keys do on the map.

import { fileName } from "./data.js";
import { bySize, members, numberOf } from "./edits.js";
import { say } from "./elements.js";
import { nameOf } from "./names.js";
import { ordered } from "./orders.js";
import { framed, nearest, nextFrom } from "./places.js";

const pointIn = (canvas, event) => {
  const frame = canvas.getBoundingClientRect();
  return [event.clientX - frame.left, event.clientY - frame.top];
};

// Hover shows a picture, a click enlarges it, a frame selects.
export const listenToPointer = (map) => {
  const canvas = map.canvas;
  canvas.addEventListener("pointerdown", (event) => {
    map.from = pointIn(canvas, event);
    try {
      canvas.setPointerCapture(event.pointerId);
    } catch {
      // A pointer that is gone already.
    }
  });
  canvas.addEventListener("pointermove", (event) => {
    const here = pointIn(canvas, event);
    if (!map.from) map.hover(nearest(here, map), here);
    else if (map.to || Math.hypot(here[0] - map.from[0], here[1] - map.from[1]) > 5) {
      map.to = here;
      map.hover(null, here);
      map.paint();
    }
  });
  canvas.addEventListener("pointerleave", () => {
    if (!map.from) map.hover(null, [0, 0]);
  });
  const end = () => {
    map.from = map.to = null;
    map.paint();
  };
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerup", (event) => {
    const row = nearest(pointIn(canvas, event), map);
    if (map.to) map.select(framed(map.from, map.to, map));
    else if (map.from && row !== null) map.enlarge(row);
    end();
  });
};

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// The arrow keys go from picture to picture, Enter enlarges.
export const listenToKeys = (map) => {
  map.canvas.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && map.cursor !== null) map.enlarge(map.cursor);
    const way = WAYS[event.key];
    if (!way) return;
    event.preventDefault();
    map.cursor = map.cursor === null ? ordered(members[bySize[0]])[0] : nextFrom(map.cursor, way, map);
    map.hoverAtCursor();
    map.paint();
    say(`${fileName(map.cursor)}, ${nameOf(numberOf(map.cursor))}`);
  });
  map.canvas.addEventListener("blur", () => {
    map.cursor = null;
    map.hover(null, [0, 0]);
    map.paint();
  });
};
