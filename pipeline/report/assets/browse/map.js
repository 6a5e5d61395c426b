// The map: every picture a dot in the colour of its cluster, similar ones close together, and the picture itself when
// it is near enough.

import { Bitmaps } from "./bitmaps.js";
import { Camera } from "./camera.js";
import { grid } from "./cards.js";
import { count, data, fileName, pictures, thumbnail } from "./data.js";
import { channels, Dots } from "./dots.js";
import { bySize, members, numberOf } from "./edits.js";
import { $, make, say } from "./elements.js";
import { enlarge } from "./enlarged.js";
import { mapBar } from "./map-bar.js";
import { dotSize, drawAbove, drawGround } from "./map-draw.js";
import { listenToPointer } from "./map-input.js";
import { listenToKeys } from "./map-keys.js";
import { nameOf } from "./names.js";
import { ordered } from "./orders.js";
import { colourOf } from "./palette.js";
import { across, densest, down, nearest, onCanvas, placesBox } from "./places.js";
import { Revealed } from "./revealed.js";
import { selection, selectOnly } from "./selection.js";
import { pieces } from "./text.js";

const EDGE = 7; // Pixels around the map in which a dot has room.

class PictureMap {
  lit = null; // The cluster that stands out.
  cursor = null; // The picture that the keys have reached.
  line = []; // The points of the line that is being drawn around pictures.
  shown = []; // The rows whose pictures are drawn, and the side of the square that each fits in.
  side = 0;
  named = []; // The clusters whose names are drawn.
  stale = { ground: false, above: false };

  constructor(view, left) {
    this.view = view;
    this.gone = new AbortController(); // Ends what listens outside of the map.
    this.camera = new Camera(...placesBox(), EDGE);
    if (left) Object.assign(this.camera, { zoom: left.camera.zoom, middle: left.camera.middle });
    this.bitmaps = left?.bitmaps ?? new Bitmaps();
    this.bitmaps.arrived = () => this.paint();
    this.canvas = make("canvas");
    this.pen = this.canvas.getContext("2d");
    this.cover = make("canvas", "cover");
    this.above = this.cover.getContext("2d");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    const label =
      `Map of ${pieces(count)}, similar ones close together. The arrow keys go from one to the next, Enter opens it, ` +
      "X selects it, Control and A all that is in sight; plus and minus zoom, 0 shows everything. " +
      "All of the pictures are in the lists of the clusters too.";
    this.canvas.setAttribute("aria-label", label);
    this.tip = make("div", "hover");
    this.tip.hidden = true;
    this.box = make("div", "map");
    this.box.append(this.canvas, this.cover, this.tip);
    this.below = make("div");
    view.append(mapBar(this), this.box, this.below);
    listenToPointer(this);
    listenToKeys(this);
    this.listenToSide();
    this.read();
    this.resize();
    this.showSelection();
  }

  // Takes the clusters as they are now: who is in which, names, colours.
  read() {
    this.order = bySize.flatMap((cluster) => members[cluster]);
    this.groups = bySize.map((cluster) => ({ cluster, name: nameOf(cluster), peak: densest(members[cluster]) }));
    this.groups.sort((a, b) => members[b.cluster].length - members[a.cluster].length);
    this.groupOf = new Int32Array(count).fill(-1);
    for (const row of this.order) this.groupOf[row] = numberOf(row);
    this.colours = new Map(bySize.map((cluster) => [cluster, colourOf(cluster)]));
    this.channels = new Map([...this.colours].map(([cluster, colour]) => [cluster, channels(colour)]));
    this.revealed = null;
    if (this.cursor !== null && numberOf(this.cursor) === null) this.cursor = null;
    if (!members[this.lit]) this.lit = null;
    this.paint();
  }

  // In the list at the side, a cluster that is pointed at stands out here.
  listenToSide() {
    const entered = (event) => {
      const entry = event.target.closest(".entry");
      this.light(entry ? Number(entry.dataset.number) : null);
    };
    const signal = this.gone.signal;
    for (const kind of ["pointerover", "focusin"]) $("side-list").addEventListener(kind, entered, { signal });
    for (const kind of ["pointerleave", "focusout"]) {
      $("side-list").addEventListener(kind, () => this.light(null), { signal });
    }
  }

  resize() {
    const width = Math.max(240, this.view.clientWidth);
    const height = Math.round(Math.max(280, Math.min(0.75 * innerHeight, 1.4 * width)));
    this.scale = devicePixelRatio || 1;
    this.camera.resize(width, height);
    for (const canvas of [this.canvas, this.cover]) {
      canvas.width = Math.round(width * this.scale);
      canvas.height = Math.round(height * this.scale);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    this.dots = new Dots(this.canvas.width, this.canvas.height, dotSize(this.camera) * this.scale);
    this.revealed = null;
    if (this.cursor !== null) this.hoverAtCursor();
    this.paint();
  }

  // The rows whose pictures are shown at a step.
  rowsAt(step) {
    this.revealed ??= new Revealed(this.order, this.camera);
    return this.revealed.rowsAt(step);
  }

  // Draws with the next frame of the screen what changed: all, or what lies above the pictures alone.
  paint(ground = true) {
    if (!this.stale.ground && !this.stale.above) requestAnimationFrame(() => this.drawNow());
    this.stale = { ground: this.stale.ground || ground, above: true };
  }

  drawNow() {
    if (this.stale.ground) drawGround(this);
    if (this.stale.above) drawAbove(this);
    this.stale = { ground: false, above: false };
  }

  // After the camera moved.
  moved() {
    this.canvas.style.touchAction = this.bar.mode === "move" && this.camera.zoom === 1 ? "pan-y" : "none";
    this.bar.update();
    if (this.cursor !== null) this.hoverAtCursor();
    else this.hover(null);
    this.paint();
  }

  zoom(factor, point = [this.camera.width / 2, this.camera.height / 2]) {
    this.camera.enlarge(point, factor);
    this.moved();
  }

  reset() {
    this.camera.reset();
    this.moved();
  }

  // The picture at a point: one that is drawn there, or the nearest dot that can be meant.
  at(point, reach = 14) {
    const half = this.side / 2;
    const over = this.shown.filter((row) => {
      return Math.abs(across(row, this.camera) - point[0]) < half && Math.abs(down(row, this.camera) - point[1]) < half;
    });
    return nearest(point, 2 * half, over, this.camera) ?? nearest(point, reach, this.order, this.camera);
  }

  light(cluster) {
    if (cluster === this.lit) return;
    this.lit = cluster;
    this.paint();
  }

  // Shows what a picture is, beside a point; null: nothing.
  hover(row, [left, top] = [0, 0]) {
    this.tip.hidden = row === null;
    this.light(row === null ? null : this.groupOf[row]);
    if (row === null) return;
    this.tip.replaceChildren();
    if (pictures) {
      const picture = make("img");
      picture.alt = "";
      picture.src = thumbnail(row);
      this.tip.append(picture);
    }
    this.tip.append(make("b", "", fileName(row)), make("div", "soft", nameOf(this.groupOf[row])));
    this.tip.style.left = `${Math.max(0, Math.min(left + 14, this.box.clientWidth - 180))}px`;
    this.tip.style.top = `${top + 14}px`;
  }

  hoverAtCursor() {
    this.hover(this.cursor, [across(this.cursor, this.camera), down(this.cursor, this.camera)]);
  }

  enlarge(row) {
    enlarge([row, ...data.near[row]], 0);
  }

  inSight() {
    return this.order.filter((row) => onCanvas(row, this.camera));
  }

  // The one place where the map hands over rows; `more` adds them to those that are selected.
  select(rows, more = false) {
    selected = more ? [...new Set([...selection, ...rows])] : rows;
    selectOnly(selected);
    this.showSelection();
  }

  showSelection() {
    this.below.replaceChildren();
    if (!selected) return;
    say(`${pieces(selected.length)} selected`);
    grid(ordered(selected), this.below);
  }
}

let map = null;
// The rows that were selected last: they stay while other things are shown here, until the address changes.
let selected = null;

export const drawMap = () => {
  map?.gone.abort();
  map = new PictureMap($("view"), map);
};
// After a change of the clusters or their colours.
export const renewMap = () => {
  if (map?.canvas.isConnected) map.read();
};
// After a change of the selection.
export const paintMap = () => {
  if (map?.canvas.isConnected) map.paint();
};
export const resizeMap = () => map?.resize();
export const reorderSelection = () => map?.showSelection();
export const forgetSelection = () => {
  selected = null;
};
