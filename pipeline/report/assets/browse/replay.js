// What corrections make of a clustering, as pipeline/collection/effects.py does it: the cases in tests/collection/edits
// hold the two together. A clustering is `paths`, `digests` and `cluster`, one entry a picture; pictures are rows.

// Gives the row of a picture of an action: by its path where the content agrees, else by its content, the first one of
// it; null: it is gone.
export const finder = ({ paths, digests }) => {
  const byPath = new Map();
  const byDigest = new Map();
  for (let row = paths.length - 1; row >= 0; row--) {
    // Names that are no UTF-8 may look alike.
    byPath.set(paths[row], byPath.has(paths[row]) ? [row, ...byPath.get(paths[row])] : [row]);
    if (digests[row]) byDigest.set(digests[row], row);
  }
  return ({ path, digest }) => {
    const row = byPath.get(path)?.find((one) => !digest || !digests[one] || digests[one] === digest);
    return row ?? byDigest.get(digest) ?? null;
  };
};

const rowsOf = (list, find) => list.map(find).filter((row) => row !== null);

// A cluster is there while a picture is in it, be it one that is set aside.
const there = (state, clusters) => clusters.every((number) => state.at.includes(number));

const related = (least) => (_, action, find) => new Set(rowsOf(action.pictures, find)).size >= least;

// Each says whether it had an effect.
const MEANINGS = {
  name: (state, { cluster, name }) => {
    if (!there(state, [cluster])) return false;
    if (name.trim()) state.names.set(cluster, name.trim());
    else state.names.delete(cluster);
    return true;
  },
  // Who puts a picture into a cluster wants to see it there.
  move: (state, { pictures, to }, find) => {
    const rows = rowsOf(pictures, find);
    for (const row of rows) {
      state.at[row] = to;
      state.aside.delete(row);
      state.moved.add(row);
    }
    return rows.length > 0;
  },
  merge: (state, { clusters, into }) => {
    if (!there(state, clusters)) return false;
    const merged = new Set(clusters);
    for (let row = 0; row < state.at.length; row++) if (merged.has(state.at[row])) state.at[row] = into;
    for (const other of clusters) if (other !== into) state.names.delete(other);
    return true;
  },
  // Who was moved to another cluster stays there.
  split: (state, { cluster, parts }, find) => {
    let effect = false;
    for (const part of parts) {
      for (const row of rowsOf(part.pictures, find)) {
        if (state.at[row] !== cluster) continue;
        state.at[row] = part.cluster;
        effect = true;
      }
    }
    return effect;
  },
  aside: (state, { pictures }, find) => {
    const rows = rowsOf(pictures, find);
    for (const row of rows) state.aside.add(row);
    return rows.length > 0;
  },
  restore: (state, { pictures }, find) => {
    const rows = rowsOf(pictures, find);
    for (const row of rows) state.aside.delete(row);
    return rows.length > 0;
  },
  // What a training alone heeds.
  together: related(2),
  apart: related(2),
  not: related(1),
};

// Applies actions, one after the other. Gives `at` (the cluster of each row, also of one that is set aside), `aside`
// (rows), `names` (by number), `moved` (the rows that a person placed) and `left` (how many actions had no effect).
export const replay = (raw, actions, find = finder(raw)) => {
  const state = { at: raw.cluster.slice(), aside: new Set(), names: new Map(), moved: new Set(), left: 0 };
  for (const action of actions) if (!MEANINGS[action.do]?.(state, action, find)) state.left += 1;
  return state;
};
