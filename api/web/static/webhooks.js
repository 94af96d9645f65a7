import { post } from "./api.js";
import { all, find, say } from "./dom.js";
import { showSecret } from "./secret.js";

const form = find("#new-webhook");
const button = find("button[type=submit]", form);

button.disabled = false;
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  say(find("#error"), "");
  button.disabled = true;
  const body = {
    url: find("#new-url").value.trim(),
    description: find("#new-description").value.trim(),
    kinds: all("[name=kind]:checked", form).map((box) => box.value),
  };
  try {
    const made = await post("/api/v1/webhooks", body);
    showSecret(made.webhook.url, made.secret);
    form.reset();
  } catch (error) {
    say(find("#error"), error.sentence);
    find("#error").scrollIntoView({ block: "nearest" });
  }
  button.disabled = false;
});
