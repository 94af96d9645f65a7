// What an admin may do about one webhook. The buttons come and go as the page is renewed.

import { call, post } from "./api.js";
import { all, find, say } from "./dom.js";
import { t, tn } from "./i18n.js";

const wishes = {
  test: async (path) => {
    await post(`${path}/test`);
    return t("A test event is on its way: the first line below says what comes of it.");
  },
  pause: async (path) => {
    await call("PATCH", path, { paused: true });
    return t("Paused: its events wait.");
  },
  resume: async (path) => {
    await call("PATCH", path, { paused: false });
    return t("It goes on, with what has waited first.");
  },
  replay: async (path) => {
    const { events } = await post(`${path}/replay`);
    return tn("{count} event is sent again.", "{count} events are sent again.", events);
  },
  remove: async (path) => {
    if (!window.confirm(t("Remove this webhook? Its secret is forgotten and what waits for it is dropped."))) return "";
    await call("DELETE", path);
    location.assign("/webhooks");
    return t("Removed.");
  },
};

document.addEventListener("click", async (event) => {
  const wish = wishes[event.target.dataset.wish];
  if (!wish) return;
  const button = event.target;
  const id = button.closest("[data-webhook]").dataset.webhook;
  say(find("#error"), "");
  say(find("#done"), "");
  button.disabled = true;
  try {
    const done = await wish(`/api/v1/webhooks/${encodeURIComponent(id)}`);
    say(find("#done"), done);
    if (button.dataset.wish === "pause" || button.dataset.wish === "resume") location.reload();
  } catch (error) {
    say(find("#error"), error.sentence);
  }
  button.disabled = false;
});

function prepare() {
  for (const button of all("[data-wish]")) button.disabled = false;
}

document.addEventListener("renewed", prepare);
prepare();
