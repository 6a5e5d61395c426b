// A line that says what was just done, with a button to take it back.

import { $, make } from "./elements.js";

const SECONDS = 8;
let timer = 0;

const hide = () => {
  $("toast").hidden = true;
};

const wait = () => {
  clearTimeout(timer);
  timer = setTimeout(hide, 1000 * SECONDS);
};

// Shows a text; `label` and `press` are of a button, if there is one.
export const tell = (text, label, press) => {
  const toast = $("toast");
  const line = make("span", "", text);
  toast.replaceChildren(line);
  if (label) {
    const button = make("button", "plain", label);
    button.addEventListener("click", press);
    toast.append(button);
  }
  // What lies outside of an open dialog cannot be reached.
  (document.querySelector("dialog[open]") ?? document.body).append(toast);
  toast.hidden = false;
  wait();
};

export const listenToToast = () => {
  $("toast").addEventListener("pointerenter", () => clearTimeout(timer));
  $("toast").addEventListener("pointerleave", wait);
};
