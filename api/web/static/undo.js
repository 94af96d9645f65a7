// Taking the last answers back, one after another, for as long as their round lets one.

import { get, post } from "./api.js";
import { t, word } from "./i18n.js";

const MOST = 10;
const PATIENCE_MS = 10_000;
const LOOK_EVERY_MS = 150;

export const UNDO_KEYS = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘ Z" : word("key", "Ctrl Z");

export class Undo {
  #isSent;
  #changed;
  #given = [];
  #timer = null;

  /** `isSent(entry)`: whether the server has it; `changed()` when there is more or less to undo. */
  constructor({ isSent, changed }) {
    this.#isSent = isSent;
    this.#changed = changed;
  }

  /** The answer that would be taken back: `{task, entry}`. */
  get last() {
    this.#given = this.#given.filter(({ until }) => until > Date.now());
    return this.#given.at(-1) ?? null;
  }

  /** An answer that has just been given to a task. */
  remember(task, entry) {
    if (!task.undo_seconds) return;
    this.#given.push({ task, entry, until: Date.now() + 1000 * task.undo_seconds });
    this.#given = this.#given.slice(-MOST);
    this.#change();
  }

  /** An answer that nobody has taken needs no undoing. */
  forget(entry) {
    this.#given = this.#given.filter((each) => each.entry.body.review_id !== entry.body.review_id);
    this.#change();
  }

  /** Takes an answer back, given here or before this page; returns its task once that is this
   * person's again. */
  async take({ review_id: review, task_id: task }) {
    const given = this.#given.find(({ entry }) => entry.body.review_id === review);
    if (given) {
      this.forget(given.entry);
      await until(() => this.#isSent(given.entry), t("It is still being sent."));
    }
    await post(`/api/v1/reviews/${encodeURIComponent(review)}/undo`);
    await until(async () => {
      const mine = await get("/api/v1/reviews/mine");
      return mine.some((each) => each.review_id === review && each.status === "undone");
    }, t("The round has not given it back; perhaps its time was over."));
    return given?.task ?? get(`/api/v1/tasks/${encodeURIComponent(task)}`);
  }

  #change() {
    clearTimeout(this.#timer);
    const last = this.last;
    if (last) this.#timer = setTimeout(() => this.#change(), last.until - Date.now() + 10);
    this.#changed();
  }
}

async function until(found, otherwise) {
  const end = Date.now() + PATIENCE_MS;
  while (!(await found())) {
    if (Date.now() > end) throw new Error(otherwise);
    await new Promise((go) => setTimeout(go, LOOK_EVERY_MS));
  }
}
