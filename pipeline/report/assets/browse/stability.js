// How stable the clusters are: those that hold together least come first, each with the pictures that wander out of it.

import { band, fitting } from "./cards.js";
import { data } from "./data.js";
import { bySize, members, numberOf, wasMoved } from "./edits.js";
import { $, make, say } from "./elements.js";
import { heading } from "./headings.js";
import { arrange, drawList, renewList } from "./lists.js";
import { nameOf } from "./names.js";
import { ordered } from "./orders.js";
import { toggleAll } from "./selection.js";
import { number, percent, pieces } from "./text.js";

const VERDICTS = {
  holds: "Holds together",
  border: "Has an uncertain border",
  apart: "Falls apart",
};

// What was done to the pictures, by the kinds of cluster.robustness in params.yaml.
const TREATED = {
  "gaussian-blur": "blurred",
  jpeg: "saved as a coarse JPEG",
  "gaussian-noise": "given noise",
  "shot-noise": "given noise as of a dark room",
  "impulse-noise": "given white and black dots",
  "speckle-noise": "given noise where bright",
  "defocus-blur": "out of focus",
  "motion-blur": "blurred by motion",
  fog: "in fog",
  saturate: "in other colours",
  crop: "cropped",
  pixelate: "pixelated",
  contrast: "faded",
  brightness: "brightened",
  occlusion: "covered in part",
  "fewer-pictures": "fitted with fewer pictures",
  "other-seeds": "fitted with other seeds",
};
const REFITS = ["fewer-pictures", "other-seeds"];
const treatedBy = (kind) => TREATED[kind] ?? kind;

// What was measured of a cluster; nothing of one that was made since.
const measuredOf = (cluster) => data.stability.clusters.find((one) => one.number === cluster);

const worth = (cluster) => measuredOf(cluster)?.stability ?? 2;

const leastStable = () => bySize.slice().sort((a, b) => worth(a) - worth(b));

// Where the pictures of a cluster of the run are now: merged, it goes by another number. Null: it has none left.
const whereNow = (cluster) => {
  if (cluster === null || members[cluster]) return cluster;
  const row = data.cluster.findIndex((one, at) => one === cluster && numberOf(at) !== null && !wasMoved(at));
  return row < 0 ? null : numberOf(row);
};

// Those that wander and nobody has placed or set aside since, by the cluster that they are in.
const wanderers = () => {
  const found = new Map();
  for (const one of data.stability.wandering) {
    const here = numberOf(one.row);
    const goes = whereNow(one.goes);
    if (here === null || wasMoved(one.row) || goes === here) continue;
    found.set(here, [...(found.get(here) ?? []), { row: one.row, goes, leaves: one.leaves }]);
  }
  return found;
};

const verdictOf = (measured) => {
  if (!measured) return "Made since this was measured.";
  const { verdict, stability, stays } = measured;
  const fits = verdict && `${VERDICTS[verdict]}: ${percent(stability)} of it is found again when it is fitted anew.`;
  const shares = Object.entries(stays).filter(([kind]) => !REFITS.includes(kind));
  const kinds = shares.map(([kind, share], at) => `${percent(share)}${at ? "" : " stay"} when ${treatedBy(kind)}`);
  return [fits, kinds.length && `Of its pictures, ${kinds.join(", ")}.`].filter(Boolean).join(" ");
};

// Those that go to one cluster: a line of them, or all where that is asked for.
const wayOut = (cluster, goes, some) => {
  const rows = ordered(
    some.map((one) => one.row),
    "uncertain",
  );
  const to = goes === null ? "to none of these clusters" : `to ${nameOf(goes)}`;
  const kinds = [...new Set(some.flatMap((one) => one.leaves))].map(treatedBy).join(", ");
  const verb = rows.length === 1 ? "wanders" : "wander";
  const head = make("div", "way");
  head.append(make("span", "soft", `${pieces(rows.length)} ${verb} ${to}, when ${kinds}`));
  const line = band(head, rows);
  line.setAttribute("aria-label", `From ${nameOf(cluster)} ${to}`);
  const refit = line.refit;
  let whole = false;
  line.refit = () => refit(whole ? rows.length : fitting);
  if (rows.length > fitting) {
    const every = make("button", "plain quiet", "Show all");
    every.addEventListener("click", () => {
      whole = !whole;
      every.textContent = whole ? "Show fewer" : "Show all";
      line.refit();
    });
    head.append(every);
  }
  const select = make("button", "plain quiet", "Select all");
  select.addEventListener("click", () => toggleAll(rows));
  head.append(select);
  return line;
};

const waysOut = (cluster, some) => {
  const ways = new Map();
  for (const one of some) ways.set(one.goes, [...(ways.get(one.goes) ?? []), one]);
  return [...ways].sort((a, b) => b[1].length - a[1].length).map(([goes, those]) => wayOut(cluster, goes, those));
};

const stabilityOf = (cluster) => {
  const section = make("section", "stability");
  const head = heading(cluster, false);
  const about = make("p", "verdict", verdictOf(measuredOf(cluster)));
  about.dataset.verdict = measuredOf(cluster)?.verdict ?? "";
  const core = band(head, ordered(members[cluster], "typical"));
  core.dataset.number = cluster; // Where pictures can be dropped.
  const out = make("div", "ways");
  head.after(about);
  section.append(core, out);
  section.renew = () => {
    head.fill();
    core.show(ordered(members[cluster], "typical"));
    arrange(out, waysOut(cluster, wanderers().get(cluster) ?? []));
  };
  section.renew();
  return section;
};

const toldStability = () => {
  const { clusters, repeats, percent: share, disturbed } = data.stability;
  const firm = clusters.filter((one) => one.verdict === "holds").length;
  const wander = [...wanderers().values()].flat().length;
  const fits = `fitted ${repeats} times on ${share} % of the pictures and ${repeats} times with other seeds`;
  const tried = disturbed ? `${fits}, and ${pieces(disturbed)} disturbed` : fits;
  const [hold, leave] = [firm === 1 ? "holds" : "hold", wander === 1 ? "wanders" : "wander"];
  return `${number(firm)} of ${number(clusters.length)} clusters ${hold} together, and ${pieces(wander)} ${leave} (${tried}).`;
};

const ADVICE =
  "The least stable cluster comes first. What wanders leaves its cluster in more than half of the fits or disturbances: " +
  "look at it, and move it or set it aside. A cluster that holds together need not be the one that you have in mind.";

export const drawStability = () => {
  const list = make("div");
  $("view").append(make("h2", "", "What holds together"), make("p", "soft", ADVICE), list);
  say(toldStability());
  drawList(leastStable(), 8, list, stabilityOf);
  return () => {
    say(toldStability());
    renewList(leastStable());
  };
};

export const listenToStability = () => {
  $("to-stability").addEventListener("click", () => {
    $("find").value = "";
    location.hash = "stability";
  });
};
