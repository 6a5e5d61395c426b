// The dot in the colour of a cluster.

import { colourOf } from "./data.js";
import { make } from "./elements.js";

export const swatch = (number) => {
  const dot = make("i", "swatch");
  dot.style.background = colourOf(number);
  return dot;
};
