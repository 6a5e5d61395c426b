// Cards: a picture with its name, alone, in a grid, or in a band of one line. What is done with them is in picking.js.

import { data, fileName, pictures, thumbnail } from "./data.js";
import { $, make } from "./elements.js";
import { arrange, drawList, renewList } from "./lists.js";
import { selection } from "./selection.js";
import { percent } from "./text.js";

export const small = (row) => {
  const picture = make("img");
  picture.loading = "lazy";
  picture.decoding = "async";
  picture.alt = "";
  picture.draggable = false; // Its card is.
  picture.src = thumbnail(row);
  picture.row = row;
  return picture;
};

// Shows thumbnails that came after their cards.
export const renewSmall = () => {
  for (const picture of document.images) {
    if (picture.row === undefined) continue;
    const address = thumbnail(picture.row);
    if (picture.getAttribute("src") !== address) picture.src = address;
  }
};

const markCard = (element) => {
  element.setAttribute("aria-selected", selection.has(element.row));
};

export const card = (row) => {
  const element = make("div", "card");
  element.row = row;
  element.tabIndex = 0;
  element.draggable = true;
  element.setAttribute("role", "option");
  if (pictures) element.append(small(row));
  const line = make("span");
  line.append(make("b", "", fileName(row)));
  if (data.confidence[row] < 0.995) line.append(make("i", "soft", percent(data.confidence[row])));
  element.append(line, make("i", "tick"));
  element.title = data.paths[row];
  markCard(element);
  return element;
};

// Shows on all cards what is selected.
export const markCards = () => {
  for (const element of document.querySelectorAll(".card")) markCard(element);
};

const listbox = (rows) => {
  const cards = make("div", "cards");
  cards.rows = rows; // What the enlarged picture leads through, and a range goes over.
  cards.setAttribute("role", "listbox");
  cards.setAttribute("aria-multiselectable", "true");
  cards.setAttribute("aria-label", "Pictures");
  return cards;
};

// A grid of all rows; the function that it gives shows others in it.
export const grid = (rows, place = $("view")) => {
  const cards = listbox(rows);
  place.append(cards);
  drawList(rows, 200, cards, card);
  return (others) => {
    cards.rows = others;
    renewList(others);
  };
};

// How many cards fit in a line, and how many did when the bands were drawn.
export const fit = () => {
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  return Math.max(1, Math.floor(($("view").clientWidth + 0.6 * rem) / ((Number($("size").value) + 0.6) * rem)));
};
export let fitting = 0;
export const measure = () => {
  fitting = fit();
};

// A band is one line of cards: as many as fit, so that none is there that cannot be seen. For another width `refit` adds
// or takes away cards, for other rows `show` changes them, and all else of the page stays, with the focus and what was
// typed.
export const band = (head, rows) => {
  const section = make("section", "row");
  const cards = listbox(rows);
  section.append(head, cards);
  section.refit = (most = fitting) => {
    const held = cards.contains(document.activeElement);
    while (cards.childElementCount > most) cards.lastChild.remove();
    if (held && !cards.contains(document.activeElement)) cards.lastChild.focus();
    cards.append(...cards.rows.slice(cards.childElementCount, most).map(card));
  };
  section.show = (others) => {
    const made = new Map([...cards.children].map((element) => [element.row, element]));
    cards.rows = others;
    arrange(
      cards,
      others.slice(0, fitting).map((row) => made.get(row) ?? card(row)),
    );
  };
  section.refit();
  return section;
};
