// What the bar at the top, the address and the window do.

import { data, groups } from "./data.js";
import { $, make } from "./elements.js";
import { forgetSelection, reorderSelection } from "./map.js";
import { csvTable } from "./table.js";
import { draw, onMap, redraw } from "./views.js";

const show = (hash) => {
  $("find").value = "";
  location.hash = hash;
};

const back = () => {
  $("find").value = "";
  if (location.hash) location.hash = "";
  else draw();
};

const download = () => {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([csvTable()], { type: "text/csv" }));
  link.download = "assignments.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

export const listenToBar = () => {
  $("back").addEventListener("click", back);
  $("find").addEventListener("input", draw);
  $("order").addEventListener("change", () => (onMap() ? reorderSelection() : draw()));
  $("size").addEventListener("input", () => {
    document.documentElement.style.setProperty("--side", `${$("size").value}rem`);
    redraw();
  });
  for (const view of ["map", "number", "copies"]) $(`to-${view}`).addEventListener("click", () => show(view));
  $("to-number").hidden = !data.estimate;
  $("to-copies").hidden = !groups.length;
  $("save").addEventListener("click", download);
};

export const listenToWindow = () => {
  addEventListener("hashchange", () => {
    forgetSelection();
    scrollTo(0, 0);
    draw();
    $("view").focus({ preventScroll: true });
  });
  addEventListener("resize", redraw);
};
