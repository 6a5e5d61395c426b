// What the bar at the top, the address and the window do.

import { redoNext, undoLast } from "./commands.js";
import { data, groups, served } from "./data.js";
import {
  bySize,
  canRedo,
  done,
  editsFile,
  keeping,
  markSaved,
  offered,
  reopenEdits,
  takeOffered,
  unsaved,
} from "./edits.js";
import { $, make } from "./elements.js";
import { forgetSelection, reorderSelection } from "./map.js";
import { questionsLeft } from "./questions.js";
import { failure, lookAgain, saveServed, sending } from "./saving.js";
import { drawSide } from "./side.js";
import { csvTable } from "./table.js";
import { number } from "./text.js";
import { tell } from "./toast.js";
import { draw, onMap, redraw } from "./views.js";

const goTo = (hash) => {
  $("find").value = "";
  location.hash = hash;
};

const back = () => {
  $("find").value = "";
  if (location.hash) location.hash = "";
  else draw();
};

const download = (text, name, type) => {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

const whileBusy = async (saved) => {
  showState();
  await saved;
  showState();
};

// Every change goes into the file of the result at once, where the page is served.
export const saveBySelf = () => (served ? whileBusy(saveServed()) : undefined);

const saveEdits = async () => {
  if (served) {
    await saveBySelf();
    tell(failure || "Saved in the folder of this result: every later run obeys it.");
    return;
  }
  download(editsFile(), "edits.json", "application/json");
  markSaved();
  tell("edits.json was downloaded. Put it into the folder of this result: every later run obeys it.");
};

const changes = (size) => `${number(size)} ${size === 1 ? "change" : "changes"}`;

// What is said of the changes that no file has.
const waitingText = (waiting) => {
  if (!waiting) return served && done().length ? "saved; every later command obeys it" : "";
  if (sending) return "saving …";
  const why = served && failure ? `: ${failure}` : "";
  const kept = served ? "; kept in this browser" : "";
  return `${changes(waiting)} not saved yet${why}${keeping ? kept : ", and this browser cannot keep them"}`;
};

// What the head and the bar say of the changes.
export const showState = () => {
  const waiting = unsaved();
  $("title").textContent = `${number(bySize.length)} clusters of ${number(data.paths.length)} pictures`;
  document.title = $("title").textContent.replaceAll(",", "");
  $("unsaved").textContent = waitingText(waiting);
  $("save-edits").hidden = !waiting;
  $("to-changes").hidden = !done().length;
  $("to-questions").hidden = !questionsLeft();
  $("undo").disabled = !done().length;
  $("redo").disabled = !canRedo();
  $("offer").hidden = !offered.length;
  $("offer-text").textContent =
    `This browser holds ${changes(offered.length)} that do not follow on those of this page, which was changed elsewhere.`;
};

// What became of the pictures since the run before.
export const showChanges = () => {
  if (!data.changes) return;
  const words = { new: "new", gone: "gone", renamed: "renamed", moved: "in another cluster" };
  const told = Object.entries(words).filter(([kind]) => data.changes[kind]);
  const list = told.map(([kind, word]) => `${number(data.changes[kind])} ${word}`).join(", ");
  $("since").textContent = `Since the last run: ${list || "nothing changed"}.`;
};

export const listenToBar = () => {
  $("back").addEventListener("click", back);
  $("find").addEventListener("input", draw);
  $("order").addEventListener("change", () => (onMap() ? reorderSelection() : draw()));
  $("size").addEventListener("input", () => {
    document.documentElement.style.setProperty("--side", `${$("size").value}rem`);
    redraw();
  });
  for (const view of ["map", "number", "copies", "aside", "changes", "questions"]) {
    $(`to-${view}`).addEventListener("click", () => goTo(view));
  }
  $("to-number").hidden = !data.estimate;
  $("to-copies").hidden = !groups.length;
  $("undo").addEventListener("click", undoLast);
  $("redo").addEventListener("click", redoNext);
  $("save").addEventListener("click", () => download(csvTable(), "assignments.csv", "text/csv"));
  $("save-edits").addEventListener("click", saveEdits);
  if (served) $("save-edits").textContent = "Save";
  $("offer-take").addEventListener("click", () => takeOffered(true));
  $("offer-drop").addEventListener("click", () => takeOffered(false));
  $("to-help").addEventListener("click", () => $("help").showModal());
  for (const button of document.querySelectorAll(".close")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
};

export const listenToWindow = () => {
  addEventListener("hashchange", () => {
    forgetSelection();
    document.body.classList.remove("drawer");
    scrollTo(0, 0);
    draw();
    drawSide();
    $("view").focus({ preventScroll: true });
  });
  addEventListener("resize", redraw);
  // Another tab has the same page. One that is served asks what became of it, also when somebody comes back to it.
  addEventListener("storage", (event) => {
    if (event.key === `pipeline-edits-${data.result}` && !served) reopenEdits();
  });
  if (served) addEventListener("focus", () => whileBusy(lookAgain()));
  addEventListener("beforeunload", (event) => {
    if (!keeping && unsaved()) event.preventDefault();
  });
};
