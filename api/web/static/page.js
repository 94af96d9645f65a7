// On every page: times in the reader's zone, and signing out.

import { call, Problem } from "./api.js";
import { find, localTimes } from "./dom.js";
import { countUnsent } from "./outbox.js";

localTimes();

find("#sign-out")?.addEventListener("click", async () => {
  const unsent = countUnsent();
  const question = `${unsent} of your answers are not sent yet. They stay in this browser and are sent when you sign in here again. Sign out?`;
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
