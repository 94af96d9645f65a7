// What is not sent yet, by task: it survives a reload and a closed tab.

const PREFIX = "labelwright/draft/";
const KEEP_MS = 14 * 86_400_000;
const NOTHING = { text: "", labels: [], confidence: null, escalation: "", skip: "" };

export class Drafts {
  constructor(account) {
    this.prefix = `${PREFIX}${account}/`;
    forgetOld();
  }

  /** `{text, labels, confidence, escalation, skip}`, each empty where nothing was begun. */
  read(task) {
    return { ...NOTHING, ...parsed(this.prefix + task) };
  }

  write(task, begun = {}) {
    try {
      if (Object.values(begun).some((each) => each?.length)) {
        localStorage.setItem(this.prefix + task, JSON.stringify({ ...begun, at: Date.now() }));
      } else {
        localStorage.removeItem(this.prefix + task);
      }
    } catch {
      // Full or switched off: it is still on the page.
    }
  }
}

function forgetOld() {
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith(PREFIX) && Date.now() - (parsed(key)?.at ?? 0) > KEEP_MS) {
      localStorage.removeItem(key);
    }
  }
}

const parsed = (key) => JSON.parse(localStorage.getItem(key) ?? "null");
