// The clusters as people changed them: the assignment of the run with the actions of edits.json, and more made here.
// Whoever shows clusters reads this state and is told by `onChange` when it is another.

import { count, data } from "./data.js";
import { common, markOf, readKept, resumed, writeKept } from "./kept.js";
import { finder, replay } from "./replay.js";

// The rows of each cluster by its number, without those set aside; numbers have gaps.
export let members = [];
// The numbers of the clusters that have pictures: the largest first when the page was opened, and new ones before them.
export let bySize = [];
// The rows that were set aside.
export let aside = [];
// Actions of this browser that do not follow on those of the page.
export let offered = [];
// Whether the browser keeps what is not in a file yet.
export let keeping = true;

let state = null;
let find = null;
let steps = [];
let undone = [];
let saved = [];
let mark = "";
let places = new Map();
const listeners = [];

export const onChange = (listener) => listeners.push(listener);

// The cluster of a picture; null: set aside.
export const numberOf = (row) => (state.aside.has(row) ? null : state.at[row]);
export const wasMoved = (row) => state.moved.has(row);
export const givenName = (number) => state.names.get(number);
// The steps so far, each a list of actions.
export const done = () => steps;
export const canRedo = () => undone.length > 0;

// The pictures of an action that are here.
export const rowsOfAction = ({ pictures, parts }) => {
  const meant = pictures ?? (parts ?? []).flatMap((part) => part.pictures);
  return meant.map(find).filter((row) => row !== null);
};

// The first number that no cluster has had.
export const nextNumber = () => {
  const dealt = (action) => [action.to ?? -1, ...(action.parts ?? []).map((part) => part.cluster)];
  return Math.max(
    data.next,
    ...steps
      .flat()
      .flatMap(dealt)
      .map((number) => number + 1),
  );
};

const placeOf = (number) => places.get(number) ?? -number;

const compute = () => {
  state = replay(data, steps.flat(), find);
  members = [];
  aside = [];
  for (let row = 0; row < count; row++) {
    const number = numberOf(row);
    if (number === null) aside.push(row);
    else if (members[number]) members[number].push(row);
    else members[number] = [row];
  }
  // The keys of an array are those of the numbers that are there.
  bySize = Object.keys(members).map(Number);
  bySize.sort((a, b) => placeOf(a) - placeOf(b));
};

const sameList = (a, b) => a.length === b.length && common(a, b) === a.length;

// Nothing is kept that the page has.
const keep = () => {
  const actions = steps.flat();
  const known = sameList(actions, data.edits) && sameList(saved, data.edits) && !offered.length;
  const kept = { page: mark, steps, common: common(actions, saved), saved: saved.length, offered };
  keeping = writeKept(data.result, known ? null : kept);
};

const changed = () => {
  compute();
  keep();
  for (const listener of listeners) listener();
};

const start = () => {
  mark = markOf(data.edits);
  ({ steps, saved, offered } = resumed(data.edits, readKept(data.result)));
  undone = [];
  compute();
};

// Starts from the page's actions and those that the browser kept.
export const openEdits = () => {
  find = finder(data);
  places = new Map();
  start();
  bySize.sort((a, b) => members[b].length - members[a].length || a - b);
  places = new Map(bySize.map((number, place) => [number, place]));
  keep();
};

// The same page was changed in another tab.
export const reopenEdits = () => {
  start();
  for (const listener of listeners) listener();
};

// Does something, to be undone at once.
export const act = (...actions) => {
  steps = [...steps, actions];
  undone = [];
  changed();
};

// Takes the last step back and gives it; undefined: there is none.
export const undo = () => {
  const step = steps.at(-1);
  if (!step) return undefined;
  steps = steps.slice(0, -1);
  undone.push(step);
  changed();
  return step;
};

export const redo = () => {
  const step = undone.pop();
  if (!step) return undefined;
  steps = [...steps, step];
  changed();
  return step;
};

// Adds the actions that the browser had kept for another state of the page, or forgets them.
export const takeOffered = (wanted) => {
  const added = offered.map((action) => [action]);
  offered = [];
  if (wanted) steps = [...steps, ...added];
  changed();
};

// How many actions no file has, or has though they were taken back.
export const unsaved = () => {
  const actions = steps.flat();
  return actions.length + saved.length - 2 * common(actions, saved);
};

// The text of edits.json with these actions.
export const editsFile = (actions = steps.flat()) => {
  const file = { format: "pipeline edits", version: 1, result: data.result, actions };
  return `${JSON.stringify(file, null, 2)}\n`;
};

export const markSaved = () => {
  saved = steps.flat();
  changed();
};

const pageHas = (actions) => {
  data.edits = actions;
  mark = markOf(actions);
  saved = actions;
};

// The edits.json of the result has these actions, which were sent from here. No cluster is another by that.
export const markWritten = (actions) => {
  pageHas(actions);
  keep();
};

// The edits.json of the result was changed elsewhere: what was not written yet is offered.
export const goOnFrom = (actions) => {
  if (sameList(actions, saved)) return;
  const own = steps.flat();
  if (!sameList(actions, own)) {
    offered = [...offered, ...own.slice(common(own, saved))];
    steps = actions.map((action) => [action]);
    undone = [];
  }
  pageHas(actions);
  changed();
};
