// Splitting a cluster: a dialog with the proposed parts, where each picture can be put into another one.

import { small } from "./cards.js";
import { splitInto } from "./commands.js";
import { data, fileName, pictures } from "./data.js";
import { members } from "./edits.js";
import { $, make } from "./elements.js";
import { LONGEST_NAME, nameOf } from "./names.js";
import { ordered } from "./orders.js";
import { partsOf } from "./parts.js";
import { number, pieces } from "./text.js";
import { tell } from "./toast.js";

const MOST_FACES = 48; // Pictures of a part that are shown.

// The cluster that is to be split, and the rows of its parts.
let splitting = null;
let proposed = [];

const names = () => [...$("split-parts").querySelectorAll("input")].map((field) => field.value.trim());

const putOn = (row, from) => {
  proposed[from] = proposed[from].filter((one) => one !== row);
  proposed[(from + 1) % proposed.length].push(row);
  drawParts();
};

const faceOf = (row, part) => {
  const button = make("button", "", pictures ? undefined : fileName(row));
  if (pictures) button.append(small(row));
  button.title = `${data.paths[row]}: to the next part`;
  button.setAttribute("aria-label", button.title);
  button.addEventListener("click", () => putOn(row, part));
  return button;
};

const drawParts = () => {
  const typed = names();
  const sections = proposed.map((rows, part) => {
    const section = make("section");
    const field = make("input");
    field.placeholder = `Name of part ${part + 1}`;
    field.setAttribute("aria-label", field.placeholder);
    field.maxLength = LONGEST_NAME;
    field.value = typed[part] ?? "";
    const strip = make("div", "strip");
    strip.append(
      ...ordered(rows, "typical")
        .slice(0, MOST_FACES)
        .map((row) => faceOf(row, part)),
    );
    if (rows.length > MOST_FACES) strip.append(make("span", "soft", `and ${number(rows.length - MOST_FACES)} more`));
    section.append(field, make("span", "soft", pieces(rows.length)), strip);
    return section;
  });
  $("split-parts").replaceChildren(...sections);
  $("split-do").disabled = proposed.filter((rows) => rows.length).length < 2;
};

// Shows how a cluster would be split into these lists of rows.
export const proposeSplit = (cluster, parts) => {
  splitting = cluster;
  proposed = parts.map((rows) => rows.slice());
  $("split-parts").replaceChildren();
  $("split-title").textContent = `Split ${nameOf(cluster)}`;
  $("split-two").setAttribute("aria-pressed", parts.length === 2);
  $("split-three").setAttribute("aria-pressed", parts.length === 3);
  drawParts();
  if (!$("split").open) $("split").showModal();
};

// Proposes two parts, or three.
export const previewSplit = (cluster, wanted = 2) => {
  if (members[cluster].length < wanted) tell(`${nameOf(cluster)} has ${pieces(members[cluster].length)} alone.`);
  else proposeSplit(cluster, partsOf(members[cluster], wanted, data));
};

export const listenToSplit = () => {
  $("split-two").addEventListener("click", () => previewSplit(splitting, 2));
  $("split-three").addEventListener("click", () => previewSplit(splitting, 3));
  $("split-do").addEventListener("click", () => {
    const typed = names();
    $("split").close();
    splitInto(splitting, proposed, typed);
  });
};
