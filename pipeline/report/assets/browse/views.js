// What the page shows: all clusters, one of them, the found pictures, or one of the views beside them.

import { band, fit, fitting, grid, measure } from "./cards.js";
import { drawNumber } from "./charts.js";
import { drawCopies } from "./copies.js";
import { count, data } from "./data.js";
import { aside, members, numberOf } from "./edits.js";
import { $, make, say } from "./elements.js";
import { heading } from "./headings.js";
import { drawHistory } from "./history.js";
import { drawLevels } from "./levels.js";
import { endList } from "./lists.js";
import { drawMap, renewMap, resizeMap } from "./map.js";
import { nameOf } from "./names.js";
import { ordered } from "./orders.js";
import { drawQuestions } from "./questions.js";
import { folded, number, pieces } from "./text.js";

const clusterBand = (cluster) => {
  const head = heading(cluster, false);
  const section = band(head, ordered(members[cluster]));
  section.dataset.number = cluster; // Where pictures can be dropped.
  section.setAttribute("aria-label", nameOf(cluster));
  section.renew = () => {
    head.fill();
    section.setAttribute("aria-label", nameOf(cluster));
    section.show(ordered(members[cluster]));
  };
  return section;
};

// Each draws a view and gives what shows it anew after a change.
const drawOverview = () => drawLevels(clusterBand);

const drawCluster = (cluster) => {
  const head = heading(cluster, true);
  $("view").append(head);
  const show = grid(ordered(members[cluster]));
  return () => {
    head.fill();
    show(ordered(members[cluster]));
  };
};

// The pictures with these words in their path, of one cluster or, for null, of all.
const drawFound = (words, cluster) => {
  const everywhere = () => Array.from({ length: count }, (_, row) => row).filter((row) => numberOf(row) !== null);
  const found = () => {
    const pool = cluster === null ? everywhere() : members[cluster];
    const rows = ordered(pool.filter((row) => folded(data.paths[row]).includes(words)));
    say(`${number(rows.length)} of ${pieces(pool.length)} have this in their path.`);
    return rows;
  };
  const show = grid(found());
  return () => show(found());
};

const drawAside = () => {
  $("view").append(make("h2", "", "Set aside"));
  const told = () => say(`${pieces(aside.length)} set aside: in no cluster, and not exported.`);
  told();
  const show = grid(ordered(aside));
  return () => {
    told();
    show(ordered(aside));
  };
};

const drawTheMap = () => {
  drawMap();
  return renewMap;
};

const drawnAnew = (paint) => () => {
  paint();
  return draw;
};

// The views beside the clusters, by the part of the address that shows them.
export const specials = {
  "#map": drawTheMap,
  "#copies": drawnAnew(drawCopies),
  "#number": drawnAnew(drawNumber),
  "#aside": drawAside,
  "#changes": drawnAnew(drawHistory),
  "#questions": drawQuestions,
};
const specialOf = (hash) => (hash === "#number" && !data.estimate ? undefined : specials[hash]);

// The cluster that is shown; null: none alone.
export const shownCluster = () => {
  const match = /^#cluster-(\d+)$/.exec(location.hash);
  return match && members[match[1]] ? Number(match[1]) : null;
};

const wanted = () => folded($("find").value.trim());
export const onMap = () => location.hash === "#map" && !wanted();

let drawn = null; // The cluster that is drawn, and what shows the view anew.

// Draws what the address and the search field ask for.
export const draw = () => {
  const words = wanted();
  const cluster = shownCluster();
  const special = specialOf(location.hash);
  $("view").replaceChildren();
  endList();
  measure();
  say("");
  $("back").hidden = cluster === null && !words && !special;
  const label = cluster !== null ? nameOf(cluster) : special ? "Overview" : "All clusters";
  $("view").setAttribute("aria-label", words ? "Found pictures" : label);
  let renewed = null;
  if (words) renewed = drawFound(words, cluster);
  else if (cluster !== null) renewed = drawCluster(cluster);
  else renewed = special ? special() : drawOverview();
  drawn = { cluster, renewed };
};

// Shows a change where the reader is; a cluster that is gone or there again makes another view.
export const renew = () => {
  if (drawn.cluster === shownCluster()) drawn.renewed();
  else draw();
};

// Lays out anew what depends on the width of the window: the map and the bands.
export const redraw = () => {
  if (onMap()) resizeMap();
  if (fit() === fitting) return;
  measure();
  for (const section of document.querySelectorAll(".row")) section.refit();
};
