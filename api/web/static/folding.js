// Long texts begin folded, so that the labels stay in sight; whoever unfolds one has all unfolded.

import { all, find } from "./dom.js";
import { t } from "./i18n.js";

const KEY = "labelwright/unfolded";

export class Folding {
  #place;
  #button;

  /** `place` holds the record, `button` folds and unfolds it. */
  constructor(place, button) {
    this.#place = place;
    this.#button = button;
  }

  /** After another record has been put there. */
  show() {
    this.#set(!this.#unfolded);
    const long = all(".text, .row", this.#place).some((each) => each.scrollHeight > each.clientHeight + 8);
    if (!long && !this.#unfolded) this.#place.classList.remove("folded");
    this.#button.hidden = !long && !this.#isTall;
  }

  toggle() {
    if (this.#button.hidden) return;
    this.#unfolded = !this.#unfolded;
    this.#set(!this.#unfolded);
  }

  get #isTall() {
    return all(".text, .row", this.#place).some((each) => each.scrollHeight > innerHeight / 2);
  }

  #set(folded) {
    this.#place.classList.toggle("folded", folded);
    find("span", this.#button).textContent = folded ? t("Show all of it") : t("Show less");
    this.#button.setAttribute("aria-expanded", String(!folded));
  }

  get #unfolded() {
    return sessionStorage.getItem(KEY) === "yes";
  }

  set #unfolded(value) {
    sessionStorage.setItem(KEY, value ? "yes" : "no");
  }
}
