// The sheet of keys: what each does, and another key for whoever wants one.

import { all, find, say } from "./dom.js";
import { t } from "./i18n.js";
import { keyName } from "./keymap.js";

export class KeySheet {
  #dialog;
  #keymap;
  #changed;
  #waiting = null;

  /** `changed()` when a key means something else now. */
  constructor(dialog, keymap, changed) {
    this.#dialog = dialog;
    this.#keymap = keymap;
    this.#changed = changed;
    for (const button of all("[data-change]", dialog)) {
      button.addEventListener("click", () => this.#ask(button));
    }
    find("#usual-keys", dialog).addEventListener("click", () => {
      keymap.reset();
      this.#done(t("These are the usual keys again."));
    });
    // Before the dialog itself takes Escape.
    dialog.addEventListener("keydown", (event) => this.#press(event), { capture: true });
    dialog.addEventListener("close", () => this.#forget());
  }

  open() {
    this.#forget();
    say(this.#message, "");
    this.#show();
    this.#dialog.showModal();
  }

  get #message() {
    return find("#keys-message", this.#dialog);
  }

  #ask(button) {
    this.#forget();
    this.#waiting = button;
    button.setAttribute("aria-pressed", "true");
    say(this.#message, t("Press the new key; {esc} leaves it as it is.", { esc: keyName("Esc") }));
  }

  #press(event) {
    if (!this.#waiting || ["Shift", "Control", "Alt", "Meta", "AltGraph"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape" || event.key === "Tab") {
      this.#forget();
      say(this.#message, "");
      return;
    }
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const refused = this.#keymap.change(this.#waiting.dataset.change, key);
    if (refused) say(this.#message, refused);
    else this.#done(t("{key} it is, in this browser.", { key: keyName(key) }));
  }

  #done(message) {
    this.#forget();
    this.#show();
    say(this.#message, message);
    this.#changed();
  }

  #forget() {
    this.#waiting?.removeAttribute("aria-pressed");
    this.#waiting = null;
  }

  #show() {
    this.#keymap.show();
    find("#usual-keys", this.#dialog).hidden = this.#keymap.isUsual;
  }
}
