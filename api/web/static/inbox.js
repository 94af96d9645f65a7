// The inbox: what was followed or marked is read, here and on the badge at the top.
// The list comes and goes as it is renewed, so everything is asked of the document.

import { post } from "./api.js";
import { all, find, say } from "./dom.js";

async function read(body, options) {
  say(find("#error"), "");
  try {
    await post("/api/v1/inbox/read", body, options);
    document.dispatchEvent(new Event("inbox-read"));
  } catch (error) {
    say(find("#error"), error.sentence);
  }
}

/** Shown at once; the page's own renewal tells the rest. */
function showRead(item) {
  item.classList.remove("unread");
  for (const part of all(".new, [data-read-one]", item)) part.remove();
}

document.addEventListener("click", (event) => {
  const { notice, read: isRead, readOne, through } = event.target.dataset;
  // The page is being left: the request goes on without it.
  if (notice && isRead === undefined) read({ notices: [notice] }, { keepalive: true });
  if (readOne) {
    const item = event.target.closest("li");
    read({ notices: [readOne] }).then(() => {
      showRead(item);
      find("a", item).focus();
    });
  }
  if (through) {
    event.target.disabled = true;
    read({ through }).then(() => {
      event.target.disabled = false;
      if (!find("#error").hidden) return;
      all(".inbox li").forEach(showRead);
      event.target.remove();
      find(".inbox a")?.focus();
    });
  }
});
