// The pictures whose answer would help most: which of these clusters is it, or none? An answer is a change as any other.

import { small } from "./cards.js";
import { answerNone, moveTo } from "./commands.js";
import { data, fileName, pictures } from "./data.js";
import { done, members, numberOf, rowsOfAction } from "./edits.js";
import { $, make, say } from "./elements.js";
import { enlarge } from "./enlarged.js";
import { nameOf } from "./names.js";
import { ordered } from "./orders.js";
import { pieces } from "./text.js";

const MOST_EXAMPLES = 3;

// Rows that a person has said something of in this page, or put aside.
const answeredRows = () => {
  const said = done()
    .flat()
    .filter((action) => ["move", "together", "apart", "not"].includes(action.do));
  return new Set(said.flatMap(rowsOfAction));
};

const openQuestions = () => {
  const known = answeredRows();
  return data.questions.filter(({ row }) => !known.has(row) && numberOf(row) !== null);
};

const choiceOf = (row, cluster) => {
  const button = make("button", "plain choice");
  const examples = ordered(members[cluster], "typical").filter((other) => other !== row);
  button.append(...(pictures ? examples.slice(0, MOST_EXAMPLES).map(small) : []), make("b", "", nameOf(cluster)));
  // It is there already: the answer is kept, and nothing moves.
  button.addEventListener("click", () => moveTo([row], cluster, true));
  return button;
};

const questionOf = ({ row, candidates }) => {
  const section = make("section", "question");
  const asked = make("button", "plain asked");
  asked.setAttribute("aria-label", `Enlarge ${fileName(row)}`);
  asked.append(...(pictures ? [small(row)] : []), make("b", "", fileName(row)));
  asked.addEventListener("click", () => enlarge([row, ...data.near[row]], 0));
  const choices = make("div", "choices");
  const there = candidates.filter((cluster) => members[cluster]);
  choices.append(...there.map((cluster) => choiceOf(row, cluster)));
  const none = make("button", "plain choice none", "None of these");
  none.addEventListener("click", () => answerNone(row, there));
  choices.append(none);
  section.append(asked, choices);
  return section;
};

export const questionsLeft = () => openQuestions().length;

export const drawQuestions = () => {
  $("view").append(make("h2", "", "Where do these belong?"));
  const list = make("div");
  $("view").append(list);
  const show = () => {
    const open = openQuestions();
    say(
      open.length
        ? `The answers about these ${pieces(open.length)} would help most. The next run of pipeline cluster learns from them.`
        : "All questions are answered. The next run of pipeline cluster learns from them, and asks others.",
    );
    list.replaceChildren(...open.map(questionOf));
  };
  show();
  return show;
};
