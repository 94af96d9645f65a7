// The badge at the top of every page: how many notices are unread, kept up to date.

import { get, Problem } from "./api.js";
import { find, make } from "./dom.js";
import { number, t } from "./i18n.js";

const EVERY_MS = 10_000;
const MOST_MS = 120_000;

const badge = find("#unread");
let wait = EVERY_MS;
let timer = 0;

function show(unread) {
  badge.hidden = !unread;
  if (badge.dataset.count === String(unread)) return;
  badge.dataset.count = unread;
  const count = unread > 99 ? "99+" : number(unread);
  const words = make("span", { class: "visually-hidden" }, ` ${t("unread")}`);
  badge.replaceChildren(count, words);
}

async function look() {
  clearTimeout(timer);
  if (!document.hidden && navigator.onLine) {
    try {
      show((await get("/api/v1/inbox/unread")).unread);
      wait = EVERY_MS;
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return;  // nobody is signed in any more
      wait = Math.min(2 * wait, MOST_MS);
    }
  }
  clearTimeout(timer);
  timer = setTimeout(look, wait);
}

if (badge) {
  document.addEventListener("visibilitychange", look);
  document.addEventListener("inbox-read", look);
  look();
}
