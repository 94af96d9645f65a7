// What stands beside the record when it is wanted: one of the guideline, similar records, what the
// model says, and what this person has answered.

import { all, find } from "./dom.js";

export class Beside {
  #aside;
  #desk;
  #panels = {};
  #open = null;
  #task = null;

  constructor(aside, desk) {
    this.#aside = aside;
    this.#desk = desk;
  }

  /** A panel that `show(task)` fills when it is open and another record comes. */
  add(name, panel) {
    this.#panels[name] = panel;
  }

  get open() {
    return this.#open;
  }

  toggle(name) {
    this.#become(this.#open === name ? null : name);
  }

  close() {
    this.#become(null);
  }

  /** Another record is on the desk. */
  show(task) {
    this.#task = task;
    // Those that speak of one record close; the guideline stays.
    if (this.#open && !this.#panels[this.#open].stays) this.#become(null);
    else this.#fill();
  }

  #become(name) {
    this.#open = name;
    this.#aside.hidden = !name;
    this.#desk.classList.toggle("with-guideline", Boolean(name));
    for (const section of all("section[id]", this.#aside)) section.hidden = section.id !== name;
    for (const each of Object.keys(this.#panels)) {
      find(`[data-command=${each === "history" ? "earlier" : each}]`)?.setAttribute("aria-expanded", String(each === name));
    }
    this.#fill();
  }

  #fill() {
    if (this.#open && (this.#task || this.#panels[this.#open].alone)) this.#panels[this.#open].show(this.#task);
  }
}
