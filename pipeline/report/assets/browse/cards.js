// Cards: a picture with its name, alone, in a grid, or in a band of one line.

import { data, fileName, pictures, thumbnail } from "./data.js";
import { $, make } from "./elements.js";
import { enlarge } from "./enlarged.js";
import { drawList } from "./lists.js";
import { percent } from "./text.js";

// A card of a list of rows, which the enlarged picture leads through.
export const card = (row, rows) => {
  const button = make("button", "card");
  if (pictures) {
    const picture = make("img");
    picture.loading = "lazy";
    picture.decoding = "async";
    picture.alt = "";
    picture.src = thumbnail(row);
    button.append(picture);
  }
  const line = make("span");
  line.append(make("b", "", fileName(row)));
  if (data.confidence[row] < 0.995) line.append(make("i", "soft", percent(data.confidence[row])));
  button.append(line);
  button.title = data.paths[row];
  button.addEventListener("click", () => enlarge(rows, rows.indexOf(row)));
  return button;
};

export const grid = (rows, place = $("view")) => {
  const cards = make("div", "cards");
  place.append(cards);
  drawList(rows, 200, cards, (row) => card(row, rows));
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
// or takes away cards, and all else of the page stays, with the focus and what was typed.
export const band = (head, rows) => {
  const section = make("section", "row");
  const cards = make("div", "cards");
  section.append(head, cards);
  section.refit = (most = fitting) => {
    const held = cards.contains(document.activeElement);
    while (cards.childElementCount > most) cards.lastChild.remove();
    if (held && !cards.contains(document.activeElement)) cards.lastChild.focus();
    cards.append(...rows.slice(cards.childElementCount, most).map((row) => card(row, rows)));
  };
  section.refit();
  return section;
};
