// Elements of the page: find one, make one, set the line of status.

export const $ = (id) => document.getElementById(id);

export const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};

export const say = (text) => {
  $("status").textContent = text;
};
