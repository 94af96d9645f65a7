// Which key was pressed, whatever the keyboard layout, and whether it is ours to act on.

const FIELDS = "input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]";

/** The key as our tables name it; empty when it belongs to a field, the browser or a held key. */
export function keyOf(event) {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return "";
  if (event.target instanceof Element && event.target.closest(FIELDS)) return "";
  // On some layouts the digits of the top row need Shift: the place of the key counts.
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  if (digit && !event.shiftKey) return digit[1];
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

/** Whether it asks to undo, outside of a field: in one the browser undoes what was typed. */
export function isUndo(event) {
  if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || event.repeat) return false;
  if (event.target instanceof Element && event.target.closest(FIELDS)) return false;
  return event.key.toLowerCase() === "z";
}

/** Whether the key does what it does on any button or link, so that it is not ours. */
export const presses = (event, key) =>
  (key === "Enter" || key === " ") && Boolean(event.target.closest?.("button, a, summary, input, label"));
