// What corrections mean: the cases that the page shares with pipeline/collection/edits.py.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { finder, replay } from "../../../pipeline/report/assets/browse/replay.js";

const folder = new URL("../../collection/edits/", import.meta.url);

for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
  const { about, paths, digests, clusters, actions, expected, names, left } = JSON.parse(
    readFileSync(new URL(file, folder)),
  );
  test(`${file}: ${about}`, () => {
    const state = replay({ paths, digests, cluster: clusters }, actions);
    const found = state.at.map((number, row) => (state.aside.has(row) ? null : number));
    assert.deepEqual(found, expected);
    assert.deepEqual(Object.fromEntries(state.names), names);
    assert.equal(state.left, left);
  });
}

test("a picture is found by its path, then by its content, and embeddings have no content", () => {
  const find = finder({ paths: ["a", "b", "c"], digests: ["1", "2", ""] });
  assert.equal(find({ path: "a", digest: "1" }), 0);
  assert.equal(find({ path: "a", digest: "" }), 0);
  assert.equal(find({ path: "a", digest: "2" }), 1);
  assert.equal(find({ path: "c", digest: "" }), 2);
  assert.equal(find({ path: "d", digest: "9" }), null);
  assert.equal(find({ path: "d", digest: "" }), null);
});
