import { post } from "./api.js";
import { find, say } from "./dom.js";
import { t } from "./i18n.js";

const form = find("#approve");

if (form) {
  const button = find("button[type=submit]", form);
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const reason = find("#reason").value.trim();
    say(find("#error"), reason ? "" : t("An approval needs a reason: say why."));
    if (!reason) return;
    button.disabled = true;
    const { policy, version } = form.dataset;
    try {
      await post(`/api/v1/policies/${encodeURIComponent(policy)}/${version}/approve`, { reason });
      location.reload();
    } catch (error) {
      say(find("#error"), error.sentence);
      button.disabled = false;
    }
  });
}

const preview = find("#preview");

if (preview) {
  const button = find("button[type=submit]", preview);
  button.disabled = false;
  preview.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    say(find("#preview-error"), "");
    const { policy, version } = preview.dataset;
    const pool = find("#preview-pool").value;
    const here = `policies/${encodeURIComponent(policy)}/${version}/previews`;
    try {
      const { preview_id: id } = await post(`/api/v1/${here}`, { pool });
      location.assign(`/${here}/${encodeURIComponent(pool)}/${id}`);
    } catch (error) {
      say(find("#preview-error"), error.sentence);
      button.disabled = false;
    }
  });
}
