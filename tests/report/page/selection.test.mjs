// What is selected, by single ticks and by ranges.

import assert from "node:assert/strict";
import test, { beforeEach } from "node:test";
import {
  clearSelection,
  extend,
  onSelect,
  selection,
  selectOnly,
  startFrom,
  toggle,
  toggleAll,
} from "../../../pipeline/report/assets/browse/selection.js";

const LIST = [5, 3, 9, 1, 7];

beforeEach(clearSelection);

test("a range goes from the last tick, in the order of the list and either way", () => {
  toggle(9);
  extend(LIST, 7);
  assert.deepEqual([...selection], [9, 1, 7]);
  extend(LIST, 5);
  assert.deepEqual(new Set(selection), new Set(LIST));
});

test("without a tick in this list a range is one picture, from which the next one goes", () => {
  toggle(100);
  extend(LIST, 3);
  assert.deepEqual([...selection], [100, 3]);
  extend(LIST, 1);
  assert.deepEqual([...selection], [100, 3, 9, 1]);
  clearSelection();
  startFrom(9);
  extend(LIST, 3);
  assert.deepEqual(new Set(selection), new Set([9, 3]));
});

test("all of a list are selected, and taken out where all are", () => {
  toggle(3);
  toggleAll(LIST);
  assert.equal(selection.size, 5);
  toggle(100);
  toggleAll(LIST);
  assert.deepEqual([...selection], [100]);
});

test("who shows the selection is told once a change", () => {
  let told = 0;
  onSelect(() => {
    told += 1;
  });
  toggle(1);
  selectOnly(LIST);
  clearSelection();
  clearSelection();
  assert.equal(told, 3);
});
