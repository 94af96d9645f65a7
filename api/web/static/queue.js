// The reviewer's end of the queue: the task on the desk, and the next one, fetched meanwhile.

import { call, post } from "./api.js";

const MOST_SKIPPED = 100;

export class Queue {
  #kind;
  #busy;
  #skipped = [];
  #next = null;

  /** `busy()` names the tasks that this person is at: on the desk, or answered and not sent. */
  constructor(kind, busy) {
    this.#kind = kind;
    this.#busy = busy;
  }

  /** The next task, as the API's answer: `{task}`, or `{why, next_at}` where there is none. */
  async take() {
    const ahead = this.#next;
    this.#next = null;
    const fetched = await ahead;
    return fetched?.task ? fetched : this.#claim();
  }

  /** Claims the next task while a person looks at this one. */
  prefetch() {
    // What fails now is asked for again, and shown, when it is needed.
    this.#next ??= this.#claim().catch(() => null);
  }

  async skip(task) {
    this.#skipped.push(task);
    await call("DELETE", leaseOf(task));
  }

  get anySkipped() {
    return this.#skipped.length > 0;
  }

  unskip() {
    this.#skipped = [];
  }

  /** Gives back what was fetched ahead: somebody else may need it before its lease ends. */
  async leave() {
    const ahead = this.#next;
    this.#next = null;
    const fetched = await ahead;
    if (fetched?.task) await call("DELETE", leaseOf(fetched.task.task_id), undefined, { keepalive: true });
  }

  #claim() {
    // Those at hand come first: of the skipped ones a full list may leave the oldest out.
    const skip = [...this.#busy(), ...this.#skipped.toReversed()].slice(0, MOST_SKIPPED);
    return post("/api/v1/tasks/claim", { kinds: [this.#kind], skip });
  }
}

export const leaseOf = (task) => `/api/v1/tasks/${encodeURIComponent(task)}/lease`;
