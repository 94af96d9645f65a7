// What every script needs of the document.

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

const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const short = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

export const clock = (timestamp) => short.format(new Date(timestamp));
export const dateAndTime = (timestamp) => full.format(new Date(timestamp));

/** Writes every time in the reader's own zone. */
export function localTimes(within = document) {
  for (const element of all("time[datetime]", within)) {
    element.textContent = dateAndTime(element.dateTime);
    element.title = element.dateTime;
  }
}

export const words = (identifier) => String(identifier).replaceAll("_", " ");

const NO_LABELS = "(none)";

/** Of a record that may have several labels, `labels` lists those it has. */
function labelText({ label = NO_LABELS, labels = [] }) {
  if (labels.length) return labels.join(" + ");
  return label === NO_LABELS ? "none of them" : label;
}

export function verdictText(verdict) {
  switch (verdict.kind) {
    case "label":
      return labelText(verdict);
    case "useful_ambiguity":
      return `ambiguous: ${verdict.between.join(" or ")}`;
    case "unusable_ambiguity":
      return "unusable: nobody could tell";
    case "exclude":
      return `exclude: ${words(verdict.exclusion)}`;
    default:
      return words(verdict.kind);
  }
}
