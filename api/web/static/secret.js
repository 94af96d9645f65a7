// A secret that a page shows once, with a button that copies it.

import { find, say } from "./dom.js";
import { t } from "./i18n.js";

export function showSecret(name, secret) {
  say(find("#secret-name"), name);
  find("#secret-text").textContent = secret;
  find("#secret").hidden = false;
  find("#secret").scrollIntoView({ block: "nearest" });
}

find("#secret-copy").addEventListener("click", async (event) => {
  const text = find("#secret-text");
  try {
    await navigator.clipboard.writeText(text.textContent);
    event.target.textContent = t("Copied");
  } catch {
    getSelection().selectAllChildren(text);
  }
});
