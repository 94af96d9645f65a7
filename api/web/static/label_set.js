// The labels of a record that may have several: chosen one by one, sent together.

import { find, say } from "./dom.js";

export class LabelSet {
  #line;
  #changed;
  #chosen = [];
  #least = 1;
  #most = 1;

  /** `changed()` after every change of what is chosen. */
  constructor(line, changed) {
    this.#line = line;
    this.#changed = changed;
  }

  /** Begins anew, for a task; the line is there only where a record may have several labels. */
  show(task) {
    this.#chosen = [];
    this.#least = task.min_labels;
    this.#most = task.max_labels;
    this.#line.hidden = task.choice !== "multiple";
    this.#tell();
  }

  has(label) {
    return this.#chosen.includes(label);
  }

  toggle(label) {
    if (!this.has(label) && this.#chosen.length >= this.#most) {
      this.#tell(`${labels(this.#most)} at the most: take one back before you add “${label}”.`);
      return;
    }
    this.#chosen = this.has(label)
      ? this.#chosen.filter((each) => each !== label)
      : [...this.#chosen, label].sort();
    this.#tell();
    this.#changed();
  }

  /** The verdict that the chosen labels are; null while they are too few. */
  get verdict() {
    if (this.#chosen.length < this.#least) return null;
    return { kind: "label", labels: this.#chosen };
  }

  #tell(instead = "") {
    const count = this.#chosen.length;
    const wanted = this.#least === this.#most ? labels(this.#least) : `${this.#least} to ${labels(this.#most)}`;
    const nothing = this.#least ? `Choose ${wanted}.` : `Choose up to ${labels(this.#most)}, or send none of them.`;
    say(find("[role=status]", this.#line), instead || (count ? `Chosen: ${this.#chosen.join(" + ")}` : nothing));
    find("button", this.#line).disabled = !this.verdict;
    find("button span", this.#line).textContent = count ? `Send ${labels(count)}` : this.#least ? "Send" : "None of them";
  }
}

const labels = (count) => (count === 1 ? "1 label" : `${count} labels`);
