// Labels as buttons, each with its key: the digit that the API gives to the first ten, and a letter
// with a digit for those after them.

import { all, make } from "./dom.js";

const DIGITS = "1234567890";
const LETTERS = [..."qwrtyodhjlzvbn"];

function keysOf({ key }, place, letters) {
  if (key) return key;
  const letter = letters[Math.floor(place / DIGITS.length) - 1];
  return letter ? letter + DIGITS[place % DIGITS.length] : "";
}

export class LabelBoard {
  #container;
  #choose;
  #letters;
  #labels = [];
  #byKey = new Map();
  #started = "";
  #shown = "";

  /** `choose(label)` when a label's key is pressed or its button is clicked; `letters()` are those
   * that mean nothing else on the page. */
  constructor(container, choose, letters = () => LETTERS) {
    this.#container = container;
    this.#choose = choose;
    this.#letters = letters;
  }

  get length() {
    return this.#labels.length;
  }

  /** The letter that waits for its digit. */
  get started() {
    return this.#started;
  }

  show(labels) {
    this.#started = "";
    const letters = this.#letters();
    const fresh = JSON.stringify([labels, letters]);
    if (fresh !== this.#shown) this.#build(labels, letters);
    this.#shown = fresh;
    this.filter("");
    this.mark(() => ({}));
  }

  /** Gives each label what `marks(label)` says: `{chosen, notes}`. */
  mark(marks) {
    for (const button of all("button", this.#container)) {
      const { chosen = null, notes = "" } = marks(button.value);
      if (chosen === null) button.removeAttribute("aria-pressed");
      else button.setAttribute("aria-pressed", String(chosen));
      button.querySelector(".given").textContent = notes;
    }
  }

  filter(text) {
    const wanted = text.trim().toLowerCase();
    for (const button of all("button", this.#container)) {
      button.hidden = !button.dataset.search.includes(wanted);
    }
  }

  /** Chooses the first label that the filter leaves. */
  chooseFirst() {
    const first = all("button:not([hidden])", this.#container)[0];
    if (first) this.#choose(first.value);
  }

  /** Whether the key belongs to a label: it chose one, or waits for its second key. */
  press(key) {
    const whole = this.#started + key;
    const label = this.#byKey.get(whole);
    this.#started = "";
    if (label !== undefined) {
      this.#choose(label);
      return true;
    }
    if (whole.length === 1 && this.#byKey.has(`${whole}1`)) {
      this.#started = whole;
      return true;
    }
    return false;
  }

  forget() {
    this.#started = "";
  }

  #build(labels, letters) {
    this.#labels = labels;
    this.#byKey.clear();
    const buttons = labels.map((choice, place) => {
      const { label, meaning } = choice;
      const key = keysOf(choice, place, letters);
      if (key) this.#byKey.set(key, label);
      return make(
        "button",
        {
          type: "button",
          value: label,
          title: meaning || null,
          "data-search": `${label} ${meaning}`.toLowerCase(),
          "aria-keyshortcuts": key ? [...key].join(" ") : null,
          onclick: () => this.#choose(label),
        },
        key && key !== label ? make("kbd", { "aria-hidden": "true" }, key) : null,
        make(key === label ? "kbd" : "span", { class: "label", dir: "auto" }, label),
        make("span", { class: "given" }),
      );
    });
    this.#container.replaceChildren(...buttons);
    this.#container.classList.toggle("short", labels.every(({ label }) => label.length <= 3));
  }
}
