// The dot in the colour of a cluster.

import { make } from "./elements.js";
import { paintWith } from "./palette.js";

export const swatch = (number) => {
  const dot = make("i", "swatch");
  paintWith(dot, number);
  return dot;
};
