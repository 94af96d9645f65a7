// The decision about a batch that failed a gate: accepted, or selected again by another policy.
// The panel comes and goes with the round, so everything here is asked of the document.

import { newId, post } from "./api.js";
import { all, find, make, say } from "./dom.js";
import { t } from "./i18n.js";

// The same decision sent twice counts once; another decision is another one.
const ids = new Map();

const draftOf = (form) => `labelwright/batch/${form.dataset.round}/${form.dataset.digest}`;

function prepare() {
  const form = find("#batch-decision");
  if (!form) return;
  for (const button of all("button", form)) button.disabled = false;
  const reason = find("#batch-reason", form);
  reason.value ||= sessionStorage.getItem(draftOf(form)) ?? "";
}

async function send(form, action, reason) {
  const path = `/api/v1/rounds/${encodeURIComponent(form.dataset.round)}/batch-decision`;
  const body = { action, batch_digest: form.dataset.digest, reason };
  if (action === "amend") body.policy = find("#batch-policy", form).value;
  const same = JSON.stringify([path, body]);
  if (!ids.has(same)) ids.set(same, newId());
  for (const button of all("button", form)) button.disabled = true;
  try {
    await post(path, { decision_id: ids.get(same), ...body });
    sessionStorage.removeItem(draftOf(form));
    form.replaceWith(make("p", { role: "status" }, t("Recorded. The round acts on it in a moment.")));
  } catch (error) {
    say(find("#batch-error", form), error.sentence);
    for (const button of all("button", form)) button.disabled = false;
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id !== "batch-decision") return;
  event.preventDefault();
  say(find("#batch-error", form), "");
  const reason = find("#batch-reason", form);
  if (!reason.value.trim()) {
    say(find("#batch-error", form), t("A decision needs a reason: say why."));
    reason.focus();
    return;
  }
  const wish = event.submitter?.value;
  if (wish) send(form, wish, reason.value.trim());
});

document.addEventListener("input", (event) => {
  if (event.target.id === "batch-reason")
    sessionStorage.setItem(draftOf(event.target.form), event.target.value);
});

document.addEventListener("renewed", prepare);
prepare();
