// A reason in words, where one has to go with an answer.

import { say, verdictText } from "./dom.js";

export class Reasons {
  #field;
  #notice;

  /** `field` takes the reason, `notice` says that it is wanted and why. */
  constructor(field, notice) {
    this.#field = field;
    this.#notice = notice;
  }

  isMissing(task, verdict, because) {
    return !because && task.rationale_for.includes(verdict.kind);
  }

  /** Asks for a reason for `verdict`: whoever has written it sends both with Enter. */
  demand(task, verdict) {
    const said =
      task.kind === "adjudication"
        ? `Your decision: ${verdictText(verdict)}.`
        : `Your answer: ${verdictText(verdict)}. This round wants a reason with it.`;
    say(this.#notice, `${said} Write why, then press Enter.`);
    this.#field.focus();
  }

  clear() {
    say(this.#notice, "");
  }
}
