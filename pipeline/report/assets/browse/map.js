// The map: every picture a dot in the colour of its cluster, similar ones close together.

import { grid } from "./cards.js";
import { colourOf, count, data, fileName, pictures, thumbnail } from "./data.js";
import { bySize, members, numberOf } from "./edits.js";
import { $, make, say } from "./elements.js";
import { enlarge } from "./enlarged.js";
import { listenToKeys, listenToPointer } from "./map-input.js";
import { nameOf } from "./names.js";
import { ordered } from "./orders.js";
import { across, down } from "./places.js";
import { selectOnly } from "./selection.js";
import { number, pieces } from "./text.js";

class PictureMap {
  lit = null; // The cluster that stands out.
  cursor = null; // The picture that the keys have reached.
  from = null; // The corners of the frame that is being drawn.
  to = null;

  constructor(view) {
    this.view = view;
    this.size = count < 1000 ? 5 : count < 5000 ? 3.5 : 2.5;
    this.edge = this.size + 2;
    this.canvas = make("canvas");
    this.pen = this.canvas.getContext("2d");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    const label =
      `Map of ${pieces(count)}, similar ones close together. The arrow keys go from one to the next, Enter opens it. ` +
      "All of them are in the lists of the clusters too.";
    this.canvas.setAttribute("aria-label", label);
    this.tip = make("div", "hover");
    this.tip.hidden = true;
    this.box = make("div", "map");
    this.box.append(this.canvas, this.tip);
    this.below = make("div");
    listenToPointer(this);
    listenToKeys(this);
    const help =
      "Similar pictures lie close together. Point at one to see it, click to enlarge it, draw a frame to select several.";
    this.key = this.legend();
    view.append(make("p", "soft", help), this.box, this.key, this.below);
    this.resize();
    this.showSelection();
  }

  legend() {
    const legend = make("div", "legend");
    for (const cluster of bySize) {
      const button = make("button", "plain");
      const dot = make("i");
      dot.style.background = colourOf(cluster);
      button.append(dot, make("span", "", `${nameOf(cluster)} (${number(members[cluster].length)})`));
      button.addEventListener("click", () => {
        location.hash = `cluster-${cluster}`;
      });
      for (const kind of ["pointerenter", "focus"]) button.addEventListener(kind, () => this.light(cluster));
      for (const kind of ["pointerleave", "blur"]) button.addEventListener(kind, () => this.light(null));
      legend.append(button);
    }
    return legend;
  }

  // After a change of the clusters.
  renew() {
    const key = this.legend();
    this.key.replaceWith(key);
    this.key = key;
    this.paint();
  }

  resize() {
    this.side = Math.max(240, Math.min(this.view.clientWidth, innerHeight * 0.7));
    this.scale = devicePixelRatio || 1;
    this.canvas.width = this.canvas.height = this.side * this.scale;
    this.canvas.style.width = this.canvas.style.height = `${this.side}px`;
    if (this.cursor !== null) this.hoverAtCursor();
    this.paint();
  }

  paint() {
    const pen = this.pen;
    pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    pen.clearRect(0, 0, this.side, this.side);
    for (const cluster of bySize) if (cluster !== this.lit) this.dots(cluster, this.lit === null ? 0.75 : 0.15);
    if (this.lit !== null) this.dots(this.lit, 0.9);
    pen.globalAlpha = 1;
    pen.strokeStyle = getComputedStyle(document.body).color;
    if (this.cursor !== null) {
      pen.beginPath();
      pen.arc(across(this.cursor, this), down(this.cursor, this), this.size + 3, 0, 7);
      pen.stroke();
    }
    if (this.to) {
      const [left, top] = this.from;
      const [right, bottom] = this.to;
      pen.strokeRect(Math.min(left, right), Math.min(top, bottom), Math.abs(right - left), Math.abs(bottom - top));
    }
  }

  dots(cluster, strength) {
    const { pen, size } = this;
    pen.globalAlpha = strength;
    pen.fillStyle = colourOf(cluster);
    pen.beginPath();
    for (const row of members[cluster]) {
      const x = across(row, this);
      const y = down(row, this);
      pen.moveTo(x + size, y);
      pen.arc(x, y, size, 0, 7);
    }
    pen.fill();
  }

  light(cluster) {
    if (cluster === this.lit) return;
    this.lit = cluster;
    this.paint();
  }

  // Shows what a picture is, beside a point; null: nothing.
  hover(row, [left, top]) {
    this.tip.hidden = row === null;
    this.light(row === null ? null : numberOf(row));
    if (row === null) return;
    this.tip.replaceChildren();
    if (pictures) {
      const picture = make("img");
      picture.alt = "";
      picture.src = thumbnail(row);
      this.tip.append(picture);
    }
    this.tip.append(make("b", "", fileName(row)), make("div", "soft", nameOf(numberOf(row))));
    this.tip.style.left = `${Math.min(left + this.canvas.offsetLeft + 14, this.box.clientWidth - 180)}px`;
    this.tip.style.top = `${top + 14}px`;
  }

  hoverAtCursor() {
    this.hover(this.cursor, [across(this.cursor, this), down(this.cursor, this)]);
  }

  enlarge(row) {
    enlarge([row, ...data.near[row]], 0);
  }

  select(rows) {
    selected = rows;
    selectOnly(rows);
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
// The rows of the last frame: they stay while other things are shown here, until the address changes.
let selected = null;

export const drawMap = () => {
  map = new PictureMap($("view"));
};
export const renewMap = () => map?.renew();
export const resizeMap = () => map?.resize();
export const reorderSelection = () => map?.showSelection();
export const forgetSelection = () => {
  selected = null;
};
