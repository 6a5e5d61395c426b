// What the browser keeps of the changes until a file has them. A step is what was done at once: a list of actions.

const keyOf = (result) => `pipeline-edits-${result}`;

const same = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b);

// How many actions two lists have in common at their beginning.
export const common = (a, b) => {
  let length = 0;
  while (length < a.length && length < b.length && same(a[length], b[length])) length += 1;
  return length;
};

// A short mark of a page's actions, by which their page is known again (FNV-1a).
export const markOf = (actions) => {
  let mark = 0x811c9dc5;
  for (const sign of JSON.stringify(actions)) mark = Math.imul(mark ^ sign.codePointAt(0), 0x01000193);
  return (mark >>> 0).toString(16);
};

// Where to go on: `steps`, `saved` (the actions that a file has) and `offered` (kept actions that do not follow on
// those of the page, since these were changed elsewhere).
export const resumed = (page, kept) => {
  const fresh = { steps: page.map((action) => [action]), saved: page, offered: kept?.offered ?? [] };
  if (!kept) return fresh;
  const actions = kept.steps.flat();
  // The same page: what was undone of it stays undone.
  if (kept.page === markOf(page)) {
    const saved = actions.slice(0, kept.common);
    while (saved.length < kept.saved) saved.push(null);
    return { steps: kept.steps, saved, offered: kept.offered };
  }
  const shared = common(page, actions);
  if (shared === actions.length) return fresh;
  // What a file had, and the page has not, was taken back elsewhere.
  if (shared === page.length && shared >= kept.common) return { ...fresh, steps: kept.steps };
  return { ...fresh, offered: [...fresh.offered, ...actions.slice(shared)] };
};

export const readKept = (result) => {
  try {
    const kept = JSON.parse(localStorage.getItem(keyOf(result)));
    return Array.isArray(kept?.steps) ? kept : null;
  } catch {
    return null; // Storage is off, or holds what no page wrote.
  }
};

// Says whether it could be kept.
export const writeKept = (result, kept) => {
  try {
    if (kept) localStorage.setItem(keyOf(result), JSON.stringify(kept));
    else localStorage.removeItem(keyOf(result));
    return true;
  } catch {
    return false;
  }
};
