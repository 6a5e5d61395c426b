// The enlarged picture: a dialog that leads through the list it was opened from, and to the most similar pictures.

import { data, fileName, originals, pictures, thumbnail } from "./data.js";
import { $, make } from "./elements.js";
import { nameOf } from "./names.js";
import { percent } from "./text.js";

let opened = [];
let at = 0;

// Shows the picture at a place of a list of rows.
export const enlarge = (rows, place) => {
  opened = rows;
  at = place;
  const row = opened[at];
  const picture = $("large-picture");
  picture.hidden = !pictures;
  const places = originals(row);
  picture.onerror = () => {
    if (!places.length) picture.onerror = null;
    $("large-gone").hidden = places.length > 0;
    picture.src = places.shift() ?? thumbnail(row);
  };
  $("large-gone").hidden = true;
  if (pictures) picture.src = places.shift();
  picture.alt = fileName(row);
  $("large-path").textContent = data.paths[row];
  const first = `${nameOf(data.cluster[row])}, ${percent(data.confidence[row])}`;
  const second = `${nameOf(data.second[row])}, ${percent(data.second_confidence[row])}`;
  $("large-about").textContent = `${first}; second choice: ${second}`;
  $("before").setAttribute("aria-disabled", at === 0);
  $("after").setAttribute("aria-disabled", at === opened.length - 1);
  const near = data.near[row].map((other, neighbour) => nearButton(row, other, neighbour));
  $("near").replaceChildren(make("span", "soft", "Most similar"), ...near);
  if (!$("large").open) $("large").showModal();
};

const nearButton = (row, other, neighbour) => {
  const button = make("button", "", pictures ? undefined : fileName(other));
  if (pictures) {
    const small = make("img");
    small.alt = "";
    small.src = thumbnail(other);
    button.append(small);
  }
  button.title = data.paths[other];
  button.setAttribute("aria-label", data.paths[other]);
  button.addEventListener("click", () => {
    enlarge([row, ...data.near[row]], neighbour + 1);
    $("large").focus(); // The button that was pressed is gone.
  });
  return button;
};

const step = (by) => {
  if (opened[at + by] !== undefined) enlarge(opened, at + by);
};

export const listenToDialog = () => {
  const dialog = $("large");
  $("large-gone").textContent =
    `This is the thumbnail: the picture is not in ${data.root} any more. Where the pictures are now, ` +
    "run pipeline cluster THAT_FOLDER --out THIS_RESULT; what is the same is not computed again.";
  $("before").addEventListener("click", () => step(-1));
  $("after").addEventListener("click", () => step(1));
  $("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
};
