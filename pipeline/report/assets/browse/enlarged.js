// The enlarged picture beside the most similar ones: a dialog that leads through the list it was opened from.

import { small } from "./cards.js";
import { moveTo } from "./commands.js";
import { data, fileName, originals, pictures, sizeOf, thumbnail } from "./data.js";
import { numberOf, wasMoved } from "./edits.js";
import { $, make } from "./elements.js";
import { nameOf } from "./names.js";
import { selection } from "./selection.js";
import { swatch } from "./swatch.js";
import { bytes, number, percent } from "./text.js";
import { tell } from "./toast.js";

let opened = [];
let at = 0;

// The picture that is shown; undefined: the dialog is closed.
export const enlargedRow = () => ($("large").open ? opened[at] : undefined);

// Where it is, by whom, and what the method thought of it.
const describe = () => {
  const row = opened[at];
  const here = numberOf(row);
  const place = make("b", "", nameOf(here));
  const own = wasMoved(row) ? `, placed by you; the run says ${nameOf(data.cluster[row])}` : "";
  const clear = `clear-cut ${percent(data.confidence[row])}${own}`;
  $("large-about").replaceChildren(swatch(here), place, make("span", "soft", clear));
  const second = data.second[row];
  $("large-second").hidden = second === here || data.second_confidence[row] < 0.01;
  $("large-second").textContent =
    `Move to ${nameOf(second)}, the second choice (${percent(data.second_confidence[row])})`;
  $("large-tick").textContent = selection.has(row) ? "Take out of the selection" : "Select";
  $("large-aside").textContent = here === null ? "Bring back" : "Set aside";
  $("large-tick").setAttribute("aria-pressed", selection.has(row));
};

// Pixels, bytes and date, as far as they are known; the width and height as the browser found them.
const measureOf = (row, width, height) => {
  const [wide = width, high = height] = sizeOf(row);
  const facts = wide ? [`${number(wide)} × ${number(high)} pixels`] : [];
  if (data.bytes[row]) facts.push(bytes(data.bytes[row]));
  if (data.dates[row]) facts.push(`taken ${data.dates[row]}`);
  $("large-facts").textContent = facts.join(", ");
};

const showPicture = (row) => {
  const picture = $("large-picture");
  const link = $("large-original");
  const places = originals(row);
  let original = true;
  picture.hidden = !pictures;
  $("large-gone").hidden = true;
  link.hidden = !pictures;
  measureOf(row);
  if (!pictures) return;
  // The link leads there before the picture has come: no press is lost, and none opens the picture before this one.
  const look = (place) => {
    picture.src = place;
    link.href = picture.src;
  };
  picture.onload = () => {
    if (original) measureOf(row, picture.naturalWidth, picture.naturalHeight);
  };
  picture.onerror = () => {
    original = places.length > 0;
    link.hidden = !original;
    $("large-gone").hidden = original;
    if (!original) picture.onerror = null;
    look(places.shift() ?? thumbnail(row));
  };
  look(places.shift());
  picture.alt = fileName(row);
};

// Shows the picture at a place of a list of rows.
export const enlarge = (rows, place) => {
  opened = rows;
  at = place;
  const row = opened[at];
  showPicture(row);
  $("large-path").textContent = data.paths[row];
  $("before").setAttribute("aria-disabled", at === 0);
  $("after").setAttribute("aria-disabled", at === opened.length - 1);
  $("near").replaceChildren(...data.near[row].map((other, neighbour) => nearButton(row, other, neighbour)));
  describe();
  const dialog = $("large");
  const pressed = dialog.open && dialog.contains(document.activeElement); // Its button is there still.
  if (!dialog.open) dialog.showModal();
  if (!pressed) dialog.focus();
};

const nearButton = (row, other, neighbour) => {
  const button = make("button", "", pictures ? undefined : fileName(other));
  if (pictures) button.append(small(other));
  const where = make("span", "soft", nameOf(numberOf(other)));
  where.prepend(swatch(numberOf(other)));
  button.append(where);
  button.title = data.paths[other];
  button.setAttribute("aria-label", `${data.paths[other]}, ${nameOf(numberOf(other))}`);
  button.addEventListener("click", () => enlarge([row, ...data.near[row]], neighbour + 1));
  return button;
};

const step = (by) => {
  if (opened[at + by] !== undefined) enlarge(opened, at + by);
};

// After a change, or a tick.
export const renewEnlarged = () => {
  if (!$("large").open) return;
  describe();
  const near = data.near[opened[at]];
  [...$("near").children].forEach((button, neighbour) => {
    const where = numberOf(near[neighbour]);
    button.lastChild.replaceChildren(swatch(where), nameOf(where));
  });
};

// The whole path where it was clustered, for a file manager or a shell.
export const copyPath = async () => {
  const path = pictures ? `${data.root}/${data.paths[opened[at]]}` : data.paths[opened[at]];
  try {
    await navigator.clipboard.writeText(path);
    tell(`Copied: ${path}`);
  } catch {
    tell(path); // No clipboard here: the path can be selected in this line.
  }
};

export const listenToDialog = () => {
  const dialog = $("large");
  $("large-gone").textContent =
    `This is the thumbnail: the picture is not in ${data.root} any more. Where the pictures are now, ` +
    "run pipeline cluster THAT_FOLDER --out THIS_RESULT; what is the same is not computed again.";
  $("before").addEventListener("click", () => step(-1));
  $("after").addEventListener("click", () => step(1));
  $("close").addEventListener("click", () => dialog.close());
  $("large-copy").addEventListener("click", copyPath);
  $("large-second").addEventListener("click", () => moveTo([opened[at]], data.second[opened[at]]));
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
};
