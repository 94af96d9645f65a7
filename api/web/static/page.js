// On every page: times in the reader's zone, the badge of the inbox, and signing out.

import { call, Problem } from "./api.js";
import { all, find, localTimes } from "./dom.js";
import { tn } from "./i18n.js";
import { countUnsent } from "./outbox.js";
import "./unread.js";

localTimes();

// What scrolls sideways can be scrolled by keyboard as well.
function reachable() {
  for (const each of all(".scroll, .card, pre, .labels")) {
    if (each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight) each.tabIndex = 0;
    else each.removeAttribute("tabindex");
  }
}
reachable();
addEventListener("resize", reachable);
document.addEventListener("renewed", reachable);

const signOut = find("#sign-out");

signOut?.addEventListener("click", async () => {
  const unsent = countUnsent();
  const question = tn(
    "{count} of your answers is not sent yet. It stays in this browser and is sent when you sign in here again. Sign out?",
    "{count} of your answers are not sent yet. They stay in this browser and are sent when you sign in here again. Sign out?",
    unsent,
  );
  if (unsent && !window.confirm(question)) return;
  try {
    await call("DELETE", "/api/v1/sessions/current");
  } catch (error) {
    if (!(error instanceof Problem && error.status === 401)) {
      window.alert(error.sentence);
      return;
    }
  }
  location.assign("/sign-in");
});

// A click before this script had loaded would be lost without a word.
if (signOut) signOut.disabled = false;
