// Selecting pictures on their cards: by the tick, with Shift or Ctrl, and by the keys.

import { enlarge } from "./enlarged.js";
import { extend, selection, startFrom, toggle } from "./selection.js";

const cardOf = (element) => element.closest?.(".card") ?? null;

const listOf = (element) => element.parentElement.rows;

const openCard = (element) => enlarge(listOf(element), listOf(element).indexOf(element.row));

// Where nothing can be held down, a touch selects once a selection has begun.
const touched = () => selection.size > 0 && matchMedia("(pointer: coarse)").matches;

const pressCard = (event) => {
  const element = cardOf(event.target);
  if (!element) return;
  if (event.shiftKey) extend(listOf(element), element.row);
  else if (event.ctrlKey || event.metaKey || event.target.closest(".tick") || touched()) toggle(element.row);
  else openCard(element);
};

// The card beside another one, by the key of an arrow; up and down lead to the nearest in the next line.
const beside = (element, key) => {
  const all = [...document.querySelectorAll("#view .card")];
  const at = all.indexOf(element);
  if (key === "ArrowLeft") return all[at - 1];
  if (key === "ArrowRight") return all[at + 1];
  const down = key === "ArrowDown";
  const frame = element.getBoundingClientRect();
  let best;
  let least = [Number.POSITIVE_INFINITY, 0];
  for (const other of down ? all.slice(at + 1) : all.slice(0, at).reverse()) {
    const { left, top } = other.getBoundingClientRect();
    const far = Math.abs(top - frame.top);
    if (far < 1) continue;
    if (far > least[0] + 1) break;
    const aside = Math.abs(left - frame.left);
    if (far < least[0] - 1 || aside < least[1]) {
      least = [far, aside];
      best = other;
    }
  }
  return best;
};

const keyOnCard = (event) => {
  const element = cardOf(event.target);
  if (!element || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter") openCard(element);
  else if (event.key === " " || event.key === "x") toggle(element.row);
  else if (event.key.startsWith("Arrow")) {
    const next = beside(element, event.key);
    if (next && event.shiftKey) {
      startFrom(element.row);
      extend(listOf(element), element.row);
      extend(listOf(next), next.row);
    }
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  } else return;
  event.preventDefault();
};

export const listenToCards = (place) => {
  place.addEventListener("click", pressCard);
  place.addEventListener("keydown", keyOnCard);
};
