// What the desk says of the work: how much is done, what is saved, and what went otherwise.

import { get } from "./api.js";
import { find, make } from "./dom.js";
import { number, pieces, t, tn } from "./i18n.js";

const MANY_WAITING = 100;

export class Bar {
  #outbox;
  #answered = null;
  #waiting = "";
  #last = "";

  /** `outbox` is where answers are until the server has them. */
  constructor(outbox) {
    this.#outbox = outbox;
  }

  /** Once it is known how many answers there were before this page. */
  begin(done) {
    this.#answered ??= done;
    this.showProgress();
  }

  /** One answer more, in words, or with a number of -1 one less. */
  count(answers, words = "") {
    this.#answered = Math.max(0, (this.#answered ?? 0) + answers);
    this.#last = words;
    this.showProgress();
  }

  showProgress() {
    const done = tn("{count} answered", "{count} answered", this.#answered ?? 0);
    find("#progress").textContent = this.#waiting ? `${done} · ${this.#waiting}` : done;
  }

  /** How much is left: counted now and then, since counting a long queue for each record would tell. */
  async countWaiting() {
    try {
      const { claimable } = await get("/api/v1/queue");
      this.#waiting =
        claimable >= MANY_WAITING
          ? t("{count} or more waiting", { count: number(MANY_WAITING) })
          : tn("{count} waiting", "{count} waiting", claimable);
      this.showProgress();
    } catch {
      this.#waiting = "";
    }
  }

  showSaved() {
    const line = find("#saved");
    const unsent = this.#outbox.entries.length;
    const answers = tn("{count} answer", "{count} answers", unsent);
    line.className = `saved ${unsent ? this.#outbox.state.replace(" ", "-") : "done"}`;
    if (!unsent) {
      line.textContent = this.#last ? t("✓ {answer} – saved", { answer: this.#last }) : "";
    } else if (this.#outbox.state === "waiting") {
      const seconds = number(Math.max(1, Math.ceil((this.#outbox.retryAt - Date.now()) / 1000)));
      const button = make("button", { type: "button", class: "quiet", onclick: () => this.#outbox.send() }, t("Try now"));
      const values = { answers, seconds, button };
      line.replaceChildren(...pieces("Not sent yet: {answers}, kept here. Trying again in {seconds} s {button}", values));
    } else if (this.#outbox.state === "signed out") {
      const link = make("a", { href: signInAgain() }, t("Sign in again"));
      line.replaceChildren(...pieces("Not sent yet: {answers}, kept here. {link} to send them.", { answers, link }));
    } else {
      line.textContent = t("Sending {answers}…", { answers });
    }
  }

  say(words) {
    find("#saved").textContent = words;
  }
}

/** What went otherwise than this person may think, until they have read it. */
export function notify(...parts) {
  const notice = make(
    "section",
    { class: "notice bad returned" },
    make("p", {}, ...parts),
    make("button", { type: "button", class: "quiet", onclick: () => notice.remove() }, t("Understood")),
  );
  find("#returned").append(notice);
}

export const signInAgain = () => `/sign-in?next=${encodeURIComponent(location.pathname)}`;
