// Numbers and counts as the page writes them.

export const number = (value) => value.toLocaleString("en");

export const percent = (value) => `${(100 * value).toFixed(value < 0.9995 && value > 0.9 ? 1 : 0)} %`;

export const pieces = (size) => `${number(size)} ${size === 1 ? "picture" : "pictures"}`;
