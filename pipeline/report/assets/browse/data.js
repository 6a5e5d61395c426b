// The collection: the JSON in the page, as pipeline/collection/page_data.py writes it, and what follows from it.
// Pictures are rows, from 0; `load` sets all of it once. What people changed is in edits.js.

export let data = null;
export let count = 0;
// Whether there are pictures: not where embeddings were brought.
export let pictures = false;
// The rows of each group of near-duplicates.
export let groups = [];
// What `pipeline browse` says of the result as it is: the marks of the page and of edits.json, and its actions. Null: the
// page was opened from the disk.
export let served = null;

export const load = (text, now = "null") => {
  data = JSON.parse(text);
  served = JSON.parse(now);
  if (served) data.edits = served.actions;
  count = data.paths.length;
  pictures = data.digests.some(Boolean);
  groups = [];
  for (let row = 0; row < count; row++) {
    const group = data.copies[row];
    if (group < 0) continue;
    groups[group] ??= [];
    groups[group].push(row);
  }
};

// The thumbnails behind the script, by digest: none before the whole page has come.
let later = {};
export const loadLater = (text) => {
  later = JSON.parse(text);
};

export const fileName = (row) => data.paths[row].split("/").pop();

// Width and height in pixels, upright; none where they are not known.
export const sizeOf = (row) => (data.sizes[2 * row] ? data.sizes.slice(2 * row, 2 * row + 2) : []);

const inside = (row) => data.thumbnails?.[data.digests[row]] ?? later[data.digests[row]];
// The address of the thumbnail, which is inside the page or in a folder beside it.
export const thumbnail = (row) => {
  const digest = data.digests[row];
  return inside(row) ? `data:image/webp;base64,${inside(row)}` : `thumbnails/${digest.slice(0, 2)}/${digest}.webp`;
};
// The addresses where the picture itself may be: beside the page, and where it was when it was clustered. A page that is
// served opens no file, and asks the server for what the picture is.
export const originals = (row) => {
  if (served) return [`original/${data.digests[row]}`];
  const path = data.addresses[row] || data.paths[row].split("/").map(encodeURIComponent).join("/");
  return data.roots.map((root) => root + path);
};
