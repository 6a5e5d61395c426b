// Changes in words.

import { nameOf } from "./names.js";
import { pieces } from "./text.js";

const namesOf = (numbers) => numbers.map(nameOf).join(", ");

const WORDS = {
  name: ({ cluster, name }) =>
    name ? `Named cluster ${cluster} “${name}”` : `Took the name of cluster ${cluster} off`,
  move: ({ pictures, to }) => `Moved ${pieces(pictures.length)} to ${nameOf(to)}`,
  merge: ({ clusters, into }) => `Merged ${namesOf(clusters.filter((number) => number !== into))} into ${nameOf(into)}`,
  split: ({ cluster, parts }) => `Split ${nameOf(cluster)} into ${parts.length + 1}`,
  aside: ({ pictures }) => `Set ${pieces(pictures.length)} aside`,
  restore: ({ pictures }) => `Brought ${pieces(pictures.length)} back`,
  together: ({ pictures }) => `Noted that ${pieces(pictures.length)} belong together`,
  apart: ({ pictures }) => `Noted that ${pieces(pictures.length)} do not belong together`,
  not: ({ pictures, clusters }) =>
    `Noted that ${pieces(pictures.length)} ${pictures.length === 1 ? "is" : "are"} in none of ${namesOf(clusters)}`,
};

const told = (action) => WORDS[action.do]?.(action) ?? action.do;

// A step in words; what is done with a move or a split, such as the new cluster's name, goes without saying.
export const toldStep = (step) => {
  const main = step.find((action) => ["move", "split", "merge"].includes(action.do)) ?? step[0];
  const others = main.do === "name" ? step.length - 1 : 0;
  return told(main) + (others ? `, and ${others} more` : "");
};
