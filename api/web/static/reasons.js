// A reason in words, where one has to go with an answer.

import { say, verdictText } from "./dom.js";
import { t } from "./i18n.js";

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
    const answer = verdictText(verdict);
    const said =
      task.kind === "adjudication"
        ? t("Your decision: {answer}. Write why, then press Enter.", { answer })
        : t("Your answer: {answer}. This round wants a reason with it. Write why, then press Enter.", { answer });
    say(this.#notice, said);
    this.#field.focus();
  }

  clear() {
    say(this.#notice, "");
  }
}
