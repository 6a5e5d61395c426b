// What the page shows: all clusters, one of them, the found pictures, or one of the views beside them.

import { band, fit, fitting, grid, measure } from "./cards.js";
import { drawNumber } from "./charts.js";
import { drawCopies } from "./copies.js";
import { bySize, count, data, members } from "./data.js";
import { $, make, say } from "./elements.js";
import { drawList, endList } from "./lists.js";
import { drawMap, resizeMap } from "./map.js";
import { nameOf, rename } from "./names.js";
import { ordered } from "./orders.js";
import { folded, number, percent, pieces } from "./text.js";

const mean = (rows) => rows.reduce((sum, row) => sum + data.confidence[row], 0) / rows.length;

// A cluster's name, to be changed, and what is known of it; `whole` says that all of it is shown below.
const heading = (cluster, whole) => {
  const head = make("div", "head");
  const title = make("h2");
  const field = make("input");
  const rows = members[cluster];
  field.value = nameOf(cluster);
  field.setAttribute("aria-label", `Name of cluster ${cluster}`);
  field.addEventListener("change", () => {
    rename(cluster, field.value === `Cluster ${cluster}` ? "" : field.value);
    field.value = nameOf(cluster);
  });
  title.append(field);
  const share = `${pieces(rows.length)}, ${percent(rows.length / count)} of all`;
  head.append(title, make("span", "soft", `${share}; mean confidence ${percent(mean(rows))}`));
  if (!whole) {
    const button = make("button", "plain", "Show all");
    button.setAttribute("aria-label", `Show all of ${nameOf(cluster)}`);
    button.addEventListener("click", () => {
      location.hash = `cluster-${cluster}`;
    });
    head.append(button);
  }
  return head;
};

const clusterBand = (cluster) => {
  const section = band(heading(cluster, false), ordered(members[cluster]));
  section.setAttribute("aria-label", nameOf(cluster));
  return section;
};

const drawOverview = () => drawList(bySize, 20, $("view"), clusterBand);

const drawCluster = (cluster) => {
  $("view").append(heading(cluster, true));
  grid(ordered(members[cluster]));
};

// The pictures with these words in their path, of one cluster or, for null, of all.
const drawFound = (words, cluster) => {
  const pool = cluster === null ? Array.from({ length: count }, (_, row) => row) : members[cluster];
  const found = ordered(pool.filter((row) => folded(data.paths[row]).includes(words)));
  say(`${number(found.length)} of ${pieces(pool.length)} have this in their path.`);
  grid(found);
};

// The views beside the clusters, by the part of the address that shows them.
const specials = { "#map": drawMap, "#copies": drawCopies, "#number": drawNumber };
const specialOf = (hash) => (hash === "#number" && !data.estimate ? undefined : specials[hash]);

const clusterOf = (hash) => {
  const match = /^#cluster-(\d+)$/.exec(hash);
  return match && members[match[1]]?.length ? Number(match[1]) : null;
};

const wanted = () => folded($("find").value.trim());
export const onMap = () => location.hash === "#map" && !wanted();

// Draws what the address and the search field ask for.
export const draw = () => {
  const words = wanted();
  const cluster = clusterOf(location.hash);
  const special = specialOf(location.hash);
  $("view").replaceChildren();
  endList();
  measure();
  say("");
  $("back").hidden = cluster === null && !words && !special;
  const label = cluster !== null ? nameOf(cluster) : special ? "Overview" : "All clusters";
  $("view").setAttribute("aria-label", words ? "Found pictures" : label);
  if (words) drawFound(words, cluster);
  else if (cluster !== null) drawCluster(cluster);
  else if (special) special();
  else drawOverview();
};

// Lays out anew what depends on the width of the window: the map and the bands.
export const redraw = () => {
  if (onMap()) resizeMap();
  if (fit() === fitting) return;
  measure();
  for (const section of document.querySelectorAll(".row")) section.refit();
};
