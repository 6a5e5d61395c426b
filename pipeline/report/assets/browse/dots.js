// Dots, set pixel by pixel: a canvas takes 10,000 arcs in about the time of two frames, this in a fraction of one.

const OPAQUE = 0xff000000;

// "#rrggbb" or "rgb(r, g, b)" as [red, green, blue].
export const channels = (colour) =>
  colour.startsWith("#")
    ? [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))
    : colour
        .match(/[\d.]+/g)
        .slice(0, 3)
        .map(Number);

// The pixels of a dot from its centre, [right, below, share that is covered]: the border is smooth.
const disc = (radius) => {
  const pixels = [];
  const reach = Math.ceil(radius + 0.5);
  for (let below = -reach; below <= reach; below++)
    for (let right = -reach; right <= reach; right++) {
      const covered = Math.min(1, radius + 0.5 - Math.hypot(right, below));
      if (covered > 0) pixels.push([right, below, covered]);
    }
  return pixels;
};

export class Dots {
  constructor(width, height, radius) {
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.disc = disc(radius);
    this.reach = Math.ceil(radius + 0.5);
  }

  clear([red, green, blue]) {
    this.pixels.fill(OPAQUE + (blue << 16) + (green << 8) + red);
  }

  // What `dot` draws with from now on; the strength is 0 to 1.
  ink([red, green, blue], strength) {
    const { width } = this.image;
    this.offsets = Int32Array.from(this.disc, ([right, below]) => below * width + right);
    this.shares = Uint32Array.from(this.disc, ([, , covered]) => Math.round(256 * covered * strength));
    this.both = Float64Array.from(this.shares, (share) => ((blue << 16) + red) * share);
    this.green = Float64Array.from(this.shares, (share) => (green << 8) * share);
  }

  dot(x, y) {
    const { pixels, offsets, shares, both, green, reach } = this;
    const { width, height } = this.image;
    const column = Math.round(x);
    const line = Math.round(y);
    if (column < reach || line < reach || column >= width - reach || line >= height - reach) return;
    const centre = line * width + column;
    for (let each = 0; each < offsets.length; each++) {
      const place = centre + offsets[each];
      const rest = 256 - shares[each];
      const under = pixels[place];
      // Two channels at once, each with room above it.
      const mixed = ((under & 0xff00ff) * rest + both[each]) >>> 8;
      const mixedGreen = ((under & 0xff00) * rest + green[each]) >>> 8;
      pixels[place] = OPAQUE | (mixed & 0xff00ff) | (mixedGreen & 0xff00);
    }
  }
}
