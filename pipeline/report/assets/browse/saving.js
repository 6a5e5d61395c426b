// Saving where the page is served: `pipeline browse` writes edits.json in the folder of the result. It refuses what does
// not go on from the file as it is; then the page takes that over, and offers what was not written yet.

import { served } from "./data.js";
import { done, editsFile, goOnFrom, keeping, markWritten, unsaved } from "./edits.js";

// Whether something is on its way.
export let sending = false;
// Why the changes could not be written; empty: they could.
export let failure = "";

let looking = false;

const ask = (options) => fetch("edits.json", { cache: "no-store", ...options });

const refuseOf = async (answer) => new Error((await answer.text()).trim());

const write = async () => {
  const actions = done().flat();
  const headers = { "Content-Type": "application/json", "If-Match": served.mark };
  const answer = await ask({ method: "PUT", headers, body: editsFile(actions) });
  if (answer.status === 412) looking = true;
  else if (!answer.ok) throw await refuseOf(answer);
  else {
    served.mark = answer.headers.get("ETag");
    markWritten(actions);
  }
};

const takeOver = async () => {
  looking = false;
  const answer = await ask();
  if (!answer.ok) throw await refuseOf(answer);
  const { mark, page, actions } = await answer.json();
  served.mark = mark;
  goOnFrom(actions);
  // It was made anew, of other clusters or pictures maybe. What is not written yet is kept.
  if (page !== served.page && keeping) location.reload();
};

// Writes what is not written yet, one after the other.
export const saveServed = async () => {
  if (sending) return;
  sending = true;
  try {
    while (looking || unsaved()) await (looking ? takeOver() : write());
    failure = "";
  } catch (error) {
    // Without an answer the browser has words of its own, which say less.
    failure = error instanceof TypeError ? "pipeline browse does not answer any more" : error.message;
  }
  sending = false;
};

// Looks whether the result was changed elsewhere.
export const lookAgain = () => {
  looking = true;
  return saveServed();
};
