// The labels of a record that may have several: chosen one by one, sent together.

import { find, say } from "./dom.js";
import { number, t, tn } from "./i18n.js";

export class LabelSet {
  #line;
  #changed;
  #chosen = [];
  #least = 1;
  #most = 1;
  #single = false;

  /** `changed()` after every change of what is chosen. */
  constructor(line, changed) {
    this.#line = line;
    this.#changed = changed;
  }

  /** Begins anew, for a task. The line is there where labels are chosen first and sent then: where
   * a record may have several, and with `first` also where it has one. */
  show(task, { first = false } = {}) {
    this.#single = task.choice !== "multiple";
    this.#chosen = [];
    this.#least = this.#single ? 1 : task.min_labels;
    this.#most = this.#single ? 1 : task.max_labels;
    this.#line.hidden = this.#single && !first;
    this.#tell();
  }

  get labels() {
    return this.#chosen;
  }

  has(label) {
    return this.#chosen.includes(label);
  }

  toggle(label) {
    if (!this.has(label) && this.#chosen.length >= this.#most && !this.#single) {
      this.#tell(
        tn(
          "{count} label at the most: take one back before you add “{label}”.",
          "{count} labels at the most: take one back before you add “{label}”.",
          this.#most,
          { label },
        ),
      );
      return;
    }
    const others = this.#single ? [] : this.#chosen;
    this.#chosen = this.has(label)
      ? others.filter((each) => each !== label)
      : [...others, label].sort();
    this.#tell();
    this.#changed();
  }

  /** The verdict that the chosen labels are; null while they are too few. */
  get verdict() {
    if (this.#chosen.length < this.#least) return null;
    if (this.#single) return { kind: "label", label: this.#chosen[0] };
    return { kind: "label", labels: this.#chosen };
  }

  #tell(instead = "") {
    const chosen = t("Chosen: {labels}", { labels: this.#chosen.join(" + ") });
    say(find("[role=status]", this.#line), instead || (this.#chosen.length ? chosen : this.#wanted));
    find("button", this.#line).disabled = !this.verdict;
    find("button span", this.#line).textContent = this.#sending;
  }

  get #wanted() {
    const [least, most] = [this.#least, this.#most];
    if (!least) {
      return tn("Choose up to {count} label, or send none of them.", "Choose up to {count} labels, or send none of them.", most);
    }
    if (least === most) return tn("Choose {count} label.", "Choose {count} labels.", most);
    return t("Choose {least} to {most} labels.", { least: number(least), most: number(most) });
  }

  get #sending() {
    const count = this.#chosen.length;
    if (count) return tn("Send {count} label", "Send {count} labels", count);
    return this.#least ? t("Send") : t("None of them");
  }
}
