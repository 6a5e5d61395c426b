// Numbers and counts as the page writes them, and words as it finds them.

export const number = (value) => value.toLocaleString("en");

export const percent = (value) => `${(100 * value).toFixed(value < 0.9995 && value > 0.9 ? 1 : 0)} %`;

export const megabytes = (bytes) => (bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

export const pieces = (size) => `${number(size)} ${size === 1 ? "picture" : "pictures"}`;

// Disks of different systems spell é in two ways, which are one here.
export const folded = (text) => text.normalize("NFC").toLowerCase().normalize("NFC");
