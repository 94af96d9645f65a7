// A thumb across the record: back to what was answered, or on to another record.

const FAR = 70;
const QUICK_MS = 700;

/** Calls `left()` or `right()` when a finger has gone that way across the element. */
export function onSwipe(element, { left, right }) {
  let from = null;
  element.addEventListener("touchstart", (event) => {
    const scrolls = event.target.closest("table, .row, input, textarea");
    from = event.touches.length === 1 && !scrolls ? { x: event.touches[0].clientX, y: event.touches[0].clientY, at: event.timeStamp } : null;
  }, { passive: true });
  element.addEventListener("touchend", (event) => {
    if (!from) return;
    const [touch] = event.changedTouches;
    const across = touch.clientX - from.x;
    const down = touch.clientY - from.y;
    const quick = event.timeStamp - from.at < QUICK_MS;
    from = null;
    if (!quick || Math.abs(across) < FAR || Math.abs(across) < 2 * Math.abs(down)) return;
    if (across < 0) left();
    else right();
  }, { passive: true });
}
