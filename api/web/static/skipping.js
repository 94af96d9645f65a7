// Passing a task by: the reason that goes with it, and its way to the server.

import { call, newId, post } from "./api.js";
import { all, find } from "./dom.js";
import { leaseOf } from "./queue.js";

const TIMES = 5;
const WAIT_MS = 2_000;

export class Skipping {
  #panel;
  #field;
  #because;

  /** `because(reason)` is called with the reason that somebody gives, `back()` when they give none. */
  constructor(panel, { because, back }) {
    this.#panel = panel;
    this.#field = find("textarea", panel);
    this.#because = because;
    for (const button of all("[data-skip]", panel)) {
      button.addEventListener("click", () => because(button.dataset.skip));
    }
    find("#skip-send", panel).addEventListener("click", () => this.#send());
    this.#field.addEventListener("keydown", (event) => {
      const ours = event.key === "Escape" || (event.key === "Enter" && !event.shiftKey);
      if (!ours || event.isComposing) return;
      event.preventDefault();
      if (event.key === "Enter") this.#send();
      else back();
    });
  }

  press(key) {
    if (key === "c") this.#field.focus();
    else all("[data-skip]", this.#panel)[Number(key) - 1]?.click();
  }

  #send() {
    const reason = this.#field.value.trim();
    if (reason) this.#because(reason);
    else this.#field.focus();
  }
}

/** Tells the server. Raises what it answers when it takes no skip; the task is given back then. */
export async function sendSkip(task, reason) {
  const body = { request_id: newId(), reason };
  for (let time = 1; ; time += 1) {
    try {
      return await post(`/api/v1/tasks/${encodeURIComponent(task)}/skip`, body, { keepalive: true });
    } catch (error) {
      if (error.passing && time < TIMES) {
        await new Promise((go) => setTimeout(go, Math.max(WAIT_MS, 1000 * (error.retryAfter ?? 0))));
        continue;
      }
      // Whatever became of the reason, somebody else may have the task.
      await call("DELETE", leaseOf(task)).catch(() => null);
      throw error;
    }
  }
}
