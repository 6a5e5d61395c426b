// The bar at the foot of the window: how many pictures are selected, and what can be done with them.

import { chooseFor } from "./choose.js";
import { asideOrBack, moveToNew, noteApart, noteTogether } from "./commands.js";
import { numberOf } from "./edits.js";
import { $ } from "./elements.js";
import { clearSelection, selection } from "./selection.js";
import { pieces } from "./text.js";

const DONE = {
  move: chooseFor,
  new: (rows) => moveToNew(rows, ""),
  aside: asideOrBack,
  together: noteTogether,
  apart: noteApart,
  none: clearSelection,
};

export const showPicked = () => {
  const rows = [...selection];
  $("picked").hidden = !rows.length;
  document.body.classList.toggle("picking", rows.length > 0);
  $("picked-count").textContent = `${pieces(rows.length)} selected`;
  const away = rows.every((row) => numberOf(row) === null);
  $("pick-aside").firstChild.textContent = away ? "Bring back " : "Set aside ";
  for (const what of ["together", "apart"]) $(`pick-${what}`).disabled = rows.length < 2;
  $("side-new").setAttribute("aria-disabled", !rows.length);
};

export const listenToPicked = () => {
  for (const [what, press] of Object.entries(DONE)) {
    $(`pick-${what}`).addEventListener("click", () => press([...selection]));
  }
  $("side-new").addEventListener("click", () => moveToNew([...selection], ""));
};
