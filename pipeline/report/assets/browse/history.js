// The changes so far, the last one first: what each did and to which pictures.

import { small } from "./cards.js";
import { undoLast } from "./commands.js";
import { data, pictures, served } from "./data.js";
import { done, rowsOfAction } from "./edits.js";
import { $, make } from "./elements.js";
import { drawList } from "./lists.js";
import { number } from "./text.js";
import { toldStep } from "./told.js";

const MOST = 12;

const line = (step) => {
  const section = make("section", "change");
  section.append(make("p", "", `${toldStep(step)}.`));
  const rows = step.flatMap(rowsOfAction);
  const strip = make("div", "strip");
  if (pictures) strip.append(...rows.slice(0, MOST).map(small));
  else
    strip.append(
      make(
        "span",
        "soft",
        rows
          .slice(0, MOST)
          .map((row) => data.paths[row])
          .join(", "),
      ),
    );
  if (rows.length > MOST) strip.append(make("span", "soft", `and ${number(rows.length - MOST)} more`));
  if (rows.length) section.append(strip);
  return section;
};

export const drawHistory = () => {
  const steps = done().slice().reverse();
  const place = served ? "is in the folder of this result" : "belongs into the folder of this result";
  const about = steps.length
    ? `The last change comes first. All of them go into edits.json, which ${place}: there, every later run obeys it.`
    : "Nothing was changed yet. Names, moves, merges and splits stand here, and each can be undone.";
  $("view").append(make("h2", "", "Changes"), make("p", "soft", about));
  if (steps.length) {
    const button = make("button", "plain", "Undo the last one");
    button.addEventListener("click", undoLast);
    $("view").append(button);
  }
  const list = make("div");
  $("view").append(list);
  drawList(steps, 50, list, line);
};
