// The keys that hold on the whole page. Those of a card are in picking.js, those of the list in side.js.

import { chooseFor, chooseMerge } from "./choose.js";
import { asideOrBack, moveToNew, noteApart, noteTogether, redoNext, undoLast } from "./commands.js";
import { numberOf } from "./edits.js";
import { $ } from "./elements.js";
import { copyPath, enlargedRow } from "./enlarged.js";
import { clearSelection, selection, toggle, toggleAll } from "./selection.js";
import { closeDrawer, openDrawer } from "./side.js";
import { previewSplit } from "./split.js";
import { shownCluster } from "./views.js";

// The pictures that are meant: the enlarged one, the selected ones, or the one that has the focus.
export const meant = () => {
  const large = enlargedRow();
  if (large !== undefined) return [large];
  if (selection.size) return [...selection];
  const row = document.activeElement.closest(".card")?.row;
  return row === undefined ? [] : [row];
};

// The cluster that is meant: the one that is shown, or that of the band or picture that has the focus.
const meantCluster = () => {
  const large = enlargedRow();
  if (large !== undefined) return numberOf(large);
  const band = document.activeElement.closest(".row[data-number]");
  return shownCluster() ?? (band ? Number(band.dataset.number) : null);
};

const withPictures = (command) => () => {
  const rows = meant();
  if (rows.length) command(rows);
};

const withCluster = (command) => () => {
  const cluster = meantCluster();
  if (cluster !== null) command(cluster);
};

const startRenaming = (cluster) => {
  $(`name-${cluster}`)?.focus();
  $(`name-${cluster}`)?.select();
};

// `large`: also in the dialog of the enlarged picture.
const KEYS = {
  m: { press: withPictures(chooseFor), large: true },
  n: { press: withPictures((rows) => moveToNew(rows, "")), large: true },
  a: { press: withPictures(asideOrBack), large: true },
  Delete: { press: withPictures(asideOrBack), large: true },
  t: { press: withPictures(noteTogether) },
  d: { press: withPictures(noteApart) },
  x: { press: () => enlargedRow() !== undefined && toggle(enlargedRow()), large: true },
  y: { press: () => enlargedRow() !== undefined && copyPath(), large: true },
  o: { press: () => enlargedRow() !== undefined && $("large-original").click(), large: true },
  s: { press: withCluster(previewSplit) },
  j: { press: withCluster(chooseMerge) },
  r: { press: withCluster(startRenaming) },
  F2: { press: withCluster(startRenaming) },
  c: { press: () => (matchMedia("(width < 52rem)").matches ? openDrawer() : $("side-find").focus()) },
  "/": { press: () => $("find").focus() },
  "?": { press: () => $("help").showModal(), large: true },
  Escape: { press: () => closeDrawer() || clearSelection() },
};

// All pictures of what is shown: of the list that has the focus, or of the only one.
const selectAll = () => {
  const lists = [...document.querySelectorAll("#view .cards")];
  const focused = document.activeElement.closest(".row")?.querySelector(".cards");
  const list = focused ?? (lists.length === 1 ? lists[0] : undefined);
  if (list) toggleAll(list.rows);
  return list !== undefined;
};

const withControl = (event) => {
  const key = event.key.toLowerCase();
  if (key === "z" && !event.shiftKey) undoLast();
  else if (key === "z" || key === "y") redoNext();
  else if (key === "a" && enlargedRow() === undefined) return selectAll();
  else return false;
  return true;
};

const typing = (element) => element.matches?.("input, select, textarea") ?? false;

export const listenToKeyboard = () => {
  document.addEventListener("keydown", (event) => {
    const open = document.querySelector("dialog[open]:not(#large)");
    if (event.defaultPrevented || event.altKey || open) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey) {
      if (withControl(event)) event.preventDefault();
      return;
    }
    const key = KEYS[event.key];
    if (!key || (enlargedRow() !== undefined && !key.large)) return;
    event.preventDefault();
    key.press();
  });
};

export const listenToLarge = () => {
  const press = (id, command) => $(id).addEventListener("click", () => command(meant()));
  press("large-move", chooseFor);
  press("large-aside", asideOrBack);
  press("large-tick", ([row]) => toggle(row));
};
