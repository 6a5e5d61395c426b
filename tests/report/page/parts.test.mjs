// How a cluster is taken apart.

import assert from "node:assert/strict";
import test from "node:test";
import { partsOf } from "../../../pipeline/report/assets/browse/parts.js";

// Groups of so many pictures each, far from each other on the map and without a common neighbour.
const made = (sizes) => {
  const places = [];
  const near = [];
  let first = 0;
  sizes.forEach((size, group) => {
    for (let i = 0; i < size; i++) {
      places.push(group / sizes.length + (0.2 * ((i * 7) % size)) / size, 0.3 + (0.2 * ((i * 3) % size)) / size);
      near.push([3, 5, 7, 11].map((step) => first + ((i * step + step) % size)).filter((row) => row !== first + i));
    }
    first += size;
  });
  return { data: { places, near }, rows: places.slice(first).map((_, row) => row) };
};

test("groups that have nothing to do with each other are told apart, the largest first", () => {
  for (const sizes of [
    [30, 20],
    [12, 25, 40],
    [400, 300],
  ]) {
    const { data, rows } = made(sizes);
    const parts = partsOf(rows, sizes.length, data);
    const expected = sizes.toSorted((a, b) => b - a);
    assert.deepEqual(
      parts.map((part) => part.length),
      expected,
    );
    assert.deepEqual(
      parts.flat().sort((a, b) => a - b),
      rows,
    );
  }
});

test("only the pictures of the cluster count, and neighbours outside of it do not", () => {
  const { data, rows } = made([20, 20, 20]);
  const parts = partsOf(
    rows.filter((row) => row < 40),
    2,
    data,
  );
  assert.deepEqual(
    parts.map((part) => part.length),
    [20, 20],
  );
});

test("few pictures, or all of them in one place, are taken apart as well", () => {
  for (const size of [2, 3, 4, 5, 9]) {
    for (const wanted of [2, 3].filter((parts) => parts <= size)) {
      const rows = Array.from({ length: size }, (_, row) => row);
      const near = rows.map((row) => rows.filter((other) => other !== row));
      const parts = partsOf(rows, wanted, { places: rows.flatMap(() => [0.5, 0.5]), near });
      assert.equal(parts.flat().length, size);
      assert.ok(parts[1].length > 0);
    }
  }
});

test("the same pictures give the same parts", () => {
  const { data, rows } = made([30, 20, 10]);
  assert.deepEqual(partsOf(rows, 2, data), partsOf(rows, 2, data));
});
