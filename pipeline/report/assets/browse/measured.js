// Starts the page of a result whose stability was measured: the page of `pipeline cluster`, with one view more.

// biome-ignore lint/correctness/noUnusedImports: it starts the page, and gives nothing.
import {} from "./main.js";
import { drawStability, listenToStability } from "./stability.js";
import { draw, specials } from "./views.js";

specials["#stability"] = drawStability;
listenToStability();
if (location.hash === "#stability") draw();
