// The heading of a cluster: its name, to be changed, how large it is, and what can be done with all of it.

import { rename } from "./commands.js";
import { count, data } from "./data.js";
import { givenName, members } from "./edits.js";
import { make } from "./elements.js";
import { asName, LONGEST_NAME, nameOf } from "./names.js";
import { toggleAll } from "./selection.js";
import { previewSplit } from "./split.js";
import { percent, pieces } from "./text.js";

// `whole` says that all of the cluster is shown below. `fill` writes it anew after a change.
export const heading = (cluster, whole) => {
  const head = make("div", "head");
  const title = make("h2");
  const field = make("input");
  field.id = `name-${cluster}`;
  field.maxLength = LONGEST_NAME;
  field.setAttribute("aria-label", `Name of cluster ${cluster}`);
  field.addEventListener("change", () => {
    rename(cluster, asName(cluster, field.value));
    field.value = nameOf(cluster);
  });
  title.append(field);
  const about = make("span", "soft");
  const share = make("span", "share");
  const buttons = [];
  // A name that was suggested, and is none until a person takes it.
  const suggested = data.suggestions?.[cluster];
  const take = make("button", "plain quiet suggested", suggested && `“${suggested.text}”?`);
  if (suggested) take.title = `Suggested by the ${suggested.source}; press to take it as the name`;
  take.addEventListener("click", () => rename(cluster, suggested.text));
  const button = (text, label, press) => {
    const element = make("button", "plain quiet", text);
    element.addEventListener("click", press);
    buttons.push([element, label]);
    head.append(element);
  };
  head.append(title, take, about);
  if (!whole) {
    button("Show all", "Show all of", () => {
      location.hash = `cluster-${cluster}`;
    });
  }
  button("Select all", "Select all of", () => toggleAll(members[cluster]));
  button("Split …", "Split", () => previewSplit(cluster));
  head.fill = () => {
    if (document.activeElement !== field) field.value = nameOf(cluster);
    take.hidden = !suggested || Boolean(givenName(cluster));
    share.textContent = `, ${percent(members[cluster].length / count)} of all`;
    about.replaceChildren(pieces(members[cluster].length), share);
    for (const [element, label] of buttons) element.setAttribute("aria-label", `${label} ${nameOf(cluster)}`);
  };
  head.fill();
  return head;
};
