// What the clusters are called, and the names that the page kept in the browser before there was edits.json.

import { data } from "./data.js";
import { act, givenName, members } from "./edits.js";

// As pipeline/collection/edits.py wants it.
export const LONGEST_NAME = 200;

const plainName = (number) => `Cluster ${number}`;

export const nameOf = (number) => (number === null ? "Set aside" : givenName(number) || plainName(number));

// Whether a text is a name; the number, written out, is none.
export const asName = (number, text) => (text.trim() === plainName(number) ? "" : text.trim());

// Names of this very run, from an older page, become changes once.
export const takeOldNames = () => {
  const key = `pipeline-names-${data.run}`;
  try {
    const names = Object.entries(JSON.parse(localStorage.getItem(key)) ?? {});
    const actions = names.map(([number, name]) => ({
      do: "name",
      cluster: Number(number),
      name: String(name).slice(0, LONGEST_NAME),
    }));
    const wanted = actions.filter(({ cluster }) => members[cluster] && !givenName(cluster));
    if (wanted.length) act(...wanted);
    localStorage.removeItem(key);
  } catch {
    // Storage is off, or holds what no page wrote.
  }
};
