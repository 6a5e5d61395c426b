// What a mouse, a pen and fingers do on the map.

import { surrounded } from "./places.js";

const TWICE = 350; // Milliseconds within which a second tap makes a double one.

const pointIn = (canvas, event) => {
  const frame = canvas.getBoundingClientRect();
  return [event.clientX - frame.left, event.clientY - frame.top];
};

const apart = ([x, y], [otherX, otherY]) => Math.hypot(x - otherX, y - otherY);

// A drag of one pointer moves the map or draws a line around pictures; two fingers move and zoom; a tap enlarges.
class Gesture {
  down = new Map(); // The pointers that are down, with their points.
  kind = null; // "move", "draw", "pinch", or "over" until all are up.
  from = null;
  dragged = false;
  lastTap = { time: Number.NEGATIVE_INFINITY, point: [0, 0] }; // On no picture.

  constructor(map) {
    this.map = map;
    this.spaced = false; // The space bar is held.
  }

  start(event) {
    if (event.button > 1) return;
    const point = pointIn(this.map.canvas, event);
    this.down.set(event.pointerId, point);
    try {
      this.map.canvas.setPointerCapture(event.pointerId);
    } catch {
      // A pointer that is gone already.
    }
    this.map.hover(null);
    if (this.down.size > 1) {
      this.kind = this.down.size === 2 ? "pinch" : "over";
      this.map.line = [];
      this.map.paint(false);
      return;
    }
    this.from = point;
    this.dragged = false;
    const moves = event.button === 1 || this.spaced || (this.map.bar.mode === "move" && !event.shiftKey);
    this.kind = moves ? "move" : "draw";
    if (event.button === 1) event.preventDefault(); // Else the page scrolls by itself.
  }

  move(event) {
    const here = pointIn(this.map.canvas, event);
    const before = this.down.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch" && !this.down.size) this.map.hover(this.map.at(here), here);
      return;
    }
    if (this.kind === "pinch") this.pinch(event.pointerId, here);
    this.down.set(event.pointerId, here);
    if (this.kind !== "move" && this.kind !== "draw") return;
    const slack = event.pointerType === "touch" ? 10 : 5;
    if (!this.dragged && apart(here, this.from) <= slack) return;
    if (this.kind === "move") {
      const start = this.dragged ? before : this.from;
      this.map.camera.move(here[0] - start[0], here[1] - start[1]);
      this.map.moved();
    } else {
      if (!this.map.line.length) this.map.line.push(this.from);
      this.map.line.push(here);
      this.map.paint(false);
    }
    this.dragged = true;
  }

  // What was between the fingers stays between them.
  pinch(pointer, here) {
    const [other] = [...this.down].filter(([id]) => id !== pointer).map(([, point]) => point);
    const before = this.down.get(pointer);
    const middle = (point) => [(point[0] + other[0]) / 2, (point[1] + other[1]) / 2];
    const [was, is] = [middle(before), middle(here)];
    this.map.camera.enlarge(was, apart(here, other) / Math.max(1, apart(before, other)));
    this.map.camera.move(is[0] - was[0], is[1] - was[1]);
    this.map.moved();
  }

  end(event) {
    if (!this.down.delete(event.pointerId)) return;
    if (this.down.size) {
      this.kind = "over";
      return;
    }
    const { kind, dragged, map } = this;
    const { line } = map;
    map.line = [];
    this.kind = null;
    if (event.type === "pointerup") {
      if (kind === "draw" && dragged) map.select(surrounded(line, map.order, map.camera), event.shiftKey);
      else if ((kind === "draw" || kind === "move") && !dragged && event.button === 0) this.tap(event);
    }
    map.paint(false);
  }

  // On a picture a tap opens it; elsewhere two zoom in.
  tap(event) {
    const point = pointIn(this.map.canvas, event);
    const row = this.map.at(point, event.pointerType === "touch" ? 20 : 14);
    if (row !== null) {
      this.map.enlarge(row);
      return;
    }
    const { time, point: last } = this.lastTap;
    const twice = event.timeStamp - time < TWICE && apart(point, last) < 24;
    this.lastTap = { time: twice ? Number.NEGATIVE_INFINITY : event.timeStamp, point };
    if (twice) this.map.zoom(2, point);
  }
}

const turnWheel = (map, event) => {
  // A touchpad's pinch comes as a wheel with Ctrl, in small steps; some mice count lines.
  const speed = event.deltaMode === 1 ? 0.05 : event.ctrlKey ? 0.01 : 0.002;
  const factor = Math.exp(-event.deltaY * speed);
  if (factor <= 1 && map.camera.zoom === 1) return; // The page scrolls on.
  event.preventDefault();
  map.zoom(factor, pointIn(map.canvas, event));
};

export const listenToPointer = (map) => {
  const gesture = new Gesture(map);
  const { canvas, gone } = map;
  canvas.addEventListener("pointerdown", (event) => gesture.start(event));
  canvas.addEventListener("pointermove", (event) => gesture.move(event));
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, (event) => gesture.end(event));
  canvas.addEventListener("pointerleave", () => {
    if (!gesture.down.size && map.cursor === null) map.hover(null);
  });
  canvas.addEventListener("wheel", (event) => turnWheel(map, event), { passive: false });
  // Held over the map, the space bar moves it instead of the page.
  const space = (event) => {
    const over = canvas.matches(":hover") || document.activeElement === canvas;
    if (event.key !== " " || (event.type === "keydown" && (!over || event.target.matches("input, select, button"))))
      return;
    gesture.spaced = event.type === "keydown";
    canvas.classList.toggle("moving", gesture.spaced || map.bar.mode === "move");
    if (gesture.spaced) event.preventDefault();
  };
  for (const kind of ["keydown", "keyup"]) addEventListener(kind, space, { signal: gone.signal });
};
