// The orders that pictures can be shown in.

import { data } from "./data.js";
import { $ } from "./elements.js";

const collator = new Intl.Collator("en", { numeric: true });

export const orders = {
  typical: (a, b) => data.margin[b] - data.margin[a] || a - b,
  uncertain: (a, b) => data.margin[a] - data.margin[b] || a - b,
  outliers: (a, b) => data.remoteness[b] - data.remoteness[a] || a - b,
  copies: (a, b) => (data.copies[a] < 0) - (data.copies[b] < 0) || data.copies[a] - data.copies[b] || a - b,
  name: (a, b) => collator.compare(data.paths[a], data.paths[b]) || a - b,
};

// Rows in an order: the one that is chosen on the page, unless another is given.
export const ordered = (rows, order = $("order").value) => rows.slice().sort(orders[order]);

// The picture that stands for others: the most typical one.
export const mostTypical = (rows) => rows.reduce((best, row) => (orders.typical(row, best) < 0 ? row : best));
