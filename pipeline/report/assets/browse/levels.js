// Coarse, medium, fine: groups of clusters under one heading, the clusters, or the parts of each.

import { band } from "./cards.js";
import { mergeInto } from "./commands.js";
import { data } from "./data.js";
import { bySize, members } from "./edits.js";
import { $, make } from "./elements.js";
import { heading } from "./headings.js";
import { arrange, drawList, renewList } from "./lists.js";
import { nameOf } from "./names.js";
import { ordered } from "./orders.js";
import { proposeSplit } from "./split.js";
import { number, pieces } from "./text.js";

const MOST_NAMES = 4; // In the heading of a group.
const LEVELS = ["coarse", "medium", "fine"];
const FEWEST = 3; // Pictures of a part; what people moved here may be fewer, and goes to the largest.
let level = 1;

// What is told of most of these rows, and of equals the first one.
const mostOf = (rows, told) => {
  const counts = new Map();
  for (const row of rows) counts.set(told(row), (counts.get(told(row)) ?? 0) + 1);
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
};

// The groups of the clusters as they are now: a cluster goes where most of its pictures were. The largest group is first.
const groupsNow = () => {
  const groupOf = new Map(data.levels.groups.flatMap((numbers, group) => numbers.map((one) => [one, group])));
  const groups = new Map();
  for (const cluster of bySize) {
    const group = mostOf(members[cluster], (row) => groupOf.get(data.cluster[row]));
    groups.set(group, [...(groups.get(group) ?? []), cluster]);
  }
  const size = ([, clusters]) => clusters.reduce((sum, cluster) => sum + members[cluster].length, 0);
  return [...groups].sort((a, b) => size(b) - size(a));
};

// The parts of a cluster, lists of rows, the largest first.
const partsNow = (cluster) => {
  const parts = new Map();
  for (const row of members[cluster]) {
    const part = data.levels.parts[row];
    if (parts.has(part)) parts.get(part).push(row);
    else parts.set(part, [row]);
  }
  const all = [...parts.values()].sort((a, b) => b.length - a.length);
  const few = all.slice(1).filter((rows) => rows.length < FEWEST);
  return [all[0].concat(...few), ...all.slice(1).filter((rows) => rows.length >= FEWEST)];
};

// The clusters of a group, or for "alone" those that are the only one of theirs.
const ALONE = "alone";
const clustersOf = (group) => {
  const groups = groupsNow();
  if (group !== ALONE) return groups.find(([other]) => other === group)?.[1] ?? [];
  return groups.flatMap(([, clusters]) => (clusters.length > 1 ? [] : clusters));
};

const titleOf = (clusters) => {
  const more = clusters.length - MOST_NAMES;
  return clusters.slice(0, MOST_NAMES).map(nameOf).join(", ") + (more > 0 ? ` and ${number(more)} more` : "");
};

// The heading over the clusters of a group.
const groupHead = (group) => {
  const head = make("div", "group");
  const title = make("h2");
  const about = make("span", "soft");
  head.append(title, about);
  if (group !== ALONE) {
    const join = make("button", "plain quiet", "Make this one cluster");
    join.addEventListener("click", () => mergeInto(clustersOf(group), clustersOf(group)[0]));
    head.append(join);
  }
  head.renew = () => {
    const clusters = clustersOf(group);
    title.textContent = group === ALONE ? "Clusters by themselves" : titleOf(clusters);
    const rows = clusters.flatMap((cluster) => members[cluster]);
    about.textContent = `${number(clusters.length)} ${clusters.length === 1 ? "cluster" : "clusters"}, ${pieces(rows.length)}`;
  };
  head.renew();
  return head;
};

// What the coarse level lists: the text of a group's heading, then its clusters.
const HEADING = "group ";
const coarseItems = () => {
  const many = groupsNow().filter(([, clusters]) => clusters.length > 1);
  const items = many.flatMap(([group, clusters]) => [HEADING + group, ...clusters]);
  const alone = clustersOf(ALONE);
  return alone.length && many.length ? [...items, HEADING + ALONE, ...alone] : [...items, ...alone];
};
const headOf = (item) => groupHead(item === HEADING + ALONE ? ALONE : Number(item.slice(HEADING.length)));

// A cluster with a band for each of its parts.
const partsOfCluster = (cluster) => {
  const section = make("section", "of-parts");
  const head = heading(cluster, false);
  const place = make("div");
  const split = make("button", "plain quiet", "Make these clusters");
  split.addEventListener("click", () => proposeSplit(cluster, partsNow(cluster)));
  head.append(split);
  section.append(head, place);
  section.dataset.number = cluster; // Where pictures can be dropped.
  const partBand = (rows, at, all) => {
    const about = all.length > 1 ? `Part ${at + 1} of ${all.length}, ${pieces(rows.length)}` : "";
    const part = band(make("p", "soft", about), ordered(rows));
    part.dataset.number = cluster;
    part.setAttribute("aria-label", `${nameOf(cluster)}, part ${at + 1}`);
    return part;
  };
  section.renew = () => {
    head.fill();
    section.setAttribute("aria-label", nameOf(cluster));
    const parts = partsNow(cluster);
    split.hidden = parts.length < 2;
    split.setAttribute("aria-label", `Make clusters of the parts of ${nameOf(cluster)}`);
    arrange(place, parts.map(partBand));
  };
  section.renew();
  return section;
};

const COUNTS = [
  () => `${number(groupsNow().length)} groups`,
  () => `${number(bySize.length)} clusters`,
  () => `${number(bySize.flatMap(partsNow).length)} parts of clusters`,
];

// The slider; `show` draws what it is set to, and `renew` counts anew.
const levelSlider = (show) => {
  const label = make("label", "level", "Level");
  const slider = make("input");
  const about = make("span", "soft");
  Object.assign(slider, { type: "range", id: "level", min: 0, max: LEVELS.length - 1, value: level });
  label.renew = () => {
    about.textContent = `${LEVELS[level]}: ${COUNTS[level]()}`;
    slider.setAttribute("aria-valuetext", about.textContent);
  };
  slider.addEventListener("input", () => {
    level = Number(slider.value);
    label.renew();
    show();
  });
  label.renew();
  label.append(slider, about);
  return label;
};

// The overview at the level that is chosen; gives what shows it anew after a change. `clusterBand` is how a cluster looks
// by itself.
export const drawLevels = (clusterBand) => {
  const place = make("div");
  const listed = () => (level === 0 ? coarseItems() : bySize);
  const element = (item) => {
    if (typeof item === "string") return headOf(item);
    return level === 2 ? partsOfCluster(item) : clusterBand(item);
  };
  const show = () => {
    place.replaceChildren();
    drawList(listed(), level === 2 ? 8 : 20, place, element);
  };
  const slider = data.levels && levelSlider(show);
  if (slider) $("view").append(slider);
  $("view").append(place);
  show();
  return () => {
    slider?.renew();
    renewList(listed());
  };
};
