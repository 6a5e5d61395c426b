// What a person can do with pictures and clusters. Each command is one step, which undo takes back.

import { data } from "./data.js";
import { act, aside, members, nextNumber, numberOf, redo, undo } from "./edits.js";
import { nameOf } from "./names.js";
import { clearSelection } from "./selection.js";
import { tell } from "./toast.js";
import { toldStep } from "./told.js";

const pictureOf = (row) => ({ path: data.paths[row], digest: data.digests[row] });
const picturesOf = (rows) => rows.map(pictureOf);

export const undoLast = () => {
  const step = undo();
  tell(step ? `Undone: ${toldStep(step)}.` : "There is nothing to undo.");
};

export const redoNext = () => {
  const step = redo();
  tell(step ? `Done again: ${toldStep(step)}.` : "There is nothing to do again.");
};

const perform = (...actions) => {
  act(...actions);
  tell(`${toldStep(actions)}.`, "Undo", undoLast);
};

// A move brings back what was set aside. `confirmed` keeps it also where the pictures are there already: as an answer.
export const moveTo = (rows, to, confirmed = false) => {
  const moving = confirmed ? rows : rows.filter((row) => numberOf(row) !== to);
  clearSelection();
  if (moving.length) perform({ do: "move", pictures: picturesOf(moving), to });
  else tell(`In ${nameOf(to)} already.`);
};

// Without a name the new cluster has its number.
export const moveToNew = (rows, name) => {
  if (!rows.length) {
    tell("Select pictures first, or drag them here.");
    return;
  }
  const to = nextNumber();
  clearSelection();
  const named = name ? [{ do: "name", cluster: to, name }] : [];
  perform({ do: "move", pictures: picturesOf(rows), to }, ...named);
};

export const mergeInto = (numbers, into) => {
  const clusters = [...new Set([...numbers, into])];
  if (clusters.length < 2) return;
  perform({ do: "merge", clusters, into });
  const shown = /^#cluster-(\d+)$/.exec(location.hash);
  if (shown && clusters.includes(Number(shown[1]))) location.hash = `cluster-${into}`;
};

export const setAside = (rows) => {
  const there = rows.filter((row) => numberOf(row) !== null);
  clearSelection();
  if (there.length) perform({ do: "aside", pictures: picturesOf(there) });
};

export const bringBack = (rows) => {
  clearSelection();
  perform({ do: "restore", pictures: picturesOf(rows) });
};

// Set aside, or brought back where all of them are aside.
export const asideOrBack = (rows) => (rows.every((row) => aside.includes(row)) ? bringBack(rows) : setAside(rows));

export const answerNone = (row, clusters) => perform({ do: "not", pictures: picturesOf([row]), clusters });

const note = (what, rows) => {
  if (rows.length < 2) {
    tell("Select two pictures or more.");
    return;
  }
  clearSelection();
  perform({ do: what, pictures: picturesOf(rows) });
};

export const noteTogether = (rows) => note("together", rows);
export const noteApart = (rows) => note("apart", rows);

export const rename = (number, name) => {
  if (nameOf(number) !== (name || `Cluster ${number}`)) perform({ do: "name", cluster: number, name });
};

// The largest part keeps the cluster's number; `parts` are lists of rows, `names` one text a part, empty for none.
export const splitInto = (number, parts, names) => {
  const filled = parts.map((rows, place) => ({ rows, name: names[place] })).filter(({ rows }) => rows.length);
  if (filled.length < 2 || filled.some(({ rows }) => rows.length === members[number].length)) return;
  const [largest, ...others] = filled.sort((a, b) => b.rows.length - a.rows.length);
  const first = nextNumber();
  const split = others.map(({ rows }, place) => ({ cluster: first + place, pictures: picturesOf(rows) }));
  const named = others.flatMap(({ name }, place) => (name ? [{ do: "name", cluster: first + place, name }] : []));
  if (largest.name) named.push({ do: "name", cluster: number, name: largest.name });
  perform({ do: "split", cluster: number, parts: split }, ...named);
};
