// Steering a round: more time, an end of reviewing, or giving it up. The buttons come and go with
// the round; the dialogs stay, so that nothing that somebody writes is lost.

import { newId, post } from "./api.js";
import { all, find, say } from "./dom.js";
import { dateAndTime, t } from "./i18n.js";

const SENT = "sent";

// Sent again before it is acknowledged, a request counts once; afterwards it is another, though alike.
const ids = new Map();

const seconds = () => find("#extend-amount").valueAsNumber * Number(find("#extend-unit").value);

/** `field` is what somebody has to look at again; `fault` says why. */
const wishes = {
  extend: {
    route: "deadline",
    body: () => ({ seconds: seconds() }),
    done: () => t("Recorded: the deadline moves later."),
    field: "#extend-amount",
    fault() {
      const most = Number(find("#extend-amount").dataset.most);
      if (seconds() > 0 && seconds() <= most) return "";
      return t("Say how much later: more than nothing, and {days} days at the most.", { days: most / 86_400 });
    },
  },
  close: { route: "closing", done: () => t("Recorded: reviewing ends.") },
  cancel: { route: "cancellation", done: () => t("Recorded: the round ends.") },
};

const buttonOf = (wish) => find(`[data-steer="${wish}"]`);

/** What the next deadline would become. */
function preview() {
  const before = Date.parse(buttonOf("extend")?.dataset.deadline);
  const values = () => ({ before: dateAndTime(before), after: dateAndTime(before + 1000 * seconds()) });
  const known = before && !wishes.extend.fault();
  say(find("#extend-preview"), known ? t("The next deadline, {before}, becomes {after}.", values()) : "");
}

function open(wish) {
  const dialog = find(`#${wish}-dialog`);
  say(find("[role=alert]", dialog), "");
  if (wish === "extend") preview();
  dialog.showModal();
}

function complain(form, text, field = find("textarea", form)) {
  // Whoever has gone back meanwhile has to hear of it all the same.
  const dialog = form.closest("dialog");
  if (!dialog.open) dialog.showModal();
  say(find("[role=alert]", form), text);
  field.focus();
}

async function send(form, reason) {
  const wish = wishes[form.dataset.wish];
  const path = `/api/v1/rounds/${encodeURIComponent(form.dataset.round)}/${wish.route}`;
  const body = { ...wish.body?.(), reason };
  const same = JSON.stringify([path, body]);
  if (!ids.has(same)) ids.set(same, newId());
  const button = find("[type=submit]", form);
  button.disabled = true;
  try {
    await post(path, { request_id: ids.get(same), ...body });
    ids.delete(same);
    form.reset();
    say(find("#steered"), wish.done());
    form.closest("dialog").close(SENT);
    document.dispatchEvent(new Event("steered"));
  } catch (error) {
    complain(form, error.sentence);
  }
  button.disabled = false;
}

function submit(event) {
  event.preventDefault();
  const form = event.target;
  const wish = wishes[form.dataset.wish];
  const reason = find("textarea", form);
  const fault = wish.fault?.();
  say(find("[role=alert]", form), "");
  if (fault) complain(form, fault, find(wish.field));
  else if (reason.value.trim()) send(form, reason.value.trim());
  else complain(form, t("A decision needs a reason: say why."), reason);
}

function prepare() {
  for (const button of all("[data-steer]")) button.disabled = false;
}

for (const form of all("dialog form[data-wish]")) {
  const dialog = form.closest("dialog");
  form.addEventListener("submit", submit);
  find("[data-back]", form).addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    // The button that opened it may have been replaced by another, or be gone soon.
    const next = dialog.returnValue === SENT ? find("#steered") : buttonOf(form.dataset.wish);
    dialog.returnValue = "";
    next?.focus();
  });
}

find("#extend-dialog")?.addEventListener("input", preview);
document.addEventListener("click", (event) => {
  const wish = event.target.closest("[data-steer]")?.dataset.steer;
  if (wish) open(wish);
});
document.addEventListener("renewed", prepare);
prepare();
