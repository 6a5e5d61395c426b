// The list of the clusters at the side; on a phone a drawer. Clusters are ticked here to be merged.

import { small } from "./cards.js";
import { mergeInto } from "./commands.js";
import { pictures } from "./data.js";
import { aside, bySize, givenName, members } from "./edits.js";
import { $, make } from "./elements.js";
import { arrange } from "./lists.js";
import { nameOf } from "./names.js";
import { mostTypical } from "./orders.js";
import { swatch } from "./swatch.js";
import { folded, number } from "./text.js";
import { shownCluster } from "./views.js";

const ticked = new Set();
const entries = new Map();

const newEntry = (cluster) => {
  const entry = make("div", "entry");
  entry.dataset.number = cluster;
  entry.draggable = true;
  entry.setAttribute("role", "option");
  const name = make("b");
  const size = make("span", "soft");
  const stands = make("span", "face");
  entry.append(make("i", "tick"), stands, swatch(cluster), name, size);
  let shown = null;
  entry.fill = () => {
    const row = mostTypical(members[cluster]);
    if (pictures && row !== shown) stands.replaceChildren(small(row));
    shown = row;
    name.textContent = nameOf(cluster);
    size.textContent = number(members[cluster].length);
    entry.title = nameOf(cluster);
    entry.setAttribute("aria-selected", ticked.has(cluster));
    if (cluster === shownCluster()) entry.setAttribute("aria-current", "page");
    else entry.removeAttribute("aria-current");
  };
  return entry;
};

const numbersShown = () => {
  const words = folded($("side-find").value.trim());
  return bySize.filter((cluster) => folded(nameOf(cluster)).includes(words));
};

// The one entry that Tab reaches.
const makeReachable = (entry) => {
  for (const other of $("side-list").children) other.tabIndex = other === entry ? 0 : -1;
};

export const drawSide = () => {
  for (const cluster of ticked) if (!members[cluster]) ticked.delete(cluster);
  const shown = numbersShown().map((cluster) => {
    if (!entries.has(cluster)) entries.set(cluster, newEntry(cluster));
    const entry = entries.get(cluster);
    entry.fill();
    return entry;
  });
  arrange($("side-list"), shown);
  makeReachable(shown.find((entry) => entry.tabIndex === 0) ?? shown[0]);
  $("side-none").hidden = shown.length > 0;
  $("side-merge").hidden = ticked.size < 2;
  $("merge").textContent = `Merge ${number(ticked.size)} clusters`;
  $("aside-size").textContent = number(aside.length);
  if (location.hash === "#aside") $("to-aside").setAttribute("aria-current", "page");
  else $("to-aside").removeAttribute("aria-current");
};

export const openDrawer = () => {
  document.body.classList.add("drawer");
  $("side-find").focus();
};

export const closeDrawer = () => {
  if (!document.body.classList.contains("drawer")) return false;
  document.body.classList.remove("drawer");
  $("to-side").focus();
  return true;
};

const tick = (cluster) => {
  if (!ticked.delete(cluster)) ticked.add(cluster);
  drawSide();
};

// The name of one of them lasts: of those with a name, or else of all, the largest.
const mergeTicked = () => {
  if (ticked.size < 2) return;
  const numbers = [...ticked].sort((a, b) => members[b].length - members[a].length || a - b);
  const into = numbers.find(givenName) ?? numbers[0];
  ticked.clear();
  mergeInto(numbers, into);
};

const go = (cluster) => {
  $("find").value = "";
  $("side-find").value = "";
  document.body.classList.remove("drawer");
  location.hash = `cluster-${cluster}`;
};

const pressEntry = (event) => {
  const entry = event.target.closest(".entry");
  if (!entry) return;
  makeReachable(entry);
  const cluster = Number(entry.dataset.number);
  if (event.target.closest(".tick") || event.ctrlKey || event.metaKey) tick(cluster);
  else go(cluster);
};

const keyOnEntry = (event) => {
  const entry = event.target.closest(".entry");
  if (!entry || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = [...$("side-list").children];
  const at = all.indexOf(entry);
  const cluster = Number(entry.dataset.number);
  const ways = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
  if (event.key in ways) {
    const next = all[ways[event.key]];
    if (next) makeReachable(next);
    next?.focus();
  } else if (event.key === "Enter") go(cluster);
  else if (event.key === " " || event.key === "x") tick(cluster);
  else if (event.key === "m") mergeTicked();
  else return;
  event.preventDefault();
  event.stopPropagation();
};

export const listenToSide = () => {
  $("side-list").addEventListener("click", pressEntry);
  $("side-list").addEventListener("keydown", keyOnEntry);
  $("side-find").addEventListener("input", drawSide);
  $("side-find").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "Enter") return;
    event.preventDefault();
    $("side-list").firstChild?.focus();
  });
  $("merge").addEventListener("click", mergeTicked);
  $("merge-none").addEventListener("click", () => {
    ticked.clear();
    drawSide();
  });
  $("to-side").addEventListener("click", openDrawer);
  $("side-close").addEventListener("click", closeDrawer);
  $("veil").addEventListener("click", closeDrawer);
};
