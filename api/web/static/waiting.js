// What stands on the desk when no record does: nothing to do, no connection, signed out.

import { Problem, get } from "./api.js";
import { attended } from "./attention.js";
import { signInAgain } from "./bar.js";
import { find, say } from "./dom.js";
import { t } from "./i18n.js";
import { nothingToDo } from "./nothing.js";

const LOOK_AGAIN_MS = 4_000;

export class Waiting {
  #queue;
  #outbox;
  #goOn;
  #timer = null;

  /** `goOn()` asks for a task anew. */
  constructor(queue, outbox, goOn) {
    this.#queue = queue;
    this.#outbox = outbox;
    this.#goOn = goOn;
  }

  /** Somebody works again. */
  end() {
    clearTimeout(this.#timer);
    find("#empty").hidden = true;
    find("#work").hidden = false;
  }

  /** Nothing more is asked for by itself. */
  rest() {
    clearTimeout(this.#timer);
  }

  showEmpty(claimed) {
    // A claim leaves out what is being sent as well, and the API cannot tell that from skipped.
    const skipped = claimed.why === "all_skipped" && this.#queue.anySkipped;
    const why = claimed.why === "all_skipped" && !skipped ? "nothing_open" : claimed.why;
    if (claimed.calibrate) {
      const begin = () => location.assign(`/calibration/${encodeURIComponent(claimed.calibrate)}`);
      this.#show(...nothingToDo(why, claimed), { text: t("Begin"), act: begin });
      return;
    }
    this.#show(
      ...nothingToDo(why, claimed),
      skipped && { text: t("Show the last one again"), act: () => this.#showSkipped() },
    );
    if (!skipped) this.#timer = setTimeout(() => this.#lookAgain(), LOOK_AGAIN_MS);
  }

  showTrouble(error) {
    if (error instanceof Problem && error.status === 401) {
      this.#show(t("You are signed out"), t("Nothing is lost: sign in and go on."), {
        text: t("Sign in again"),
        act: () => location.assign(signInAgain()),
      });
    } else if (error.passing) {
      this.#show(
        t("No connection to the server"),
        t("What you answered is kept in this browser and sent as soon as it can be. This page tries again by itself."),
        { text: t("Try now"), act: this.#goOn },
      );
      this.#timer = setTimeout(this.#goOn, 1000 * Math.max(error.retryAfter ?? 0, 2));
    } else {
      this.#show(t("That did not work"), error.sentence, { text: t("Try again"), act: this.#goOn });
    }
  }

  async #showSkipped() {
    try {
      await this.#queue.unskip();
      this.#goOn();
    } catch (error) {
      this.showTrouble(error);
    }
  }

  /** Claims only for somebody who is there: a claimed task is out of everyone else's reach. */
  async #lookAgain() {
    try {
      const waiting = await get("/api/v1/queue");
      const any = waiting.claimable + waiting.mine.length - this.#outbox.entries.length > 0;
      if (any && attended(2)) return this.#goOn();
      if (any) {
        this.#show(t("There is something to do"), "", { text: t("Go on"), act: this.#goOn });
        return undefined;
      }
    } catch (error) {
      if (!error.passing) return this.showTrouble(error);
    }
    this.#timer = setTimeout(() => this.#lookAgain(), LOOK_AGAIN_MS);
    return undefined;
  }

  #show(title, text, action) {
    find("#work").hidden = true;
    find("#empty").hidden = false;
    say(find("#empty-title"), title);
    say(find("#empty-text"), text);
    const button = find("#empty-action");
    button.hidden = !action;
    if (action) {
      button.textContent = action.text;
      button.onclick = action.act;
    }
  }
}
