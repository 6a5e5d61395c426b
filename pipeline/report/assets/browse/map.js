// The map: every picture a dot in the colour of its cluster, similar ones close together, and the picture itself when
// it is near enough.

import { Bitmaps } from "./bitmaps.js";
import { Camera } from "./camera.js";
import { grid } from "./cards.js";
import { bySize, count, data, fileName, members, pictures, thumbnail } from "./data.js";
import { channels, Dots } from "./dots.js";
import { $, make, say } from "./elements.js";
import { enlarge } from "./enlarged.js";
import { mapBar } from "./map-bar.js";
import { dotSize, drawAbove, drawGround } from "./map-draw.js";
import { listenToPointer } from "./map-input.js";
import { listenToKeys } from "./map-keys.js";
import { nameOf } from "./names.js";
import { ordered } from "./orders.js";
import { colourOf, darkPage } from "./palette.js";
import { across, allRows, densest, down, nearest, onCanvas } from "./places.js";
import { Revealed } from "./revealed.js";
import { number, pieces } from "./text.js";

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
    this.camera = new Camera(dotSize() + 2);
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
      "X selects it, A all that is in sight; plus and minus zoom, 0 shows everything. " +
      "All of the pictures are in the lists of the clusters too.";
    this.canvas.setAttribute("aria-label", label);
    this.tip = make("div", "hover");
    this.tip.hidden = true;
    this.box = make("div", "map");
    this.box.append(this.canvas, this.cover, this.tip);
    this.legend = make("div", "legend");
    this.below = make("div");
    view.append(mapBar(this), this.box, this.legend, this.below);
    listenToPointer(this);
    listenToKeys(this);
    darkPage().addEventListener("change", () => this.read(), { signal: this.gone.signal });
    this.resize();
    this.read();
    this.showSelection();
  }

  // Takes the clusters as they are now: who is in which, names, colours.
  read() {
    this.groups = bySize.map((cluster) => ({
      cluster,
      name: nameOf(cluster),
      size: members[cluster].length,
      peak: densest(members[cluster]),
    }));
    this.order = bySize.flatMap((cluster) => members[cluster]);
    this.groupOf = data.cluster;
    this.colours = new Map(bySize.map((cluster) => [cluster, colourOf(cluster)]));
    this.channels = new Map([...this.colours].map(([cluster, colour]) => [cluster, channels(colour)]));
    this.legend.replaceChildren(...this.groups.map((group) => this.entry(group)));
    this.paint();
  }

  // A cluster in the legend.
  entry({ cluster, name, size }) {
    const button = make("button", "plain");
    const dot = make("i");
    dot.style.background = this.colours.get(cluster);
    button.append(dot, make("span", "", `${name} (${number(size)})`));
    button.addEventListener("click", () => {
      location.hash = `cluster-${cluster}`;
    });
    for (const kind of ["pointerenter", "focus"]) button.addEventListener(kind, () => this.light(cluster));
    for (const kind of ["pointerleave", "blur"]) button.addEventListener(kind, () => this.light(null));
    return button;
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
    this.dots = new Dots(this.canvas.width, this.canvas.height, dotSize() * this.scale);
    this.revealed = new Revealed(this.camera);
    if (this.cursor !== null) this.hoverAtCursor();
    this.paint();
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
    return nearest(point, 2 * half, over, this.camera) ?? nearest(point, reach, allRows(), this.camera);
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
    return allRows().filter((row) => onCanvas(row, this.camera));
  }

  // The one place where the map hands over rows; `more` adds them to those that are selected.
  select(rows, more = false) {
    selected = more ? [...new Set([...(selected ?? []), ...rows])] : rows;
    this.showSelection();
  }

  get chosen() {
    return chosen;
  }

  showSelection() {
    chosen = new Set(selected);
    this.below.replaceChildren();
    this.paint();
    if (!selected) return;
    say(`${pieces(selected.length)} selected`);
    grid(ordered(selected), this.below);
  }
}

let map = null;
// The rows that were selected last: they stay while other things are shown here, until the address changes.
let selected = null;
let chosen = new Set();

export const drawMap = () => {
  map?.gone.abort();
  map = new PictureMap($("view"), map);
};
export const resizeMap = () => map?.resize();
export const reorderSelection = () => map?.showSelection();
export const forgetSelection = () => {
  selected = null;
};
