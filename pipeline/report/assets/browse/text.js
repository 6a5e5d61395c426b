// Numbers and counts as the page writes them, and words as it finds them.

export const number = (value) => value.toLocaleString("en");

export const percent = (value) => `${(100 * value).toFixed(value < 0.9995 && value > 0.9 ? 1 : 0)} %`;

export const pieces = (size) => `${number(size)} ${size === 1 ? "picture" : "pictures"}`;

// Bytes as people read them.
export const bytes = (size) => {
  const [power, unit] = [
    [9, "GB"],
    [6, "MB"],
    [3, "kB"],
  ].find(([power]) => size >= 10 ** power) ?? [0, "bytes"];
  const value = size / 10 ** power;
  return `${value.toLocaleString("en", { maximumFractionDigits: value < 10 && power ? 1 : 0 })} ${unit}`;
};

// Disks of different systems spell é in two ways, which are one here.
export const folded = (text) => text.normalize("NFC").toLowerCase().normalize("NFC");
