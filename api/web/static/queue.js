// The reviewer's end of the queue: the task on the desk, and the next one, fetched meanwhile.

import { call, get, post } from "./api.js";

const MOST_SKIPPED = 100;

export class Queue {
  #kind;
  #busy;
  #skipped = [];
  #next = null;
  #putBack = [];

  /** `busy()` names the tasks that this person is at: on the desk, or answered and not sent. */
  constructor(kind, busy) {
    this.#kind = kind;
    this.#busy = busy;
  }

  /** The next task, as the API's answer: `{task}`, or `{why, next_at}` where there is none. */
  async take() {
    if (this.#putBack.length) return { task: this.#putBack.pop() };
    const ahead = this.#next;
    this.#next = null;
    const task = (await ahead)?.task;
    return task && (await this.#took(task)) ? { task } : this.#ask("claim");
  }

  /** Looks at the next task while a person works on this one. It stays everybody's until then. */
  prefetch() {
    // What fails now is asked for again, and shown, when it is needed.
    this.#next ??= this.#ask("peek").catch(() => null);
  }

  /** Keeps a task that this person holds for the next turn. */
  putBack(task) {
    this.#putBack.push(task);
  }

  /** Leaves the task out from now on. */
  skip(task) {
    this.#skipped.push(task);
  }

  get anySkipped() {
    return this.#skipped.length > 0;
  }

  /** Takes the task that was skipped last once more, if nobody else has it by now. */
  async unskip() {
    const task = this.#skipped.pop();
    await post(leaseOf(task));
    this.putBack(await get(`/api/v1/tasks/${encodeURIComponent(task)}`));
  }

  /** Gives back what is not on the desk: somebody else may need it before its lease ends. */
  async leave() {
    for (const task of this.#putBack.splice(0)) await this.#giveBack(task);
  }

  /** Whether the task that was looked at is this person's now: somebody may have been quicker. */
  async #took(task) {
    try {
      task.lease_until = (await post(leaseOf(task.task_id))).lease_until;
      return true;
    } catch (error) {
      if (error.passing) throw error;
      return false;
    }
  }

  #giveBack(task) {
    return call("DELETE", leaseOf(task.task_id), undefined, { keepalive: true });
  }

  #ask(how) {
    // Those at hand come first: of the skipped ones a full list may leave the oldest out.
    const here = [...this.#busy(), ...this.#putBack.map((task) => task.task_id)];
    const skip = [...here, ...this.#skipped.toReversed()].slice(0, MOST_SKIPPED);
    return post(`/api/v1/tasks/${how}`, { kinds: [this.#kind], skip });
  }
}

export const leaseOf = (task) => `/api/v1/tasks/${encodeURIComponent(task)}/lease`;
