import { post } from "./api.js";
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
  }
  button.disabled = false;
}

for (const button of all("[data-password]")) {
  button.addEventListener("click", () =>
    trying(button, async () => {
      const made = await post(`/api/v1/accounts/${encodeURIComponent(button.dataset.password)}/one-time-passwords`);
      showSecret(button.dataset.name, made.one_time_password);
    }),
  );
}

find("#new-account button[type=submit]").disabled = false;
find("#new-account").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  trying(find("button[type=submit]", form), async () => {
    const name = find("#new-name").value.trim();
    const roles = all("[name=role]:checked", form).map((box) => box.value);
    if (!roles.length) {
      say(find("#error"), t("Choose at least one role."));
      return;
    }
    const made = await post("/api/v1/accounts", { name, roles });
    showSecret(made.account.name, made.one_time_password);
    form.reset();
  });
});
