// The two sides of a pair beside each other. What differs is marked, and said in words as well.

import { make } from "./dom.js";
import { t } from "./i18n.js";

/** Both sides as an element; `language` is the tag of their texts, or null. */
export function pairNode(left, right, language) {
  return "text" in left
    ? texts(left.text, right.text, language)
    : rows(left.row, right.row, language);
}

function texts(left, right, language) {
  const side = (name, text, other) =>
    make(
      "section",
      { class: "side" },
      make("h3", {}, name),
      make("p", { class: "text", dir: "auto", lang: language }, ...marked(text, other)),
    );
  return make("div", { class: "pair" }, side(t("Left"), left, right), side(t("Right"), right, left));
}

function rows(left, right, language) {
  const head = make(
    "tr",
    {},
    make("th", { scope: "col" }, make("span", { class: "visually-hidden" }, t("Column"))),
    make("th", { scope: "col" }, t("Left")),
    make("th", { scope: "col" }, make("span", { class: "visually-hidden" }, t("Compared"))),
    make("th", { scope: "col" }, t("Right")),
  );
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  const body = names.map((name) => row(name, left[name] ?? "", right[name] ?? "", language));
  return make("table", { class: "pair" }, make("thead", {}, head), make("tbody", {}, ...body));
}

function row(name, left, right, language) {
  const one = String(left).trim();
  const other = String(right).trim();
  const { sign, said } = compared(one, other);
  const cell = (side, text, against) =>
    make(
      "td",
      { dir: "auto", lang: language, "data-side": side },
      ...(text ? (against ? marked(text, against) : [text]) : ["–"]),
    );
  return make(
    "tr",
    {},
    make("th", { scope: "row", dir: "auto" }, name),
    cell(t("Left"), one, other),
    make("td", { class: "sign", title: said }, make("span", { "aria-hidden": "true" }, sign), make("span", { class: "visually-hidden" }, said)),
    cell(t("Right"), other, one),
  );
}

function compared(left, right) {
  if (!left && !right) return { sign: "", said: t("empty on both sides") };
  if (!left) return { sign: "→", said: t("on the right only") };
  if (!right) return { sign: "←", said: t("on the left only") };
  if (plain(left) === plain(right)) return { sign: "=", said: t("the same") };
  return { sign: "≠", said: t("differs") };
}

/** The text with each word in a mark that the other text does not have. */
function marked(text, other) {
  const known = new Set(wordsOf(other).map(plain));
  return text
    .split(/(\s+)/)
    .map((word) => (!plain(word) || known.has(plain(word)) ? word : make("mark", {}, word)));
}

const wordsOf = (text) => text.split(/\s+/);

/** A word without its case and the punctuation around it. */
const plain = (word) => word.toLowerCase().replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
