// Which part of the map is seen: the box that holds all places, stretched to the canvas, enlarged and moved. Nothing
// draws. Points are [x, y] in pixels of the canvas, from its upper left corner.

export const NEAREST = 64; // The most that the map is enlarged.
const STRETCH = 2; // One direction is stretched at most so much more than the other.

export class Camera {
  zoom = 1;
  width = 1;
  height = 1;

  // The box goes from place `low` to place `high`, each [across, down]; `edge` pixels stay free around it, so that no dot
  // is cut off.
  constructor(low, high, edge) {
    this.low = low;
    this.high = high;
    this.edge = edge;
    this.middle = low.map((place, axis) => (place + high[axis]) / 2); // The place in the middle of the canvas.
  }

  // Another size of the canvas shows the same middle.
  resize(width, height) {
    this.width = width;
    this.height = height;
    const room = [width, height].map((size) => Math.max(1, size - 2 * this.edge));
    const full = room.map((size, axis) => size / Math.max(1e-6, this.high[axis] - this.low[axis]));
    this.spans = full.map((span, axis) => Math.min(span, STRETCH * full[1 - axis]));
    this.settle();
  }

  // Keeps the canvas full of map, and sets how places become points: pixels = start + span * place.
  settle() {
    const sizes = [this.width, this.height];
    this.span = this.spans.map((span) => span * this.zoom);
    this.middle = this.middle.map((place, axis) => {
      const half = (sizes[axis] / 2 - this.edge) / this.span[axis];
      const least = this.low[axis] + half;
      const most = this.high[axis] - half;
      return least >= most ? (least + most) / 2 : Math.min(most, Math.max(least, place));
    });
    this.start = sizes.map((size, axis) => size / 2 - this.middle[axis] * this.span[axis]);
  }

  // Enlarges by a factor; what is at the point stays there.
  enlarge(point, factor) {
    const zoom = Math.min(NEAREST, Math.max(1, this.zoom * factor));
    const grown = zoom / this.zoom;
    const sizes = [this.width, this.height];
    this.zoom = zoom;
    this.middle = this.middle.map((place, axis) => {
      const off = (sizes[axis] / 2 - point[axis]) / (this.spans[axis] * zoom);
      return place + off * (1 - grown);
    });
    this.settle();
  }

  // Moves what is seen by so many pixels.
  move(right, below) {
    const by = [right, below];
    this.middle = this.middle.map((place, axis) => place - by[axis] / this.span[axis]);
    this.settle();
  }

  // Moves as little as brings a point at least `room` pixels inside.
  reveal([x, y], room) {
    const short = (value, size) =>
      Math.max(0, Math.min(room, size / 2) - value) - Math.max(0, value + Math.min(room, size / 2) - size);
    this.move(short(x, this.width), short(y, this.height));
  }

  reset() {
    this.zoom = 1;
    this.settle();
  }
}
