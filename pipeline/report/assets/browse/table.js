// The table of the assignments with all changes, to download.

import { count, data } from "./data.js";
import { numberOf } from "./edits.js";
import { nameOf } from "./names.js";

// As pipeline/base/csv_tables.py: an apostrophe before what a spreadsheet would run, and quotes around what splits cells.
const FORMULA = /^'*(?:[\t\r\n]|\s*[-=+@\uff1d\uff0b\uff0d\uff20])/;

export const csvField = (value) => {
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

export const csvTable = () => {
  const lines = ["path,cluster,name,confidence,second,second_confidence"];
  for (let row = 0; row < count; row++) {
    const cluster = numberOf(row);
    if (cluster === null) continue; // Set aside.
    const first = [csvField(data.paths[row]), cluster, csvField(nameOf(cluster)), data.confidence[row].toFixed(4)];
    lines.push([...first, data.second[row], data.second_confidence[row].toFixed(4)].join(","));
  }
  return `${lines.join("\n")}\n`;
};
