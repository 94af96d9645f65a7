// What is known around a record: labelled records that resemble it, and what the model says of it
// where the round lets that be seen. Each is fetched only when somebody asks for it.

import { get, post } from "./api.js";
import { contentNode } from "./content.js";
import { find, make } from "./dom.js";
import { percent, t } from "./i18n.js";

export class SimilarPanel {
  #place;
  #shown = "";

  constructor(section) {
    this.#place = find(".found", section);
  }

  async show(task) {
    if (this.#shown === task.task_id) return;
    this.#shown = task.task_id;
    this.#place.replaceChildren(t("Looking…"));
    try {
      const { records, why } = await get(`/api/v1/tasks/${encodeURIComponent(task.task_id)}/similar`);
      if (this.#shown !== task.task_id) return;
      const cards = records.map((each) =>
        make(
          "article",
          { class: "like" },
          contentNode(task.content_kind, each.content),
          make("p", {}, make("b", { dir: "auto" }, each.label), " ", make("span", { class: "muted" }, t("{share} alike", { share: percent(each.similarity) }))),
        ),
      );
      this.#place.replaceChildren(...(cards.length ? cards : [NOTHING_SIMILAR[why]()]));
    } catch (error) {
      this.#shown = "";
      this.#place.replaceChildren(error.sentence ?? error.message);
    }
  }
}

const NOTHING_SIMILAR = {
  nothing_labelled: () => t("The pool has no labelled records to compare with yet."),
  nothing_alike: () => t("No labelled record resembles this one."),
};

export class SuggestionPanel {
  #place;

  constructor(section) {
    this.#place = find(".found", section);
  }

  /** Asking is noted: the answer says that it was given after this was seen. */
  async show(task) {
    if (!task.may_reveal) {
      this.#place.replaceChildren(t("In this round everybody judges for themselves: what the model says is not shown."));
      return;
    }
    this.#place.replaceChildren(t("Asking…"));
    try {
      const { suggestion, shown } = await post(`/api/v1/tasks/${encodeURIComponent(task.task_id)}/suggestion`);
      // The answer is given to what was seen, this included.
      task.shown = shown;
      const said = suggestion === null ? [t("The model says nothing of this record.")] : [make("b", { class: "given-answer", dir: "auto" }, suggestion), make("br"), t("It is noted with your answer that you have seen this.")];
      this.#place.replaceChildren(...said);
    } catch (error) {
      this.#place.replaceChildren(error.sentence ?? error.message);
    }
  }
}
