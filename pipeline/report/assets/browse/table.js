// The table of the assignments, to download.

import { count, data } from "./data.js";
import { nameOf } from "./names.js";

export const csvField = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

export const csvTable = () => {
  const lines = ["path,cluster,name,confidence,second,second_confidence"];
  for (let row = 0; row < count; row++) {
    const cluster = data.cluster[row];
    const first = [csvField(data.paths[row]), cluster, csvField(nameOf(cluster)), data.confidence[row].toFixed(4)];
    lines.push([...first, data.second[row], data.second_confidence[row].toFixed(4)].join(","));
  }
  return `${lines.join("\n")}\n`;
};
