// Which key does what on the desk: the usual keys, and those that somebody prefers in this browser.

import { all, find } from "./dom.js";
import { t, word } from "./i18n.js";

const PREFIX = "labelwright/keys/";

const USUAL = {
  submit: "Enter",
  skip: " ",
  exclude: "x",
  ambiguous: "a",
  escalate: "e",
  note: "c",
  guideline: "g",
  suggestion: "p",
  similar: "s",
  earlier: "ArrowLeft",
  later: "ArrowRight",
  search: "f",
  unfold: "m",
  filter: "/",
  gap: "i",
  keep: "k",
  keys: "?",
};

// Digits are labels, the rest belongs to the browser, to dialogs or to nobody.
const TAKEN = /^(\d|Tab|Escape|Backspace|Delete|F\d+|Shift|Control|Alt|Meta|AltGraph|CapsLock|Dead|Unidentified)$/;

/** A key as it is called on a keyboard. */
export function keyName(key) {
  const names = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
  return word("key", names[key] ?? key);
}

export class Keymap {
  #address;
  #own;

  constructor(account) {
    this.#address = PREFIX + account;
    this.#own = this.#read();
  }

  keyFor(command) {
    return this.#own[command] ?? USUAL[command];
  }

  commandOf(key) {
    return Object.keys(USUAL).find((command) => this.keyFor(command) === key) ?? null;
  }

  /** Letters that mean nothing else: they begin the keys of labels past the tenth. */
  get freeLetters() {
    // Without u, which the panel of ambiguous answers takes.
    return [..."qwrtyiopadfghjklzxvbnmcse"].filter((letter) => !this.commandOf(letter));
  }

  get isUsual() {
    return Object.keys(this.#own).length === 0;
  }

  /** Gives the command another key; says in a sentence why not, or nothing. */
  change(command, key) {
    if (TAKEN.test(key)) return t("This key cannot be used: choose a letter, a sign or an arrow.");
    const other = this.commandOf(key);
    if (other && other !== command) {
      return t("{key} is taken. Give that command another key first.", { key: keyName(key) });
    }
    if (key === USUAL[command]) delete this.#own[command];
    else this.#own[command] = key;
    this.#write();
    return "";
  }

  reset() {
    this.#own = {};
    this.#write();
  }

  /** Writes each command's key onto its controls. */
  show() {
    for (const element of all("[data-command], [data-key-of]")) {
      const command = element.dataset.keyOf ?? element.dataset.command;
      const place = find("kbd", element);
      if (!place || !(command in USUAL)) continue;
      place.textContent = keyName(this.keyFor(command));
      if (element.dataset.command) element.setAttribute("aria-keyshortcuts", this.keyFor(command).replace(/^ $/, "Space"));
    }
  }

  #read() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#address) ?? "{}");
      return Object.fromEntries(Object.entries(kept).filter(([command]) => command in USUAL));
    } catch {
      return {};
    }
  }

  #write() {
    try {
      localStorage.setItem(this.#address, JSON.stringify(this.#own));
    } catch {
      // Full or switched off: the keys hold for as long as the page is open.
    }
  }
}
