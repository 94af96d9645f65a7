// Keeps the `[data-live]` part of a page up to date without loading the page anew.

import { get } from "./api.js";
import { find, localTimes } from "./dom.js";
import { t } from "./i18n.js";

const EVERY_MS = 2_000;
const MOST_MS = 30_000;

const live = find("[data-live]");
// So often what was just sent may show, and not all of that is in the round's JSON: a deadline.
const EAGER = 5;

let last = null;
let eager = 0;
let wait = EVERY_MS;

/** The round as JSON says whether anything changed; only then is the page's part fetched. */
async function look() {
  const now = JSON.stringify(await get(live.dataset.watch));
  if (eager > 0 || (last !== null && now !== last)) await renew();
  eager -= 1;
  last = now;
}

async function renew() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = find("[data-live]", page);
  if (!fresh) {
    location.reload();  // the session has ended: the server says where to go
    return;
  }
  const focused = live.contains(document.activeElement) && document.activeElement;
  live.replaceChildren(...document.importNode(fresh, true).childNodes);
  live.dataset.watch = fresh.dataset.watch ?? "";
  localTimes(live);
  document.dispatchEvent(new Event("renewed"));
  if (focused) sameAs(focused)?.focus();
}

/** What stands in the place of an element that was replaced: by its id, or where a link leads. */
function sameAs({ id, attributes: { href } }) {
  if (id) return find(`#${CSS.escape(id)}`, live);
  return href && find(`a[href="${CSS.escape(href.value)}"]`, live);
}

async function loop() {
  if (!live.dataset.watch) return;
  if (!document.hidden) {
    try {
      await look();
      wait = EVERY_MS;
    } catch {
      wait = Math.min(2 * wait, MOST_MS);
      const freshness = find("#freshness");
      if (freshness) freshness.textContent = t("No connection: this is what was known last.");
      last = "";
    }
  }
  setTimeout(loop, wait);
}

document.addEventListener("steered", () => {
  eager = EAGER;
});
loop();
