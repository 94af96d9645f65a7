// Searching within the record: every match is marked, one after another comes into sight.

import { find, say } from "./dom.js";
import { number, t } from "./i18n.js";

export class Finder {
  #line;
  #field;
  #within;
  #back;
  #matches = [];
  #at = 0;

  /** `within` is searched; `back()` when the search is closed. */
  constructor(line, within, back) {
    this.#line = line;
    this.#field = find("input", line);
    this.#within = within;
    this.#back = back;
    this.#field.addEventListener("input", () => this.#search());
    this.#field.addEventListener("keydown", (event) => {
      if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
      event.preventDefault();
      if (event.key === "Escape") this.close();
      else this.#go(event.shiftKey ? -1 : 1);
    });
    find("[data-find=next]", line).addEventListener("click", () => this.#go(1));
    find("[data-find=back]", line).addEventListener("click", () => this.#go(-1));
    find("[data-find=close]", line).addEventListener("click", () => this.close());
  }

  open() {
    this.#line.hidden = false;
    this.#field.select();
    this.#field.focus();
    this.#search();
  }

  close() {
    const open = !this.#line.hidden;
    this.#line.hidden = true;
    this.#mark([]);
    if (open) this.#back();
  }

  /** Another record is there: what was searched for is searched for in it as well. */
  renew() {
    if (!this.#line.hidden) this.#search();
  }

  #search() {
    this.#at = 0;
    this.#mark(rangesOf(this.#within, this.#field.value.trim()));
    this.#tell();
    this.#reveal();
  }

  #go(step) {
    if (!this.#matches.length) return;
    this.#at = (this.#at + step + this.#matches.length) % this.#matches.length;
    this.#tell();
    this.#reveal();
  }

  #tell() {
    const values = { at: number(this.#at + 1), all: number(this.#matches.length) };
    const found = this.#matches.length ? t("{at} of {all}", values) : t("not in this record");
    say(find("[role=status]", this.#line), this.#field.value.trim() ? found : "");
  }

  #reveal() {
    const range = this.#matches[this.#at];
    globalThis.CSS?.highlights?.set("found-here", new Highlight(...(range ? [range] : [])));
    range?.startContainer.parentElement.scrollIntoView({ block: "nearest" });
    const box = range?.getBoundingClientRect();
    const scroller = range?.startContainer.parentElement.closest(".text, .row, #record");
    if (box && scroller) {
      const frame = scroller.getBoundingClientRect();
      if (box.top < frame.top || box.bottom > frame.bottom) scroller.scrollTop += box.top - frame.top - frame.height / 3;
    }
  }

  #mark(matches) {
    this.#matches = matches;
    if (!globalThis.CSS?.highlights) return;
    CSS.highlights.set("found", new Highlight(...matches));
    if (!matches.length) CSS.highlights.delete("found-here");
  }
}

/** Where the words stand in the texts of the element, upper and lower case alike. */
function rangesOf(element, words) {
  if (!words) return [];
  const wanted = words.toLowerCase();
  const ranges = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.data.toLowerCase();
    // Where lower case is longer or shorter than the text, places would be wrong.
    if (text.length !== node.data.length) continue;
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      ranges.push(range);
    }
  }
  return ranges;
}
