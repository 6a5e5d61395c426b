// What is above the map: what a drag does, the zoom, and a line of help.

import { NEAREST } from "./camera.js";
import { make } from "./elements.js";

const HELP = {
  select:
    "Draw around pictures to select them, with Shift to add them. Click one to enlarge it. The wheel zooms; hold the " +
    "space bar, or take the middle button, to move.",
  move: "Drag to move. Pinch, or turn the wheel, to zoom. Tap a picture to enlarge it.",
};

const barButton = (text, label, act) => {
  const made = make("button", "plain", text);
  made.setAttribute("aria-label", label);
  made.title = label;
  made.addEventListener("click", act);
  return made;
};

// The bar of a map: `map.bar` knows the mode, "move" or "select", and shows what is so.
export const mapBar = (map) => {
  const place = make("div", "map-bar");
  const help = make("p", "soft");
  const modes = {
    move: barButton("Move", "A drag moves the map", () => set("move")),
    select: barButton("Select", "A drag selects pictures", () => set("select")),
  };
  const nearer = barButton("+", "Zoom in", () => map.zoom(1.6));
  const farther = barButton("−", "Zoom out", () => map.zoom(1 / 1.6));
  const whole = barButton("All", "Show the whole map", () => map.reset());
  const set = (mode) => {
    map.bar.mode = mode;
    map.moved();
  };
  map.bar = {
    // Where fingers point, a drag is how one moves.
    mode: matchMedia("(pointer: coarse)").matches ? "move" : "select",
    update() {
      for (const [mode, one] of Object.entries(modes)) one.setAttribute("aria-pressed", mode === this.mode);
      help.textContent = HELP[this.mode];
      map.canvas.classList.toggle("moving", this.mode === "move");
      nearer.setAttribute("aria-disabled", map.camera.zoom >= NEAREST);
      for (const one of [farther, whole]) one.setAttribute("aria-disabled", map.camera.zoom <= 1);
    },
  };
  map.bar.update();
  const drag = make("span", "joined");
  drag.setAttribute("role", "group");
  drag.setAttribute("aria-label", "A drag");
  drag.append(modes.move, modes.select);
  const zoom = make("span", "joined");
  zoom.setAttribute("role", "group");
  zoom.setAttribute("aria-label", "Zoom");
  zoom.append(farther, nearer, whole);
  place.append(drag, zoom, help);
  return place;
};
