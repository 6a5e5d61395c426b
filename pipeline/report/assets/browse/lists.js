// Long lists are drawn in parts, the next when the end of the page comes near.

import { $ } from "./elements.js";

const NOTHING = { items: [], elements: [], step: 1, place: null, element: null };
let list = NOTHING;

const more = () => {
  const { items, elements, step, place } = list;
  if (!place || elements.length >= items.length) return;
  const next = items.slice(elements.length, elements.length + step).map(list.element);
  elements.push(...next);
  place.append(...next);
  // A page that is not full yet gets the next part at once.
  if ($("end").getBoundingClientRect().top < innerHeight) requestAnimationFrame(more);
};

// Draws `items` into `place`, `step` at a time, each as what `element` makes of it; the list before is given up.
export const drawList = (items, step, place, element) => {
  list = { items, elements: [], step, place, element: (item) => element(item) };
  more();
};

export const endList = () => {
  list = NOTHING;
};

// Makes these elements the children of `place`. Those that are there stay, and so does the focus: where its element is
// gone, the next one that stays gets it, or the last.
export const arrange = (place, elements) => {
  const focused = document.activeElement;
  const children = [...place.children];
  const wanted = new Set(elements);
  const at = children.findIndex((child) => child.contains(focused));
  const next = children.slice(Math.max(0, at)).find((child) => wanted.has(child)) ?? elements.at(-1);
  for (const child of children) if (!wanted.has(child)) child.remove();
  if (elements.some((element, index) => place.children[index] !== element)) place.replaceChildren(...elements);
  if (at < 0 || document.activeElement === focused) return;
  (place.contains(focused) ? focused : next)?.focus({ preventScroll: true });
};

// Shows other items in the list that is drawn, as many as before; what stays is asked to `renew` itself.
export const renewList = (items) => {
  const made = new Map(list.elements.map((element, at) => [list.items[at], element]));
  list.items = items;
  list.elements = items.slice(0, Math.max(list.elements.length, list.step)).map((item) => {
    const element = made.get(item);
    element?.renew?.();
    return element ?? list.element(item);
  });
  arrange(list.place, list.elements);
  more();
};

export const watchEnd = () => {
  const watch = (entries) => {
    if (entries.some((entry) => entry.isIntersecting)) more();
  };
  new IntersectionObserver(watch, { rootMargin: "800px" }).observe($("end"));
};
