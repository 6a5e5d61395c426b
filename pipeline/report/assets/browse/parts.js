// Parts of a cluster.
export const partsOf = (rows, wanted, data) => {
  const half = rows.slice().sort((a, b) => data.places[2 * a] - data.places[2 * b]);
  const size = Math.ceil(half.length / wanted);
  return Array.from({ length: wanted }, (_, part) => half.slice(part * size, (part + 1) * size));
};
