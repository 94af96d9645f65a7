// The guideline beside the record, fetched when somebody wants to read it.

import { find } from "./dom.js";
import { t } from "./i18n.js";

export class GuidelinePanel {
  stays = true;
  #panel;
  #loaded = "";

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
    } catch {
      place.textContent = t("The guideline could not be fetched. Close this panel and open it again.");
    }
  }
}
