// A collection as a page has it, for the tests of the page's modules; node has no window, so storage is made here.

import { load } from "../../../pipeline/report/assets/browse/data.js";

export const stored = new Map();

globalThis.localStorage = {
  getItem: (key) => stored.get(key) ?? null,
  setItem: (key, text) => {
    if (text.length > 100_000) throw new Error("QuotaExceededError");
    stored.set(key, text);
  },
  removeItem: (key) => stored.delete(key),
};

export const picture = (row) => ({ path: `${row}.png`, digest: `digest ${row}` });

// Twelve pictures in three clusters of five, four and three, with a page's actions.
export const open = (edits = [], others = {}, served = null) => {
  const cluster = [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2];
  load(
    JSON.stringify({
      result: "0123456789ab",
      run: "abc",
      paths: cluster.map((_, row) => `${row}.png`),
      digests: cluster.map((_, row) => `digest ${row}`),
      cluster,
      confidence: cluster.map(() => 0.5),
      second: cluster.map((number) => (number + 1) % 3),
      second_confidence: cluster.map(() => 0.25),
      copies: cluster.map(() => -1),
      numbers: [0, 1, 2],
      next: 3,
      edits,
      changes: null,
      ...others,
    }),
    JSON.stringify(served),
  );
};
