// Dragging pictures onto a cluster, and clusters of the list onto each other.

import { asideOrBack, mergeInto, moveTo, moveToNew } from "./commands.js";
import { $ } from "./elements.js";
import { selection } from "./selection.js";
import { pieces } from "./text.js";

// What is dragged: `rows`, or a `cluster`.
let dragged = null;

// Shows beside the pointer how much is dragged.
const showLoad = (event, text) => {
  const load = $("load");
  load.textContent = text;
  event.dataTransfer.setDragImage(load, -8, -8);
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", text); // Firefox drags nothing that has no data.
};

const startDrag = (event) => {
  const card = event.target.closest?.(".card");
  const entry = event.target.closest?.(".entry[data-number]");
  if (card) {
    const rows = selection.has(card.row) ? [...selection] : [card.row];
    dragged = { rows };
    showLoad(event, pieces(rows.length));
  } else if (entry) {
    dragged = { cluster: Number(entry.dataset.number) };
    showLoad(event, entry.querySelector("b").textContent);
  }
  document.body.classList.toggle("dragging", dragged !== null);
};

// The place under the pointer that takes what is dragged: a cluster in the list or on the page, or a place beside them.
const target = (event) => {
  const place = event.target.closest?.("[data-number], [data-drop]");
  if (!place || !dragged) return null;
  if (dragged.rows) return place;
  const other = place.matches(".entry") && place.dataset.number !== undefined;
  return other && Number(place.dataset.number) !== dragged.cluster ? place : null;
};

const dragOver = (event) => {
  const place = target(event);
  for (const lit of document.querySelectorAll(".over")) if (lit !== place) lit.classList.remove("over");
  if (!place) return;
  event.preventDefault();
  place.classList.add("over");
};

const endDrag = () => {
  dragged = null;
  document.body.classList.remove("dragging");
  for (const lit of document.querySelectorAll(".over")) lit.classList.remove("over");
};

const dropped = (event) => {
  const place = target(event);
  const load = dragged;
  endDrag();
  if (!place) return;
  event.preventDefault();
  if (load.cluster !== undefined) mergeInto([load.cluster], Number(place.dataset.number));
  else if (place.dataset.drop === "new") moveToNew(load.rows, "");
  else if (place.dataset.drop === "aside") asideOrBack(load.rows);
  else moveTo(load.rows, Number(place.dataset.number));
};

export const listenToDragging = () => {
  document.addEventListener("dragstart", startDrag);
  document.addEventListener("dragover", dragOver);
  document.addEventListener("drop", dropped);
  document.addEventListener("dragend", endDrag);
};
