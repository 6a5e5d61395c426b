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
    this.frame = { start: camera.low.map((place, axis) => -place * camera.spans[axis]), span: camera.spans };
    this.sizes = camera.high.map((place, axis) => (place - camera.low[axis]) * camera.spans[axis]);
  }

  rowsAt(step) {
    for (let next = this.steps.length; next <= step; next++) this.steps.push(this.found(next));
    return this.steps[step];
  }

  // Goes through the pictures, those that are shown already first, and takes what is far enough from all taken before.
  found(step) {
    const apart = (APART * sideAt(step)) / zoomOf(step);
    // Squares of this side hold one taken picture each at most; a border of empty ones lies around them.
    const [columns, lines] = this.sizes.map((size) => Math.ceil(size / apart) + 3);
    const taken = new Int32Array(columns * lines).fill(-1);
    const kept = [];
    const take = (row) => {
      const x = across(row, this.frame);
      const y = down(row, this.frame);
      const square = (Math.floor(y / apart) + 1) * columns + Math.floor(x / apart) + 1;
      for (let below = -columns; below <= columns; below += columns)
        for (let place = square + below - 1; place <= square + below + 1; place++) {
          const other = taken[place];
          if (other < 0) continue;
          if (Math.abs(x - across(other, this.frame)) < apart && Math.abs(y - down(other, this.frame)) < apart) return;
        }
      taken[square] = row;
      kept.push(row);
    };
    for (const row of step > 0 ? this.rowsAt(step - 1) : []) take(row);
    for (const row of this.order) take(row);
    return kept;
  }
}
