// This person's last answers, one at a time: what was there, what they said, and why it was chosen.

import { get, newId, post } from "./api.js";
import { contentNode } from "./content.js";
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
      const full = await get(`/api/v1/reviews/${encodeURIComponent(given.review_id)}`);
      if (this.#answers[this.#at] !== given) return;
      detail.replaceChildren(
        make("div", { class: "like" }, contentNode(full.content_kind, full.content, full.metadata)),
        await whyChosen(given.review_id),
        ...(full.correctable ? [this.#correction(full)] : []),
      );
    } catch (error) {
      detail.replaceChildren(error.sentence ?? error.message);
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

  /** Another label in the place of the one that was given, while the record is being reviewed. */
  #correction(full) {
    const labels = make("select", { id: "correct-label" }, ...full.labels.map(({ label }) => make("option", { value: label, selected: label === full.verdict.label }, label)));
    const why = make("textarea", { id: "correct-why", rows: "2", required: true });
    const told = make("p", { role: "status" });
    const form = make(
      "form",
      {
        class: "correct",
        onsubmit: async (event) => {
          event.preventDefault();
          try {
            await post(`/api/v1/reviews/${encodeURIComponent(full.review_id)}/correction`, {
              review_id: newId(),
              verdict: { kind: "label", label: labels.value },
              schema: full.schema,
              guideline: full.guideline,
              rationale: why.value.trim(),
            });
            told.textContent = t("Corrected: {answer}. The earlier answer stays in the ledger.", { answer: labels.value });
          } catch (error) {
            told.textContent = error.sentence ?? error.message;
          }
        },
      },
      make("label", { for: "correct-label" }, t("Correct it to")),
      labels,
      make("label", { for: "correct-why" }, t("Why")),
      why,
      make("button", {}, t("Correct")),
      told,
    );
    return make("details", {}, make("summary", {}, t("Correct this answer")), form);
  }
}

/** Fetched as a page, which says it in the reader's language. */
async function whyChosen(review) {
  const response = await fetch(`/answers/${encodeURIComponent(review)}`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const why = find("#why-chosen", page);
  return why ? document.importNode(why, true) : make("p", { class: "muted" }, t("Why it was chosen could not be fetched."));
}
