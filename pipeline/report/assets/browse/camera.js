// Which part of the map is seen: the map's square of 0..1, stretched to the canvas, enlarged and moved. Nothing draws.
// Points are [x, y] in pixels of the canvas, from its upper left corner.

export const NEAREST = 64; // The most that the map is enlarged.
const STRETCH = 2; // The square becomes at most so much wider than high, or the other way round.

export class Camera {
  zoom = 1;
  middle = [0.5, 0.5]; // The place in the middle of the canvas, across and down.
  width = 1;
  height = 1;

  // `edge` pixels stay free around the map, so that no dot is cut off.
  constructor(edge) {
    this.edge = edge;
  }

  // Another size of the canvas shows the same middle.
  resize(width, height) {
    this.width = width;
    this.height = height;
    const wide = Math.max(1, width - 2 * this.edge);
    const high = Math.max(1, height - 2 * this.edge);
    this.spans = [Math.min(wide, STRETCH * high), Math.min(high, STRETCH * wide)];
    this.settle();
  }

  // Keeps the canvas full of map, and sets how places become points: pixels = start + span * place.
  settle() {
    const sizes = [this.width, this.height];
    this.span = this.spans.map((span) => span * this.zoom);
    this.middle = this.middle.map((place, axis) => {
      const least = (sizes[axis] / 2 - this.edge) / this.span[axis];
      return least >= 0.5 ? 0.5 : Math.min(1 - least, Math.max(least, place));
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
