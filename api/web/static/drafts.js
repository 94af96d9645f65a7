// Text that is not sent yet, by task: it survives a closed tab.

const PREFIX = "labelwright/draft/";
const KEEP_MS = 14 * 86_400_000;

export class Drafts {
  constructor(account) {
    this.prefix = `${PREFIX}${account}/`;
    forgetOld();
  }

  read(task) {
    return parsed(this.prefix + task)?.text ?? "";
  }

  write(task, text) {
    try {
      if (text) localStorage.setItem(this.prefix + task, JSON.stringify({ text, at: Date.now() }));
      else localStorage.removeItem(this.prefix + task);
    } catch {
      // Full or switched off: the text is still in its field.
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
