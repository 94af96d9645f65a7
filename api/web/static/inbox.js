// The inbox: what is marked as read is so here and on the badge at the top.
// The list comes and goes as it is renewed, so everything is asked of the document.

import { post } from "./api.js";
import { all, find, say } from "./dom.js";

async function read(body) {
  say(find("#error"), "");
  try {
    await post("/api/v1/inbox/read", body);
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
  const { readOne, through } = event.target.dataset;
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

function prepare() {
  for (const button of all("[data-through], [data-read-one]")) button.disabled = false;
}

document.addEventListener("renewed", prepare);
prepare();
