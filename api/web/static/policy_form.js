// Writes the next version of a policy: checked while it is written, each fault with its line.

import { idsByContent, send } from "./api.js";
import { find, make, say } from "./dom.js";
import { number, t, tn } from "./i18n.js";

const PAUSE_MS = 400;

const form = find("#write");
const text = find("#document");
const button = find("button[type=submit]", form);
const idOf = idsByContent();
let waiting = 0;
let asked = 0;

function numberLines() {
  const count = text.value.split("\n").length;
  find("#lines").textContent = Array.from({ length: count }, (_, line) => line + 1).join("\n");
  find("#lines").scrollTop = text.scrollTop;
}

/** Puts the cursor where the fault is. */
function goTo(line, column) {
  const lines = text.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  text.focus();
  text.setSelectionRange(start + (column ?? 1) - 1, start + lines[line - 1].length);
  text.scrollTop = (text.scrollHeight * (line - 4)) / lines.length;
}

function showFaults(faults) {
  const items = faults.map((fault) => {
    const message = [fault.where, fault.message].filter(Boolean).join(": ") + (fault.hint ? ` (${fault.hint})` : "");
    const place = fault.line
      ? make("button", { type: "button", class: "quiet", onclick: () => goTo(fault.line, fault.column) }, t("line {line}", { line: number(fault.line) }))
      : null;
    return make("li", {}, place, " ", message);
  });
  find("#faults").replaceChildren(...items);
}

function tell(verdict, faults) {
  find("#verdict").textContent = verdict;
  showFaults(faults);
}

async function check() {
  const turn = (asked += 1);
  try {
    const found = await send("/api/v1/policies/check", text.value, "application/yaml");
    if (turn !== asked) return;
    const arms = found.policy?.arms.map((arm) => `${number(arm.records)} ${arm.name}`).join(", ");
    const count = found.faults.length;
    tell(
      found.valid ? t("It can be followed: {arms}.", { arms }) : tn("{count} fault:", "{count} faults:", count),
      found.faults,
    );
  } catch (error) {
    if (turn === asked) tell(t("Not checked: {why}", { why: error.sentence }), []);
  }
}

text.addEventListener("scroll", () => (find("#lines").scrollTop = text.scrollTop));
text.addEventListener("input", () => {
  numberLines();
  clearTimeout(waiting);
  waiting = setTimeout(check, PAUSE_MS);
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  say(find("#error"), "");
  button.disabled = true;
  try {
    const made = await send("/api/v1/policies", text.value, "application/yaml", idOf(text.value));
    location.assign(`/policies/${encodeURIComponent(made.name)}/${made.version}`);
  } catch (error) {
    const faults = error.context?.faults ?? [];
    if (faults.length) tell(t("Nothing was stored:"), faults);
    else say(find("#error"), error.sentence);
    button.disabled = false;
  }
});

button.disabled = false;
numberLines();
check();
