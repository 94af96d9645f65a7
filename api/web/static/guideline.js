// The guideline beside the record, fetched when somebody wants to read it.

import { all, find } from "./dom.js";
import { t } from "./i18n.js";

export class GuidelinePanel {
  stays = true;
  #panel;
  #loaded = "";
  #inQuestion = [];

  constructor(panel) {
    this.#panel = panel;
  }

  /** Shows the guideline of the task. */
  async show({ guideline: wanted }) {
    if (this.#loaded === wanted) return;
    const place = find("#guideline-text", this.#panel);
    try {
      const response = await fetch(`/guidelines/${wanted.replace("@", "/")}`);
      const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
      const article = find("#guideline-article", parsed);
      if (!article) throw new Error("no guideline in the answer");
      place.replaceChildren(document.importNode(article, true));
      this.#loaded = wanted;
      this.#order();
    } catch {
      place.textContent = t("The guideline could not be fetched. Close this panel and open it again.");
    }
  }

  /** Examples and counterexamples of these labels come first, and are marked; the others beside them show the difference. */
  ask(labels) {
    if (labels.join() === this.#inQuestion.join()) return;
    this.#inQuestion = labels;
    this.#order();
  }

  #order() {
    const asked = (row) => this.#inQuestion.includes(row.dataset.label);
    for (const body of all(".examples tbody", this.#panel)) {
      const rows = [...body.rows];
      for (const row of rows) row.classList.toggle("in-question", asked(row));
      body.append(...rows.filter(asked), ...rows.filter((row) => !asked(row)));
    }
  }
}
