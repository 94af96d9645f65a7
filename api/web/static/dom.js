// What every script needs of the document.

import { dateAndTime, t, word } from "./i18n.js";

export const find = (selector, within = document) => within.querySelector(selector);
export const all = (selector, within = document) => [...within.querySelectorAll(selector)];

/** An element: `make("p", { class: "muted", onclick }, "text", child)`. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

export function say(element, text) {
  element.textContent = text;
  element.hidden = !text;
}

/** Writes every time in the reader's own zone. */
export function localTimes(within = document) {
  for (const element of all("time[datetime]", within)) {
    element.textContent = dateAndTime(element.dateTime);
    element.title = element.dateTime;
  }
}

const NO_LABELS = "(none)";

/** Of a record that may have several labels, `labels` lists those it has. */
function labelText({ label = NO_LABELS, labels = [] }) {
  if (labels.length) return labels.join(" + ");
  return label === NO_LABELS ? t("none of them") : label;
}

/** `a, b or c` */
function eitherOf(labels) {
  if (labels.length < 2) return labels.join("");
  return t("{some} or {last}", { some: labels.slice(0, -1).join(", "), last: labels.at(-1) });
}

export function verdictText(verdict) {
  switch (verdict.kind) {
    case "label":
      return labelText(verdict);
    case "useful_ambiguity":
      return t("ambiguous: {labels}", { labels: eitherOf(verdict.between) });
    case "unusable_ambiguity":
      return t("unusable: nobody could tell");
    case "exclude":
      return t("exclude: {reason}", { reason: word("exclusion", verdict.exclusion) });
    default:
      return word("verdict", verdict.kind);
  }
}
