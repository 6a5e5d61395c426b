// Long lists are drawn in parts, the next when the end of the page comes near.

import { $ } from "./elements.js";

const NOTHING = { items: [], drawn: 0, step: 1, place: null, element: null };
let list = NOTHING;

const more = () => {
  if (!list.place || list.drawn >= list.items.length) return;
  const part = document.createDocumentFragment();
  const next = list.items.slice(list.drawn, list.drawn + list.step);
  for (const item of next) part.append(list.element(item));
  list.drawn += next.length;
  list.place.append(part);
  // A page that is not full yet gets the next part at once.
  if ($("end").getBoundingClientRect().top < innerHeight) requestAnimationFrame(more);
};

// Draws `items` into `place`, `step` at a time, each as what `element` makes of it; the list before is given up.
export const drawList = (items, step, place, element) => {
  list = { items, drawn: 0, step, place, element };
  more();
};

export const endList = () => {
  list = NOTHING;
};

export const watchEnd = () => {
  const watch = (entries) => {
    if (entries.some((entry) => entry.isIntersecting)) more();
  };
  new IntersectionObserver(watch, { rootMargin: "800px" }).observe($("end"));
};
