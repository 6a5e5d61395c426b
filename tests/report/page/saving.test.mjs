// A page that is served: what it sends, and what becomes of changes that cannot be written or were made elsewhere.

import assert from "node:assert/strict";
import test, { beforeEach } from "node:test";
import { originals } from "../../../pipeline/report/assets/browse/data.js";
import {
  act,
  done,
  givenName,
  offered,
  onChange,
  openEdits,
  takeOffered,
  undo,
  unsaved,
} from "../../../pipeline/report/assets/browse/edits.js";
import { failure, lookAgain, saveServed, sending } from "../../../pipeline/report/assets/browse/saving.js";
import { open, stored } from "./collection.mjs";

const name = (cluster, text) => ({ do: "name", cluster, name: text });
const [A, B, C, D] = [name(0, "A"), name(1, "B"), name(2, "C"), name(0, "D")];

// The server: its edits.json and page, and what it was sent.
let server = null;
let reloads = 0;
globalThis.location = {
  reload: () => {
    reloads += 1;
  },
};

const markNow = () => `"${JSON.stringify(server.actions)}"`;
const now = () => ({ page: server.page, mark: markNow(), actions: server.actions });

globalThis.fetch = async (address, { method = "GET", headers = {}, body } = {}) => {
  assert.equal(address, "edits.json");
  if (server.gone) throw new TypeError("fetch failed");
  if (server.refusal) return new Response(`${server.refusal}\n`, { status: 409 });
  if (method === "GET") return Response.json(now());
  assert.equal(headers["Content-Type"], "application/json");
  if (headers["If-Match"] !== markNow()) return new Response("changed\n", { status: 412 });
  server.bodies.push(body);
  server.actions = JSON.parse(body).actions;
  return new Response(null, { status: 204, headers: { ETag: markNow() } });
};

// Opens the page as the server gives it.
const opened = () => {
  open([A], {}, now());
  openEdits();
};

beforeEach(() => {
  stored.clear();
  server = { page: "1", actions: [A, B], bodies: [], gone: false, refusal: "" };
  reloads = 0;
  opened();
});

test("a page goes on from the file as it is, and asks the server for pictures", () => {
  assert.deepEqual(done(), [[A], [B]]);
  assert.equal(unsaved(), 0);
  assert.deepEqual(originals(3), ["original/digest 3"]);
});

test("all changes are written, those too that are made meanwhile", async () => {
  act(C);
  const saved = saveServed();
  assert.ok(sending);
  act(D);
  await saveServed();
  await saved;
  assert.ok(!sending);
  assert.deepEqual(server.actions, [A, B, C, D]);
  assert.equal(server.bodies.length, 2);
  assert.equal(unsaved(), 0);
  assert.equal(stored.size, 0);
  undo();
  await saveServed();
  assert.deepEqual(server.actions, [A, B, C]);
  const { format, version, result } = JSON.parse(server.bodies[2]);
  assert.deepEqual([format, version, result], ["pipeline edits", 1, "0123456789ab"]);
});

test("nothing is drawn again because it was written", async () => {
  let told = 0;
  onChange(() => {
    told += 1;
  });
  act(C);
  await saveServed();
  assert.equal(told, 1);
});

test("what cannot be written is kept in the browser and written later", async () => {
  server.gone = true;
  act(C);
  await saveServed();
  assert.equal(failure, "pipeline browse does not answer any more");
  server.gone = false;
  server.refusal = "made: is being filled by another process";
  await saveServed();
  assert.equal(failure, server.refusal);
  assert.equal(unsaved(), 1);
  opened();
  assert.deepEqual(done(), [[A], [B], [C]]);
  server.refusal = "";
  await saveServed();
  assert.equal(failure, "");
  assert.deepEqual(server.actions, [A, B, C]);
});

test("what was changed elsewhere stands, and what was not written is offered", async () => {
  for (const [theirs, wanted] of [
    [[A, D], true],
    [[A, D], false],
    [[A], true], // B was taken back there.
    [[], true],
    [[A, B, D], true],
  ]) {
    stored.clear();
    server.actions = [A, B];
    opened();
    server.actions = theirs;
    act(C);
    await saveServed();
    assert.deepEqual(server.actions, theirs);
    assert.deepEqual(done().flat(), theirs);
    assert.deepEqual(offered, [C]);
    assert.equal(unsaved(), 0);
    takeOffered(wanted);
    await saveServed();
    assert.deepEqual(server.actions, wanted ? [...theirs, C] : theirs);
  }
  assert.equal(reloads, 0);
});

test("what another tab wrote is no reason to ask", async () => {
  act(C);
  server.actions = [A, B, C];
  await saveServed();
  assert.deepEqual(offered, []);
  assert.deepEqual(done().flat(), [A, B, C]);
  server.actions = [A, B, C, D];
  await lookAgain();
  assert.deepEqual(done().flat(), [A, B, C, D]);
  assert.equal(givenName(0), "D");
  assert.deepEqual(offered, []);
});

test("a page that was made anew is loaded again, with what was not written", async () => {
  server.gone = true;
  act(C);
  await saveServed();
  server = { ...server, gone: false, page: "2", actions: [A, D] };
  await lookAgain();
  assert.equal(reloads, 1);
  opened();
  assert.deepEqual(done().flat(), [A, D]);
  assert.deepEqual(offered, [C]);
});

test("what was taken back while the page was closed is not written again unasked", async () => {
  server.gone = true;
  act(C);
  await saveServed();
  server = { ...server, gone: false, actions: [A] };
  opened();
  await saveServed();
  assert.deepEqual(server.actions, [A]);
  assert.deepEqual(offered, [B, C]);
});
