// An answer of this person's own: on a page, or beside the record on the desk.

import { newId, post } from "./api.js";
import { fillThumbs } from "./content.js";
import { all, find } from "./dom.js";
import { t } from "./i18n.js";

/** Shows its record, and lets another label take the place of the one that was given. */
export function enliven(article) {
  fillThumbs(all("[data-content]", article));
  find(".correct", article)?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const told = find("[role=status]", form);
    try {
      await post(`/api/v1/reviews/${encodeURIComponent(form.dataset.review)}/correction`, {
        review_id: newId(),
        verdict: { kind: "label", label: form.elements.label.value },
        schema: form.dataset.schema,
        guideline: form.dataset.guideline,
        rationale: form.elements.why.value.trim(),
      });
      told.textContent = t("Corrected: {answer}. The earlier answer stays in the ledger.", { answer: form.elements.label.value });
    } catch (error) {
      told.textContent = error.sentence ?? error.message;
    }
  });
}

const here = find("main > #answer-article");
if (here) enliven(here);
