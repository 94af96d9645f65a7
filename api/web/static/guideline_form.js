// Writes a guideline, or its next version: the text, and what shows a label and what does not.

import { idsByContent, post } from "./api.js";
import { all, find, say } from "./dom.js";
import { t } from "./i18n.js";

const form = find("#write");
const button = find("button[type=submit]", form);
const idOf = idsByContent();

function add(list) {
  find(`#${list}`).append(find(`[data-row=${list}]`).content.cloneNode(true));
  find(`#${list} > :last-child textarea`).focus();
}

/** What stands in the rows of a list. Rows without anything are none. */
function rowsOf(list) {
  const rows = all("li", find(`#${list}`)).map((row) =>
    Object.fromEntries(all("[name]", row).map((field) => [field.name, field.value.trim()])),
  );
  return rows.filter((row) => Object.values(row).some(Boolean));
}

function half(rows) {
  return rows.find((row) => !row.content || !row.label);
}

for (const adding of all("[data-add]", form)) {
  adding.addEventListener("click", () => add(adding.dataset.add));
}
form.addEventListener("click", (event) => {
  const row = event.target.closest("[data-remove]")?.closest("li");
  if (!row) return;
  const list = row.parentElement;
  row.remove();
  find(`[data-add=${list.id}]`).focus();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = {
    name: find("#name").value.trim(),
    text: find("#text").value,
    examples: rowsOf("examples"),
    counterexamples: rowsOf("counterexamples"),
  };
  const unfinished = half(body.examples) ?? half(body.counterexamples);
  say(find("#error"), unfinished ? t("An example needs a content and a label.") : "");
  if (unfinished) return;
  button.disabled = true;
  try {
    const made = await post("/api/v1/guidelines", body, { headers: { "Idempotency-Key": idOf(JSON.stringify(body)) } });
    location.assign(`/guidelines/${encodeURIComponent(made.name)}/${made.version}`);
  } catch (error) {
    say(find("#error"), error.sentence ?? error.message);
    button.disabled = false;
  }
});

button.disabled = false;
