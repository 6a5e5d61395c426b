// Starts the page of `pipeline cluster`. Every other module only defines, so that each can be imported by itself.

import { listenToBar, listenToWindow } from "./actions.js";
import { bySize, count, data, load } from "./data.js";
import { $ } from "./elements.js";
import { listenToDialog } from "./enlarged.js";
import { watchEnd } from "./lists.js";
import { loadNames } from "./names.js";
import { number } from "./text.js";
import { draw } from "./views.js";

load($("data").textContent);
loadNames();
$("title").textContent = `${number(bySize.length)} clusters of ${number(count)} pictures`;
$("about").textContent = data.about;
listenToBar();
listenToDialog();
listenToWindow();
watchEnd();
draw();
