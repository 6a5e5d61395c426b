// Where the pictures lie on the map, and which one is meant by a point, a frame or a key. Nothing here draws.
// A square has a `side` and, so that no dot is cut off, an `edge` that stays free, both in pixels; points are [x, y].

import { count, data } from "./data.js";

export const across = (row, { side, edge }) => edge + data.places[2 * row] * (side - 2 * edge);

export const down = (row, { side, edge }) => edge + (1 - data.places[2 * row + 1]) * (side - 2 * edge);

// The picture nearest to a point, or null where none is within 14 pixels.
export const nearest = ([left, top], square) => {
  let best = null;
  let least = 14 ** 2;
  for (let row = 0; row < count; row++) {
    const far = (across(row, square) - left) ** 2 + (down(row, square) - top) ** 2;
    if (far < least) {
      least = far;
      best = row;
    }
  }
  return best;
};

// The next picture from one in a direction, [-1, 0] to the left; itself where there is none.
export const nextFrom = (start, way, square) => {
  let best = start;
  let least = Number.POSITIVE_INFINITY;
  for (let row = 0; row < count; row++) {
    const right = across(row, square) - across(start, square);
    const below = down(row, square) - down(start, square);
    const along = right * way[0] + below * way[1];
    const aside = Math.abs(right * way[1] + below * way[0]);
    if (along > 0.5 && along + 3 * aside < least) {
      least = along + 3 * aside;
      best = row;
    }
  }
  return best;
};

// The pictures in the frame between two points.
export const framed = (from, to, square) => {
  const within = (value, axis) => value >= Math.min(from[axis], to[axis]) && value <= Math.max(from[axis], to[axis]);
  const rows = Array.from({ length: count }, (_, row) => row);
  return rows.filter((row) => within(across(row, square), 0) && within(down(row, square), 1));
};
