// Answers that are no plain label: to exclude, ambiguous, to escalate, and skipping. Each has a panel
// in the place of the labels, with keys of its own; Escape closes it.

import { all, find } from "./dom.js";
import { LabelBoard } from "./labels.js";
import { Skipping } from "./skipping.js";

export class AnswerPanels {
  #desk;
  #name = null;
  #between = [];
  #board;
  #skipping;

  /** `desk` has `{task(), several(), answer(verdict, more), skip(reason), letters(), back(),
   * between(labels)}`. */
  constructor(desk) {
    this.#desk = desk;
    this.#board = new LabelBoard(find("#between"), (label) => this.#toggle(label), desk.letters);
    this.#skipping = new Skipping(find("#skip"), { because: desk.skip, back: () => this.close() });
    for (const button of all("[data-exclusion]")) {
      button.addEventListener("click", () => desk.answer({ kind: "exclude", exclusion: button.dataset.exclusion }));
    }
    for (const button of all("[data-back]")) button.addEventListener("click", () => this.close());
    find("#ambiguous-send").addEventListener("click", () => this.#sendBetween());
    find("#unusable-send").addEventListener("click", () => desk.answer({ kind: "unusable_ambiguity" }));
    find("#escalate-send")?.addEventListener("click", () => {
      desk.answer({ kind: "escalate" }, { because: this.#why.value.trim() });
    });
    this.#why?.addEventListener("keydown", (event) => {
      const ours = event.key === "Escape" || (event.key === "Enter" && !event.shiftKey);
      if (!ours || event.isComposing) return;
      event.preventDefault();
      if (event.key === "Enter") find("#escalate-send").click();
      else this.close();
    });
  }

  get isOpen() {
    return this.#name !== null;
  }

  open(name) {
    if (!this.#desk.task()) return;
    this.#become(name);
    find(`#${name}`).focus({ preventScroll: true });
    if (name === "ambiguous") this.#beginBetween();
    if (name === "escalate") {
      this.#why.value ||= find("#rationale").value;
      this.#why.focus();
    }
  }

  /** `quietly` leaves the cursor where it is. */
  close({ quietly = false } = {}) {
    this.#become(null);
    if (!quietly) this.#desk.back();
  }

  press(key, event) {
    // What a key does may put the cursor into a field, which is not to take the key as well.
    if (key !== "Enter" && !(key === " " && event.target.closest("button"))) event.preventDefault();
    if (key === "Escape") this.close();
    else if (this.#name === "exclude") all("[data-exclusion]")[Number(key) - 1]?.click();
    else if (this.#name === "skip" && key !== "Enter") this.#skipping.press(key);
    else if (this.#name === "ambiguous") this.#pressBetween(key, event);
  }

  get #why() {
    return find("#escalate-why");
  }

  #become(name) {
    this.#name = name;
    for (const each of all(".panel")) each.hidden = each.id !== name;
    find("#choosing").hidden = name !== null;
  }

  // -- between which labels -----------------------------------------------------------------------

  #beginBetween() {
    this.#between = [];
    this.#board.show(this.#desk.task().labels);
    this.#board.mark(() => ({ chosen: false }));
    find("#ambiguous-send").disabled = true;
  }

  #pressBetween(key, event) {
    if (key === "u") find("#unusable-send").click();
    // On a button Enter presses that button.
    else if (key === "Enter" && !event.target.closest("button")) this.#sendBetween();
    else this.#board.press(key);
  }

  #toggle(label) {
    this.#between = this.#between.includes(label)
      ? this.#between.filter((each) => each !== label)
      : [...this.#between, label];
    this.#board.mark((each) => ({ chosen: this.#between.includes(each) }));
    find("#ambiguous-send").disabled = this.#between.length < this.#fewest;
    this.#desk.between(this.#between);
  }

  /** Of several labels one alone can be in doubt. */
  get #fewest() {
    return this.#desk.several() ? 1 : 2;
  }

  #sendBetween() {
    if (this.#between.length < this.#fewest) return;
    this.#desk.answer({ kind: "useful_ambiguity", between: [...this.#between].sort() });
  }
}
