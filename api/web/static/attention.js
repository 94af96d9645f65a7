// How long a person has looked at a record, and whether there is a person at all.

let lastSign = Date.now();
for (const kind of ["keydown", "pointerdown", "pointermove", "wheel", "touchstart"]) {
  addEventListener(kind, () => { lastSign = Date.now(); }, { passive: true, capture: true });
}

/** Whether somebody has touched the page within so many minutes. */
export const attended = (minutes) => !document.hidden && Date.now() - lastSign < minutes * 60_000;

/** Counts seconds while the page is in sight. */
export class Stopwatch {
  #seen = 0;
  #since = null;

  constructor() {
    this.restart();
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#pause();
      else this.#since ??= performance.now();
    });
  }

  get seconds() {
    const running = this.#since === null ? 0 : performance.now() - this.#since;
    return (this.#seen + running) / 1000;
  }

  restart() {
    this.#seen = 0;
    this.#since = document.hidden ? null : performance.now();
  }

  #pause() {
    if (this.#since !== null) this.#seen += performance.now() - this.#since;
    this.#since = null;
  }
}
