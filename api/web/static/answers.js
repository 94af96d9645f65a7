// What the reviewers said, beside each other, for whoever settles it: where they differ is marked.

import { make, verdictText } from "./dom.js";
import { number, percent, t } from "./i18n.js";

export class Answers {
  #place;
  #reviews = [];

  constructor(place) {
    this.#place = place;
  }

  show(reviews) {
    this.#reviews = reviews;
    this.#place.replaceChildren(...reviews.map((review) => this.#card(review)));
  }

  /** Every label that somebody gave, or had in doubt. */
  get labels() {
    return [...new Set(this.#reviews.flatMap(({ verdict }) => labelsOf(verdict)))].sort();
  }

  /** Letters of those who gave the label, or had it in doubt. */
  givenFor(label) {
    return this.#reviews
      .filter(({ verdict }) => labelsOf(verdict).includes(label))
      .map(letterOf)
      .join(" ");
  }

  #card(review) {
    return make(
      "article",
      { class: "answer" },
      make("h3", {}, t("Reviewer {letter}", { letter: letterOf(review) })),
      make("p", { class: "given-answer", dir: "auto" }, ...this.#marked(review)),
      make("p", { class: "muted" }, [sure(review), t("{seconds} s", { seconds: number(Math.round(review.seconds)) })].filter(Boolean).join(" · ")),
      review.rationale ? make("blockquote", { dir: "auto" }, review.rationale) : make("p", { class: "muted" }, t("gave no reason")),
    );
  }

  /** The answer, with what not everybody said in a mark. */
  #marked(review) {
    const { verdict } = review;
    if (verdict.kind !== "label" || !verdict.labels.length) {
      const same = this.#reviews.every((other) => verdictText(other.verdict) === verdictText(verdict));
      return [same ? verdictText(verdict) : make("mark", {}, verdictText(verdict))];
    }
    const everybodys = (label) => this.#reviews.every((other) => labelsOf(other.verdict).includes(label));
    return verdict.labels.flatMap((label, place) => [
      ...(place ? [" + "] : []),
      everybodys(label) ? label : make("mark", {}, label),
    ]);
  }
}

const labelsOf = ({ label, labels, between }) => [...(label ? [label] : []), ...labels, ...between];

/** Who gave an answer is a letter: `Reviewer A`, in the API's English. */
const letterOf = ({ reviewer }) => reviewer.replace("Reviewer ", "");

const sure = ({ confidence }) => (confidence === null ? "" : t("{share} sure", { share: percent(confidence) }));
