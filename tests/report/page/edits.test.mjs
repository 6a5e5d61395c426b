// The state of a page: doing, undoing, what the browser keeps, and edits.json.

import assert from "node:assert/strict";
import test, { beforeEach } from "node:test";
import {
  act,
  aside,
  bySize,
  canRedo,
  editsFile,
  givenName,
  keeping,
  markSaved,
  members,
  nextNumber,
  numberOf,
  offered,
  onChange,
  openEdits,
  redo,
  takeOffered,
  undo,
  unsaved,
  wasMoved,
} from "../../../pipeline/report/assets/browse/edits.js";
import { takeOldNames } from "../../../pipeline/report/assets/browse/names.js";
import { open, picture, stored } from "./collection.mjs";

const MOVE = { do: "move", pictures: [picture(0), picture(9)], to: 1 };
const NAME = { do: "name", cluster: 2, name: "Cats" };
const ASIDE = { do: "aside", pictures: [picture(5)] };

// Opens a page whose edits.json has these actions, in the same browser.
const opened = (edits) => {
  open(edits);
  openEdits();
};

beforeEach(() => {
  stored.clear();
  opened([]);
});

test("a change is seen by whoever listens, and undone and done again", () => {
  let told = 0;
  onChange(() => {
    told += 1;
  });
  act(MOVE);
  assert.deepEqual(members[1], [0, 5, 6, 7, 8, 9]);
  assert.equal(numberOf(9), 1);
  assert.ok(wasMoved(9));
  act(ASIDE, NAME);
  assert.deepEqual(aside, [5]);
  assert.equal(numberOf(5), null);
  assert.equal(givenName(2), "Cats");
  assert.deepEqual(undo(), [ASIDE, NAME]);
  assert.deepEqual(aside, []);
  assert.equal(givenName(2), undefined);
  assert.deepEqual(redo(), [ASIDE, NAME]);
  assert.equal(givenName(2), "Cats");
  undo();
  undo();
  assert.deepEqual(members, [
    [0, 1, 2, 3, 4],
    [5, 6, 7, 8],
    [9, 10, 11],
  ]);
  assert.equal(undo(), undefined);
  assert.equal(told, 6);
  act(NAME);
  assert.ok(!canRedo());
  assert.equal(redo(), undefined);
});

test("clusters keep their place while the page is open, and new ones stand first", () => {
  assert.deepEqual(bySize, [0, 1, 2]);
  act({ do: "move", pictures: [0, 1, 2, 3].map(picture), to: nextNumber() });
  assert.equal(nextNumber(), 4);
  act({ do: "split", cluster: 1, parts: [{ cluster: nextNumber(), pictures: [picture(5)] }] });
  assert.deepEqual(bySize, [4, 3, 0, 1, 2]);
  act({ do: "merge", clusters: [0, 1], into: 1 });
  assert.deepEqual(bySize, [4, 3, 1, 2]);
  undo();
  undo();
  undo();
  assert.deepEqual(bySize, [0, 1, 2]);
  assert.equal(nextNumber(), 3);
});

test("edits.json has the format, the result and all actions in their order", () => {
  opened([NAME]);
  act(MOVE);
  const expected = { format: "pipeline edits", version: 1, result: "0123456789ab", actions: [NAME, MOVE] };
  assert.deepEqual(JSON.parse(editsFile()), expected);
});

test("what is not saved is counted, with what was taken back of a saved file", () => {
  opened([NAME]);
  assert.equal(unsaved(), 0);
  act(MOVE, ASIDE);
  assert.equal(unsaved(), 2);
  markSaved();
  assert.equal(unsaved(), 0);
  undo();
  assert.equal(unsaved(), 2);
  undo();
  assert.equal(unsaved(), 3);
  redo();
  redo();
  assert.equal(unsaved(), 0);
});

test("a page that is opened again goes on where it was", () => {
  opened([NAME]);
  act(MOVE);
  markSaved();
  act(ASIDE);
  opened([NAME]);
  assert.deepEqual(JSON.parse(editsFile()).actions, [NAME, MOVE, ASIDE]);
  assert.equal(unsaved(), 1);
  undo();
  undo();
  undo();
  opened([NAME]);
  assert.deepEqual(JSON.parse(editsFile()).actions, []);
  assert.equal(unsaved(), 2);
});

test("nothing is kept any more once the run has obeyed", () => {
  act(MOVE);
  act(NAME);
  assert.equal(stored.size, 1);
  opened([MOVE, NAME]);
  assert.equal(unsaved(), 0);
  assert.equal(stored.size, 0);
});

test("what follows on the actions of a newer page is continued", () => {
  act(MOVE);
  act(NAME);
  opened([MOVE]);
  assert.equal(givenName(2), "Cats");
  assert.equal(unsaved(), 1);
  assert.deepEqual(offered, []);
});

test("what does not follow is offered, kept until then, and taken or forgotten", () => {
  for (const wanted of [true, false]) {
    stored.clear();
    opened([]);
    act(MOVE);
    act(NAME);
    opened([MOVE, ASIDE]);
    assert.deepEqual(offered, [NAME]);
    assert.equal(givenName(2), undefined);
    act({ do: "name", cluster: 0, name: "Dogs" });
    opened([MOVE, ASIDE]);
    assert.deepEqual(offered, [NAME]);
    takeOffered(wanted);
    assert.deepEqual(offered, []);
    assert.equal(givenName(2), wanted ? "Cats" : undefined);
    assert.equal(givenName(0), "Dogs");
  }
});

test("a browser that cannot keep changes says so", () => {
  act(NAME);
  assert.ok(keeping);
  act({ do: "name", cluster: 1, name: "long".repeat(50_000) });
  assert.ok(!keeping);
  undo();
  assert.ok(keeping);
});

test("what no page wrote is no reason to fail", () => {
  for (const text of ["{", "null", "[]", '{"steps": 3}']) {
    stored.set("pipeline-edits-0123456789ab", text);
    opened([NAME]);
    assert.equal(givenName(2), "Cats");
  }
});

test("names of an older page become changes once", () => {
  stored.set("pipeline-names-abc", '{"1": "Birds", "2": "Dogs", "7": "None"}');
  opened([NAME]);
  takeOldNames();
  assert.deepEqual(JSON.parse(editsFile()).actions, [NAME, { do: "name", cluster: 1, name: "Birds" }]);
  undo();
  takeOldNames();
  assert.equal(givenName(1), undefined);
});
