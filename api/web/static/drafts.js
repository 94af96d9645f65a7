// What is not sent yet, by task: it survives a reload and a closed tab.

const PREFIX = "labelwright/draft/";
const KEEP_MS = 14 * 86_400_000;
const NOTHING = { text: "", labels: [], confidence: null };

export class Drafts {
  constructor(account) {
    this.prefix = `${PREFIX}${account}/`;
    forgetOld();
  }

  /** `{text, labels, confidence}`, each empty where nothing was begun. */
  read(task) {
    return { ...NOTHING, ...parsed(this.prefix + task) };
  }

  write(task, { text = "", labels = [], confidence = null } = {}) {
    try {
      if (text || labels.length || confidence) {
        localStorage.setItem(this.prefix + task, JSON.stringify({ text, labels, confidence, at: Date.now() }));
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
