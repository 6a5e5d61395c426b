// Which pictures are shown in place of their dots: the nearer the map, the more of them, and none covers much of another.

import { NEAREST } from "./camera.js";
import { count } from "./data.js";
import { ordered } from "./orders.js";
import { across, down } from "./places.js";

const APART = 0.9; // Two pictures are so far apart, in sides of a picture.
const CROWDED = 6; // From so many pictures for each that has room, dots say more.
const LEAST_ZOOM = 1.5;

// The map is enlarged in steps, two for each doubling. From one to the next the pictures grow less than their distances,
// so that what is shown at a step is shown at all that follow.
const LAST = 2 * Math.log2(NEAREST);
export const stepOf = (zoom) => Math.min(LAST, Math.floor(2 * Math.log2(zoom) + 1e-6));
const zoomOf = (step) => 2 ** (step / 2);
export const sideAt = (step) => 40 + 6 * step;

// Whether so many pictures are near enough, on the mean of the map.
export const isNear = (camera) => {
  const room = (camera.width * camera.height) / sideAt(stepOf(camera.zoom)) ** 2;
  return camera.zoom >= LEAST_ZOOM && count / camera.zoom ** 2 < CROWDED * room;
};

export class Revealed {
  steps = []; // For each step, the rows that are shown, the most typical first.

  // The size of the canvas decides which of these rows have room.
  constructor(rows, camera) {
    this.order = ordered(rows, "typical");
    this.frame = { start: [0, 0], span: camera.spans };
  }

  rowsAt(step) {
    for (let next = this.steps.length; next <= step; next++) this.steps.push(this.found(next));
    return this.steps[step];
  }

  // Goes through the pictures, those that are shown already first, and takes what is far enough from all taken before.
  found(step) {
    const apart = (APART * sideAt(step)) / zoomOf(step);
    const taken = new Map(); // By square of this side.
    const placed = new Uint8Array(count);
    const key = (column, line) => column * 1e6 + line;
    const kept = [];
    const take = (row) => {
      if (placed[row]) return;
      const x = across(row, this.frame);
      const y = down(row, this.frame);
      const column = Math.floor(x / apart);
      const line = Math.floor(y / apart);
      for (let right = -1; right <= 1; right++)
        for (let below = -1; below <= 1; below++)
          for (const [otherX, otherY] of taken.get(key(column + right, line + below)) ?? [])
            if (Math.max(Math.abs(x - otherX), Math.abs(y - otherY)) < apart) return;
      placed[row] = 1;
      kept.push(row);
      const square = key(column, line);
      if (taken.has(square)) taken.get(square).push([x, y]);
      else taken.set(square, [[x, y]]);
    };
    for (const row of step > 0 ? this.rowsAt(step - 1) : []) take(row);
    for (const row of this.order) take(row);
    return kept;
  }
}
