// What people call the clusters: it stays in this browser, for this clustering alone.

import { data } from "./data.js";

let names = {};
const key = () => `pipeline-names-${data.run}`;

export const loadNames = () => {
  try {
    names = JSON.parse(localStorage.getItem(key())) || {};
  } catch {
    // Storage is off: names last as long as the page.
  }
};

// An empty name gives the cluster its number back.
export const rename = (cluster, text) => {
  if (text.trim()) names[cluster] = text.trim();
  else delete names[cluster];
  try {
    localStorage.setItem(key(), JSON.stringify(names));
  } catch {
    // As above.
  }
};

export const nameOf = (cluster) => names[cluster] || `Cluster ${cluster}`;
