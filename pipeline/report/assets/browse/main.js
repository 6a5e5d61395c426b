// Starts the page of `pipeline cluster`. Every other module only defines, so that each can be imported by itself.

import { listenToBar, listenToWindow, saveBySelf, showChanges, showState } from "./actions.js";
import { markCards, renewSmall } from "./cards.js";
import { listenToChoose } from "./choose.js";
import { data, load, loadLater } from "./data.js";
import { listenToDragging } from "./dragging.js";
import { onChange, openEdits } from "./edits.js";
import { $ } from "./elements.js";
import { listenToDialog, renewEnlarged } from "./enlarged.js";
import { listenToKeyboard, listenToLarge } from "./keys.js";
import { watchEnd } from "./lists.js";
import { paintMap, renewMap } from "./map.js";
import { takeOldNames } from "./names.js";
import { darkPage } from "./palette.js";
import { listenToPicked, showPicked } from "./picked.js";
import { listenToCards } from "./picking.js";
import { onSelect } from "./selection.js";
import { drawSide, listenToSide } from "./side.js";
import { listenToSplit } from "./split.js";
import { listenToToast } from "./toast.js";
import { draw, renew } from "./views.js";

load($("data").textContent, $("served").textContent);
openEdits();
takeOldNames();
$("about").textContent = data.about;
showChanges();
listenToBar();
listenToDialog();
listenToLarge();
listenToChoose();
listenToSplit();
listenToWindow();
listenToCards($("view"));
listenToPicked();
listenToSide();
listenToDragging();
listenToKeyboard();
listenToToast();
watchEnd();
draw();
drawSide();
showState();
showPicked();
saveBySelf();
for (const show of [renew, drawSide, showState, showPicked, renewEnlarged, saveBySelf]) onChange(show);
for (const show of [markCards, paintMap, showPicked, renewEnlarged]) onSelect(show);
darkPage().addEventListener("change", renewMap);
// The page is there before all of its thumbnails are.
document.addEventListener("DOMContentLoaded", () => {
  loadLater($("later").textContent);
  renewSmall();
});
