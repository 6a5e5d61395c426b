// "Move to …": a dialog with the clusters, the likely ones first, narrowed by what is typed.

import { small } from "./cards.js";
import { mergeInto, moveTo, moveToNew } from "./commands.js";
import { data, pictures } from "./data.js";
import { bySize, members, numberOf } from "./edits.js";
import { $, make } from "./elements.js";
import { nameOf } from "./names.js";
import { mostTypical } from "./orders.js";
import { swatch } from "./swatch.js";
import { folded, number, pieces } from "./text.js";

// What is asked: `numbers` in their order, `take` what becomes of the chosen one, and `make` of a name that is none.
let asked = null;
let offers = [];
let active = 0;

// How well a cluster fits these pictures: as their second choice, and as that of their neighbours.
const fitness = (rows) => {
  const votes = new Map();
  const vote = (cluster, weight) => votes.set(cluster, (votes.get(cluster) ?? 0) + weight);
  for (const row of rows.slice(0, 200)) {
    vote(data.second[row], data.second_confidence[row]);
    for (const other of data.near[row]) vote(numberOf(other), 1 / data.near[row].length);
  }
  return (cluster) => votes.get(cluster) ?? 0;
};

const take = (offer) => {
  const { take: chosen, make: created } = asked;
  $("choose").close();
  if (offer?.number !== undefined) chosen(offer.number);
  else if (offer) created(offer.name);
};

const option = (offer, at) => {
  const line = make("div", "offer");
  line.id = `offer-${at}`;
  line.setAttribute("role", "option");
  if (offer.number === undefined) {
    line.append(make("b", "", offer.name ? `New cluster “${offer.name}”` : "New cluster"));
  } else {
    const rows = members[offer.number];
    const face = make("span", "face");
    if (pictures) face.append(small(mostTypical(rows)));
    line.append(face, swatch(offer.number), make("b", "", nameOf(offer.number)));
    line.append(make("span", "soft", number(rows.length)));
  }
  line.addEventListener("click", () => take(offer));
  return line;
};

const light = (at) => {
  active = Math.max(0, Math.min(offers.length - 1, at));
  [...$("choose-list").children].forEach((line, place) => {
    line.setAttribute("aria-selected", place === active);
    if (place === active) line.scrollIntoView({ block: "nearest" });
  });
  if (offers.length) $("choose-find").setAttribute("aria-activedescendant", `offer-${active}`);
};

const narrow = () => {
  const typed = $("choose-find").value.trim();
  const words = folded(typed);
  const found = asked.numbers.filter((one) => folded(nameOf(one)).includes(words));
  // A name that is typed in full comes first.
  found.sort((a, b) => (folded(nameOf(b)) === words) - (folded(nameOf(a)) === words));
  offers = found.map((one) => ({ number: one }));
  const known = found.length && folded(nameOf(found[0])) === words;
  if (asked.make && !known) offers.push({ name: typed });
  $("choose-list").replaceChildren(...offers.map(option));
  light(0);
};

const choose = (title, question) => {
  asked = question;
  $("choose-title").textContent = title;
  $("choose-find").value = "";
  narrow();
  $("choose").showModal();
};

export const chooseFor = (rows) => {
  if (!rows.length) return;
  const fits = fitness(rows);
  const others = bySize.filter((one) => rows.some((row) => numberOf(row) !== one));
  others.sort((a, b) => fits(b) - fits(a));
  const question = { numbers: others, take: (to) => moveTo(rows, to), make: (name) => moveToNew(rows, name) };
  choose(`Move ${pieces(rows.length)} to`, question);
};

export const chooseMerge = (cluster) => {
  const fits = fitness(members[cluster]);
  const others = bySize.filter((one) => one !== cluster);
  others.sort((a, b) => fits(b) - fits(a));
  choose(`Merge ${nameOf(cluster)} into`, { numbers: others, take: (into) => mergeInto([cluster], into) });
};

export const listenToChoose = () => {
  $("choose-find").addEventListener("input", narrow);
  $("choose-find").addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") light(active + 1);
    else if (event.key === "ArrowUp") light(active - 1);
    else if (event.key === "Enter") take(offers[active]);
    else return;
    event.preventDefault();
  });
};
