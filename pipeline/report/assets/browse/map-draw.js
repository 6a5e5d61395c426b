// Draws the map on two canvases: the ground has the dots and the pictures, and above it, drawn anew far more often, lie
// the names, what the keys have reached, and the line around a selection.

import { count, pictures } from "./data.js";
import { channels } from "./dots.js";
import { across, down, onCanvas } from "./places.js";
import { isNear, sideAt, stepOf } from "./revealed.js";
import { selection } from "./selection.js";

const STRONG = 0.9;
const PLAIN = 0.75;
const FAINT = 0.15;
const LONGEST = 26; // Letters of a name.

// The radius of a dot, by the room that each picture has.
export const dotSize = ({ width, height }) => Math.min(5, Math.max(2.5, 0.2 * Math.sqrt((width * height) / count)));

// The colours of the page as it is now.
const inks = () => {
  const style = getComputedStyle(document.body);
  return { paper: style.backgroundColor, ink: style.color };
};

const strengthOf = (row, map) => {
  if (map.lit !== null) return map.groupOf[row] === map.lit ? STRONG : FAINT;
  if (selection.size) return selection.has(row) ? STRONG : FAINT;
  return PLAIN;
};

const drawDots = (map, rows) => {
  const { camera, dots, scale } = map;
  let cluster = null;
  let strength = 0;
  for (const row of rows) {
    if (!onCanvas(row, camera)) continue;
    const wanted = strengthOf(row, map);
    if (map.groupOf[row] !== cluster || wanted !== strength) {
      cluster = map.groupOf[row];
      strength = wanted;
      dots.ink(map.channels.get(cluster), strength);
    }
    dots.dot(across(row, camera) * scale, down(row, camera) * scale);
  }
};

// The clusters come in turns, the largest first; the strong ones lie above the faint.
const dotsInOrder = (map) => {
  if (map.lit === null && !selection.size) return map.order;
  const strong = (row) => strengthOf(row, map) === STRONG;
  return [...map.order.filter((row) => !strong(row)), ...map.order.filter(strong)];
};

// A picture as large as fits into a square around its place, framed in the colour of its cluster.
const drawPicture = (map, row, bitmap) => {
  const { pen, camera, side } = map;
  const shrink = (side - 4) / Math.max(bitmap.width, bitmap.height);
  const [wide, high] = [bitmap.width * shrink, bitmap.height * shrink];
  const left = across(row, camera) - wide / 2;
  const top = down(row, camera) - high / 2;
  const strength = strengthOf(row, map);
  pen.globalAlpha = 1;
  pen.fillStyle = map.inks.paper;
  pen.fillRect(left - 2, top - 2, wide + 4, high + 4);
  pen.globalAlpha = strength === FAINT ? 0.3 : 1;
  pen.drawImage(bitmap, left, top, wide, high);
  pen.strokeStyle = map.colours.get(map.groupOf[row]);
  pen.lineWidth = 2;
  pen.strokeRect(left - 1, top - 1, wide + 2, high + 2);
};

// The pictures that are near enough to be shown and here; those that are not here yet are asked for.
const drawPictures = (map) => {
  map.shown = [];
  if (!pictures || !isNear(map.camera)) return;
  const step = stepOf(map.camera.zoom);
  map.side = sideAt(step);
  const rows = map.rowsAt(step).filter((row) => onCanvas(row, map.camera, map.side / 2));
  const missing = [];
  for (const row of rows) {
    const bitmap = map.bitmaps.get(row);
    if (bitmap) {
      drawPicture(map, row, bitmap);
      map.shown.push(row);
    } else missing.push(row);
  }
  map.bitmaps.want(missing);
};

export const drawGround = (map) => {
  const { pen, dots, scale } = map;
  map.inks = inks();
  dots.clear(channels(map.inks.paper));
  drawDots(map, dotsInOrder(map));
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.putImageData(dots.image, 0, 0);
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  drawPictures(map);
  pen.globalAlpha = 1;
};

const drawName = (map, pen, group, taken) => {
  const text = group.name.length > LONGEST ? `${group.name.slice(0, LONGEST - 1)}…` : group.name;
  group.wide ??= pen.measureText(text).width;
  const wide = group.wide + 12;
  const [x, y] = [0, 1].map((axis) => map.camera.start[axis] + map.camera.span[axis] * group.peak[axis]);
  if (x < 0 || y < 0 || x > map.camera.width || y > map.camera.height) return;
  const left = Math.max(1, Math.min(x - wide / 2, map.camera.width - wide - 1));
  const top = Math.max(1, Math.min(y - 10, map.camera.height - 21));
  if (taken.some(([a, b, c]) => left < a + c + 2 && a < left + wide + 2 && Math.abs(top - b) < 22)) return;
  taken.push([left, top, wide]);
  map.named.push(group.cluster);
  pen.globalAlpha = map.lit === null || map.lit === group.cluster ? 0.85 : 0.4;
  pen.fillStyle = map.inks.paper;
  pen.beginPath();
  pen.roundRect(left, top, wide, 20, 5);
  pen.fill();
  pen.strokeStyle = map.colours.get(group.cluster);
  pen.stroke();
  pen.fillStyle = map.inks.ink;
  pen.fillText(text, left + 6, top + 14);
};

// The names of the clusters where they are densest: the larger first, and none over another.
const drawNames = (map, pen) => {
  pen.font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
  pen.lineWidth = 1.5;
  map.named = [];
  const taken = [];
  const first = map.groups.filter((group) => group.cluster === map.lit);
  for (const group of [...first, ...map.groups]) {
    if (!map.named.includes(group.cluster)) drawName(map, pen, group, taken);
  }
  pen.globalAlpha = 1;
};

export const drawAbove = (map) => {
  const { above: pen, scale, camera } = map;
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, camera.width, camera.height);
  drawNames(map, pen);
  pen.strokeStyle = pen.fillStyle = map.inks.ink;
  pen.lineWidth = 2;
  if (map.cursor !== null) {
    const reach = map.shown.includes(map.cursor) ? map.side / 2 : dotSize(camera);
    pen.beginPath();
    pen.arc(across(map.cursor, camera), down(map.cursor, camera), reach + 3, 0, 7);
    pen.stroke();
  }
  if (map.line.length) {
    pen.beginPath();
    for (const [x, y] of map.line) pen.lineTo(x, y);
    pen.closePath();
    pen.globalAlpha = 0.1;
    pen.fill();
    pen.globalAlpha = 1;
    pen.setLineDash([5, 4]);
    pen.stroke();
    pen.setLineDash([]);
  }
};
