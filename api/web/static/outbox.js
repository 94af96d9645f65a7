// Answers on their way. Each is written to this browser's storage first and leaves it only when
// the server has it for good, under an id made here, so that sending it twice counts once.

import { Problem, post } from "./api.js";

const PREFIX = "labelwright/unsent/";
const LONGEST_WAIT_SECONDS = 15;
const TAKE_BACK = new Set(["lease_expired", "task_not_claimed"]);
const TAKE_BACK_TIMES = 3;

export class Outbox {
  #account;
  #changed;
  #returned;
  #memory = new Map();
  #running = false;
  #failures = 0;
  #timer = null;
  #tookBack = new Map();
  state = "idle";
  retryAt = 0;
  reason = "";

  /** `changed()` after every change; `returned(entry, problem)` for an answer nobody takes. */
  constructor(account, { changed, returned }) {
    this.#account = account;
    this.#changed = changed;
    this.#returned = returned;
    addEventListener("online", () => this.send());
    addEventListener("storage", (event) => event.key?.startsWith(PREFIX) && changed());
  }

  get #prefix() {
    return `${PREFIX}${this.#account}/`;
  }

  /** The unsent answers of this account, the oldest first. */
  get entries() {
    const found = new Map(this.#memory);
    for (const key of keys(this.#prefix)) {
      const entry = JSON.parse(localStorage.getItem(key) ?? "null");
      if (entry) found.set(entry.body.review_id, entry);
    }
    return [...found.values()].sort((one, other) => one.at - other.at);
  }

  /** Whether the entry is still here, so that the server may not have it. */
  holds({ body }) {
    return this.entries.some((entry) => entry.body.review_id === body.review_id);
  }

  /** Keeps `{path, task, record, shown, body}` and begins to send it. */
  put(entry) {
    const kept = { ...entry, at: Date.now() };
    try {
      localStorage.setItem(this.#prefix + kept.body.review_id, JSON.stringify(kept));
    } catch {
      // Storage is full or switched off: it is kept for as long as the page is open.
      this.#memory.set(kept.body.review_id, kept);
    }
    this.send();
  }

  /** Sends what there is; does nothing while it is being done. */
  async send() {
    clearTimeout(this.#timer);
    if (this.#running) return;
    this.#running = true;
    try {
      let entry;
      while ((entry = this.entries[0])) {
        this.#become("sending");
        await this.#deliver(entry);
      }
      this.#failures = 0;
      this.#become("idle");
    } catch (error) {
      this.#wait(error);
    } finally {
      this.#running = false;
    }
  }

  async #deliver(entry) {
    try {
      await post(entry.path, entry.body);
      this.#failures = 0;
    } catch (error) {
      if (error.passing || error.status === 401) throw error;
      if (await this.#takenBack(entry, error)) return;
      this.#remove(entry);
      this.#returned(entry, error);
      return;
    }
    this.#remove(entry);
  }

  /** Whether a task whose lease ran out could be claimed again, so that the answer still fits. */
  async #takenBack(entry, error) {
    const times = this.#tookBack.get(entry.body.review_id) ?? 0;
    if (!TAKE_BACK.has(error.code) || times >= TAKE_BACK_TIMES) return false;
    this.#tookBack.set(entry.body.review_id, times + 1);
    try {
      await post(`/api/v1/tasks/${encodeURIComponent(entry.task)}/lease`);
      return true;
    } catch (refusal) {
      if (refusal.passing || refusal.status === 401) throw refusal;
      return false;
    }
  }

  #remove(entry) {
    this.#memory.delete(entry.body.review_id);
    localStorage.removeItem(this.#prefix + entry.body.review_id);
  }

  #wait(error) {
    if (error instanceof Problem && error.status === 401) {
      this.#become("signed out");
      return;
    }
    this.#failures += 1;
    const backoff = Math.min(2 ** (this.#failures - 1), LONGEST_WAIT_SECONDS);
    const seconds = Math.max(error.retryAfter ?? 0, backoff);
    this.retryAt = Date.now() + 1000 * seconds;
    this.reason = error.message;
    this.#timer = setTimeout(() => this.send(), 1000 * seconds);
    this.#become("waiting");
  }

  #become(state) {
    this.state = state;
    this.#changed();
  }
}

/** How many answers wait in this browser, of whichever account. */
export const countUnsent = () => keys(PREFIX).length;

function keys(prefix) {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  } catch {
    return [];
  }
}
