// Where the pictures lie on the map, and which one is meant by a point, a line around several, or a key. Nothing draws.
// A camera says where on the canvas a place is; points are [x, y] in its pixels.

import { data } from "./data.js";

export const across = (row, camera) => camera.start[0] + data.places[2 * row] * camera.span[0];

export const down = (row, camera) => camera.start[1] + (1 - data.places[2 * row + 1]) * camera.span[1];

// The corners of the box that holds all places, [across, down] each.
export const placesBox = () => {
  const low = [1, 1];
  const high = [0, 0];
  data.places.forEach((value, at) => {
    const place = at % 2 ? 1 - value : value;
    low[at % 2] = Math.min(low[at % 2], place);
    high[at % 2] = Math.max(high[at % 2], place);
  });
  return [low, high];
};

// Whether a picture's place is on the canvas, or so many pixels beside it.
export const onCanvas = (row, camera, beside = 0) => {
  const x = across(row, camera);
  const y = down(row, camera);
  return x >= -beside && y >= -beside && x <= camera.width + beside && y <= camera.height + beside;
};

// Of these rows the nearest to a point, or null where none is within `reach` pixels.
export const nearest = ([left, top], reach, rows, camera) => {
  let best = null;
  let least = reach ** 2;
  for (const row of rows) {
    const far = (across(row, camera) - left) ** 2 + (down(row, camera) - top) ** 2;
    if (far < least) {
      least = far;
      best = row;
    }
  }
  return best;
};

// Of these rows the next from one in a direction, [-1, 0] to the left; itself where there is none.
export const nextFrom = (start, way, rows, camera) => {
  let best = start;
  let least = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    const right = across(row, camera) - across(start, camera);
    const below = down(row, camera) - down(start, camera);
    const along = right * way[0] + below * way[1];
    const aside = Math.abs(right * way[1] + below * way[0]);
    if (along > 0.5 && along + 3 * aside < least) {
      least = along + 3 * aside;
      best = row;
    }
  }
  return best;
};

// Whether a point is inside a line that ends where it begins: a ray from the point crosses it an odd number of times.
export const isInside = ([x, y], line) => {
  let inner = false;
  let [lastX, lastY] = line[line.length - 1];
  for (const [nextX, nextY] of line) {
    if (nextY > y !== lastY > y && x < lastX + ((nextX - lastX) * (y - lastY)) / (nextY - lastY)) inner = !inner;
    lastX = nextX;
    lastY = nextY;
  }
  return inner;
};

// Of these rows those that a line goes around.
export const surrounded = (line, rows, camera) =>
  rows.filter((row) => isInside([across(row, camera), down(row, camera)], line));

const BINS = 32;

// Where these rows are densest, as a place of 0..1 across and down: the mean of those in the fullest three by three of
// the squares that the map is cut into.
export const densest = (rows) => {
  const bin = (value) => Math.min(BINS - 1, Math.floor(value * BINS));
  const held = new Uint32Array((BINS + 2) ** 2);
  const at = (row) => (bin(1 - data.places[2 * row + 1]) + 1) * (BINS + 2) + bin(data.places[2 * row]) + 1;
  for (const row of rows) held[at(row)]++;
  const around = (place) => {
    let sum = 0;
    for (const line of [-BINS - 2, 0, BINS + 2]) for (const by of [-1, 0, 1]) sum += held[place + line + by];
    return sum;
  };
  const best = rows.reduce((top, row) => (around(at(row)) > around(at(top)) ? row : top));
  const near = rows.filter((row) => {
    const far = Math.abs(at(row) - at(best));
    return far <= 1 || Math.abs(far - BINS - 2) <= 1;
  });
  const mean = (value) => near.reduce((sum, row) => sum + value(row), 0) / near.length;
  return [mean((row) => data.places[2 * row]), mean((row) => 1 - data.places[2 * row + 1])];
};
