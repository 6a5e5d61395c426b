// What the page says: changes in words, sizes, and the table that is downloaded.

import assert from "node:assert/strict";
import test from "node:test";
import { act, openEdits } from "../../../pipeline/report/assets/browse/edits.js";
import { csvTable } from "../../../pipeline/report/assets/browse/table.js";
import { bytes } from "../../../pipeline/report/assets/browse/text.js";
import { toldStep } from "../../../pipeline/report/assets/browse/told.js";
import { open, picture } from "./collection.mjs";

const some = (...rows) => rows.map(picture);

test("a step is told by what it is about", () => {
  open([{ do: "name", cluster: 1, name: "Cats" }]);
  openEdits();
  const cases = [
    [[{ do: "move", pictures: some(1), to: 1 }], "Moved 1 picture to Cats"],
    [
      [
        { do: "move", pictures: some(1, 2), to: 3 },
        { do: "name", cluster: 3, name: "New" },
      ],
      "Moved 2 pictures to Cluster 3",
    ],
    [[{ do: "merge", clusters: [0, 1, 2], into: 1 }], "Merged Cluster 0, Cluster 2 into Cats"],
    [[{ do: "split", cluster: 1, parts: [{ cluster: 3, pictures: some(5) }] }], "Split Cats into 2"],
    [[{ do: "name", cluster: 1, name: "" }], "Took the name of cluster 1 off"],
    [
      [
        { do: "name", cluster: 0, name: "a" },
        { do: "name", cluster: 2, name: "b" },
      ],
      "Named cluster 0 “a”, and 1 more",
    ],
    [[{ do: "not", pictures: some(1), clusters: [0, 1] }], "Noted that 1 picture is in none of Cluster 0, Cats"],
    [[{ do: "later", pictures: [] }], "later"],
  ];
  for (const [step, text] of cases) assert.equal(toldStep(step), text);
});

test("the table has the changed clusters and names, without what is set aside", () => {
  open();
  openEdits();
  act({ do: "move", pictures: some(0), to: 7 }, { do: "name", cluster: 7, name: "=1+1" });
  act({ do: "aside", pictures: some(1) });
  const lines = csvTable().trim().split("\n");
  assert.equal(lines.length, 12);
  assert.equal(lines[0], "path,cluster,name,confidence,second,second_confidence");
  assert.equal(lines[1], "0.png,7,'=1+1,0.5000,1,0.2500");
  assert.equal(lines[2], "2.png,0,Cluster 0,0.5000,1,0.2500");
});

test("sizes are told as people read them", () => {
  const cases = { 12: "12 bytes", 999: "999 bytes", 1000: "1 kB", 12345: "12 kB", 1234567: "1.2 MB", 2e9: "2 GB" };
  for (const [size, text] of Object.entries(cases)) assert.equal(bytes(Number(size)), text);
});
