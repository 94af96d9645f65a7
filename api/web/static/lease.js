// How long the task on the desk is this person's: kept quietly while somebody is there, counted down
// before it ends, and said plainly when it has.

import { attended } from "./attention.js";
import { post } from "./api.js";
import { find, say } from "./dom.js";
import { t } from "./i18n.js";
import { leaseOf } from "./queue.js";

const RENEW_AFTER_MS = 5 * 60_000;
const WARN_BEFORE_MS = 2 * 60_000;

export class Lease {
  #line;
  #changed;
  #task = null;
  #since = 0;
  #said = "";
  #gone = false;

  /** `line` holds the countdown and a button that keeps the task; `changed()` after each renewal. */
  constructor(line, changed) {
    this.#line = line;
    this.#changed = changed;
    setInterval(() => this.#look(), 1_000);
  }

  show(task) {
    this.#task = task;
    this.#gone = false;
    this.#since = Date.now();
    this.#look();
  }

  /** Keeps the task longer, or takes it back where it is free. */
  async keep() {
    const held = this.#task;
    if (!held) return;
    this.#since = Date.now();
    try {
      held.lease_until = (await post(leaseOf(held.task_id))).lease_until;
      if (held !== this.#task) return;
      this.#changed();
      this.#look();
    } catch (error) {
      if (held !== this.#task || error.passing || this.#left > 0) return;
      this.#gone = true;
      this.#tell(t("Somebody else has this record now. What you wrote is kept; your answer may not be taken."));
    }
  }

  get #left() {
    return new Date(this.#task.lease_until).getTime() - Date.now();
  }

  #look() {
    if (!this.#task?.lease_until) {
      this.#line.hidden = true;
      return;
    }
    if (Date.now() - this.#since >= RENEW_AFTER_MS && attended(5)) this.keep();
    const left = this.#left;
    this.#line.hidden = left > WARN_BEFORE_MS;
    if (left > WARN_BEFORE_MS) {
      this.#tell("");
    } else if (left > 0) {
      const seconds = Math.ceil(left / 1000);
      const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      find(".left", this.#line).textContent = t("Yours for {time} more", { time });
      this.#tell(t("This record goes back to the queue in two minutes unless you keep it."));
    } else {
      find(".left", this.#line).textContent = t("Back in the queue");
      if (!this.#gone) this.#tell(t("This record is back in the queue. What you wrote is kept here: take it again, or answer while nobody else has it."));
    }
  }

  /** Once for each sentence, for those who hear the page. */
  #tell(sentence) {
    if (sentence === this.#said) return;
    this.#said = sentence;
    say(find("[role=status]", this.#line), sentence);
  }
}
