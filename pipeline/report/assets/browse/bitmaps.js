// The thumbnails that the map draws: fetched when they are wanted, a few at once, and the last used kept.

import { thumbnail } from "./data.js";

const KEPT = 1000;
const AT_ONCE = 8;

export class Bitmaps {
  kept = new Map(); // By row, the last used at the end; null: there is none.
  wanted = [];
  coming = 0;

  // `arrived` is called after each.
  constructor(arrived) {
    this.arrived = arrived;
  }

  // The picture of a row, or undefined while it is not here, or null where it cannot be had.
  get(row) {
    const bitmap = this.kept.get(row);
    if (bitmap) {
      this.kept.delete(row);
      this.kept.set(row, bitmap);
    }
    return bitmap;
  }

  // What is wanted now, in place of what was wanted before.
  want(rows) {
    this.wanted = rows.filter((row) => !this.kept.has(row)).reverse();
    this.next();
  }

  next() {
    while (this.coming < AT_ONCE && this.wanted.length) this.load(this.wanted.pop());
  }

  async load(row) {
    this.coming++;
    this.kept.set(row, undefined);
    let bitmap = null;
    try {
      const image = new Image();
      image.src = thumbnail(row);
      await image.decode();
      bitmap = await createImageBitmap(image);
    } catch {
      // Gone or damaged: its dot stays.
    }
    this.kept.delete(row);
    this.kept.set(row, bitmap);
    this.coming--;
    for (const old of this.kept.keys()) {
      if (this.kept.size <= KEPT) break;
      this.kept.get(old)?.close();
      this.kept.delete(old);
    }
    this.next();
    this.arrived();
  }
}
