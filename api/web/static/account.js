// One's own tokens and sessions.

import { call, post } from "./api.js";
import { all, find, say } from "./dom.js";
import { t } from "./i18n.js";
import { showSecret } from "./secret.js";

async function trying(button, work) {
  say(find("#error"), "");
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    say(find("#error"), error.sentence);
    find("#error").scrollIntoView({ block: "nearest" });
  }
  button.disabled = false;
}

function onClick(selector, work) {
  for (const button of all(selector)) {
    button.addEventListener("click", () => trying(button, () => work(button)));
    button.disabled = false;
  }
}

onClick("[data-revoke]", async (button) => {
  if (!window.confirm(t("Revoke “{name}”? Programs that use it stop working.", { name: button.dataset.name }))) return;
  await call("DELETE", `/api/v1/tokens/${encodeURIComponent(button.dataset.revoke)}`);
  button.closest("tr").remove();
});

onClick("[data-end]", async (button) => {
  await call("DELETE", `/api/v1/sessions/${encodeURIComponent(button.dataset.end)}`);
  location.reload();
});

onClick("#end-others", async () => {
  await call("DELETE", "/api/v1/sessions?keep_current=true");
  location.reload();
});

const form = find("#new-token");
find("button[type=submit]", form).disabled = false;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  trying(find("button[type=submit]", form), async () => {
    const days = find("#new-days").value;
    const made = await post("/api/v1/tokens", {
      label: find("#new-label").value.trim(),
      scope: find("#new-reads").checked ? "read" : "full",
      expires_in_days: days ? Number(days) : null,
    });
    showSecret(made.details.label, made.token);
    form.reset();
  });
});
