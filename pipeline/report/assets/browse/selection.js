// The pictures that are selected, wherever they were: by ticks, by keys, on the map. Pictures are rows.

export const selection = new Set();

const watchers = [];
// Where a range starts.
let anchor = null;

export const onSelect = (listener) => watchers.push(listener);

const selectionChanged = () => {
  for (const listener of watchers) listener();
};

export const toggle = (row) => {
  if (!selection.delete(row)) selection.add(row);
  anchor = row;
  selectionChanged();
};

// Adds all from the last one that was ticked to this one, in the order of their list.
export const extend = (rows, row) => {
  const from = rows.indexOf(anchor);
  const to = rows.indexOf(row);
  if (from < 0 || to < 0) anchor = row;
  const range = from < 0 || to < 0 ? [row] : rows.slice(Math.min(from, to), Math.max(from, to) + 1);
  for (const one of range) selection.add(one);
  selectionChanged();
};

// Where the next range starts, unless one has begun.
export const startFrom = (row) => {
  if (!selection.size || anchor === null) anchor = row;
};

// Selects these, or takes them out where all of them are selected.
export const toggleAll = (rows) => {
  const all = rows.every((row) => selection.has(row));
  for (const row of rows) {
    if (all) selection.delete(row);
    else selection.add(row);
  }
  selectionChanged();
};

export const selectOnly = (rows) => {
  selection.clear();
  for (const row of rows) selection.add(row);
  selectionChanged();
};

export const clearSelection = () => {
  if (!selection.size) return;
  selection.clear();
  anchor = null;
  selectionChanged();
};
