// This person's last answers, one at a time: what was there, what they said, and why it was chosen.

import { enliven } from "./answer.js";
import { get } from "./api.js";
import { find, make, verdictText } from "./dom.js";
import { clock, dateAndTime, number, t, word } from "./i18n.js";

export class History {
  stays = true;
  alone = true;
  #place;
  #beside;
  #undo;
  #answers = [];
  #at = -1;

  /** `undo(answer)` takes one back. */
  constructor(section, beside, undo) {
    this.#place = find(".found", section);
    this.#beside = beside;
    this.#undo = undo;
    beside.add("history", this);
  }

  /** One answer further back; the first time, the last one. */
  async earlier() {
    if (this.#beside.open !== "history") {
      this.#at = -1;
      this.#beside.toggle("history");
      this.#place.replaceChildren(t("Looking…"));
      try {
        this.#answers = await get("/api/v1/reviews/mine");
      } catch (error) {
        this.#place.replaceChildren(error.sentence ?? error.message);
        return;
      }
    }
    this.#go(1);
  }

  /** One answer forward; from the last one back to the record. */
  later() {
    if (this.#beside.open !== "history") return;
    if (this.#at <= 0) this.#beside.close();
    else this.#go(-1);
  }

  show() {}

  #go(step) {
    if (!this.#answers.length) {
      this.#place.replaceChildren(t("You have not answered anything yet."));
      return;
    }
    this.#at = Math.min(this.#at + step, this.#answers.length - 1);
    this.#fill(this.#answers[this.#at]);
  }

  async #fill(given) {
    const place = t("{at} of {all}", { at: number(this.#at + 1), all: number(this.#answers.length) });
    const said = make(
      "p",
      {},
      make("b", { class: "given-answer", dir: "auto" }, verdictText(given.verdict)),
      make("br"),
      make("span", { class: "muted" }, `${dateAndTime(given.decided_at)} · ${word("review", given.status)}`),
    );
    const detail = make("div", {}, t("Looking…"));
    this.#place.replaceChildren(make("p", { class: "muted" }, `${given.record_id} · ${place}`), said, ...this.#reason(given), detail, this.#undoing(given));
    try {
      const article = await answerOf(given.review_id);
      if (this.#answers[this.#at] === given) detail.replaceChildren(article);
    } catch {
      detail.replaceChildren(t("This answer could not be fetched. Try again in a moment."));
    }
  }

  #reason(given) {
    return given.rationale ? [make("blockquote", { dir: "auto" }, given.rationale)] : [];
  }

  #undoing(given) {
    if (!given.undo_until || new Date(given.undo_until) < new Date()) return make("p");
    const button = make("button", { type: "button", onclick: () => this.#undo(given) }, t("Take it back"));
    return make("p", {}, button, " ", make("span", { class: "muted" }, t("until {time}", { time: clock(given.undo_until) })));
  }
}

/** Fetched as a page, which says it in the reader's language. */
async function answerOf(review) {
  const response = await fetch(`/answers/${encodeURIComponent(review)}`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const article = document.importNode(find("#answer-article", page), true);
  enliven(article);
  return article;
}
