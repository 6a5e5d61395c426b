// What corrections make of an assignment, as pipeline/collection/edits.py does it: both are tested by the cases in
// tests/collection/edits. An assignment is `paths`, `digests` and `cluster`, one entry a picture; pictures are rows.

// Gives the row of a picture of an action: by its path where the digest there agrees, else by its digest; null: gone.
export const finder = ({ paths, digests }) => {
  const byPath = new Map();
  const byDigest = new Map();
  for (let row = paths.length - 1; row >= 0; row--) {
    byPath.set(paths[row], row);
    if (digests[row]) byDigest.set(digests[row], row);
  }
  return ({ path, digest }) => {
    const row = byPath.get(path);
    if (row !== undefined && (!digest || !digests[row] || digests[row] === digest)) return row;
    return byDigest.get(digest) ?? null;
  };
};

const rowsOf = (action, find) => [...new Set(action.pictures.map(find))].filter((row) => row !== null);

const put = (state, rows, number) => {
  for (const row of rows) state.at[row] = number;
  state.alive.add(number);
};

// Each says whether it had an effect.
const MEANINGS = {
  name: (state, { cluster, name }) => {
    if (!state.alive.has(cluster)) return false;
    if (name) state.names.set(cluster, name);
    else state.names.delete(cluster);
    return true;
  },
  move: (state, action, find) => {
    const rows = rowsOf(action, find);
    if (rows.length) put(state, rows, action.to);
    for (const row of rows) state.moved.add(row);
    return rows.length > 0;
  },
  merge: (state, { clusters, into }) => {
    const there = new Set(clusters.filter((number) => state.alive.has(number)));
    if (there.size < 2 || !there.has(into)) return false;
    for (let row = 0; row < state.at.length; row++) if (there.has(state.at[row])) state.at[row] = into;
    for (const number of there) if (number !== into) state.alive.delete(number);
    return true;
  },
  split: (state, { cluster, parts }, find) => {
    if (!state.alive.has(cluster)) return false;
    for (const part of parts) put(state, rowsOf(part, find), part.cluster);
    return true;
  },
  aside: (state, action, find) => {
    const rows = rowsOf(action, find);
    for (const row of rows) state.aside.add(row);
    return rows.length > 0;
  },
  restore: (state, action, find) => rowsOf(action, find).filter((row) => state.aside.delete(row)).length > 0,
  // What the next training learns from; the assignment stays.
  together: (_, action, find) => rowsOf(action, find).length > 1,
  apart: (_, action, find) => rowsOf(action, find).length > 1,
  not: (_, action, find) => rowsOf(action, find).length > 0,
};

// Applies actions in their order. Gives `at` (the cluster of each row), `aside` (rows), `names` (by number), `moved`
// (rows that a person placed) and `left` (how many actions had no effect).
export const replay = (raw, actions, find = finder(raw)) => {
  const state = {
    at: raw.cluster.slice(),
    aside: new Set(),
    names: new Map(),
    moved: new Set(),
    alive: new Set([...raw.cluster, ...(raw.numbers ?? [])]),
    left: 0,
  };
  for (const action of actions) if (!MEANINGS[action.do]?.(state, action, find)) state.left += 1;
  return state;
};
