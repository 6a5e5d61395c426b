// Near-duplicates: the pictures that are nearly the same as another, a band for each group.

import { band, fitting } from "./cards.js";
import { data, fileName, groups, sizeOf } from "./data.js";
import { numberOf } from "./edits.js";
import { $, make, say } from "./elements.js";
import { drawList } from "./lists.js";
import { nameOf } from "./names.js";
import { bytes, number, pieces } from "./text.js";

// The best of a group, whose rows stand from the best to the worst, with its size.
const best = ([row]) => {
  const [width, height] = sizeOf(row);
  return `best: ${fileName(row)}, ${number(width)} × ${number(height)}, ${bytes(data.bytes[row])}`;
};

const copiesBand = (group) => {
  const known = group.every((row) => row in data.ranks);
  const rows = known ? group.slice().sort((a, b) => data.ranks[a] - data.ranks[b]) : group;
  const head = make("div", "head");
  const where = [...new Set(rows.map((row) => nameOf(numberOf(row))))];
  head.append(make("h2", "", `${number(rows.length)} nearly the same`), make("span", "soft", where.join(", ")));
  if (known) head.append(make("span", "soft", best(rows)));
  const section = band(head, rows);
  const refit = section.refit;
  const button = make("button", "plain", "Show all");
  let whole = false;
  section.refit = () => {
    const shown = section.lastChild.childElementCount;
    const held = document.activeElement === button;
    refit(whole ? rows.length : fitting);
    button.hidden = whole || rows.length <= fitting;
    if (held && button.hidden) section.lastChild.children[shown].focus(); // The first picture that was not there.
  };
  button.addEventListener("click", () => {
    whole = true;
    section.refit();
  });
  head.append(button);
  section.refit();
  return section;
};

export const drawCopies = () => {
  const total = groups.reduce((sum, rows) => sum + rows.length, 0);
  say(`${pieces(total)} in ${number(groups.length)} groups are nearly the same as another.`);
  drawList(groups, 40, $("view"), copiesBand);
};
