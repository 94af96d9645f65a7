// The reviewer's and the adjudicator's page: one record at a time, everything by key.
//
// An answer goes to the outbox and the next record is shown at once; see outbox.js for what becomes
// of it. Nothing here knows more of a record than its task says.

import { Problem, get, newId, post } from "./api.js";
import { Stopwatch, attended } from "./attention.js";
import { contentNode } from "./content.js";
import { all, clock, dateAndTime, find, make, say, verdictText, words } from "./dom.js";
import { Drafts } from "./drafts.js";
import { keyOf } from "./keys.js";
import { LabelBoard } from "./labels.js";
import { Outbox } from "./outbox.js";
import { Queue, leaseOf } from "./queue.js";

// A second press of a key that was meant for the record before.
const NOBODY_READS_FASTER_MS = 150;
const RENEW_AFTER_MS = 5 * 60_000;
const LOOK_AGAIN_MS = 4_000;
const MANY_LABELS = 10;
const MANY_WAITING = 100;
const COUNT_AGAIN_MS = 30_000;

const desk = find("#desk");
const adjudicating = desk.dataset.kind === "adjudication";
const rationale = find("#rationale");
const empty = { section: find("#empty"), action: find("#empty-action"), timer: null };

let task = null;
let shownAt = 0;
let claimedAt = 0;
let chosen = null;
let answered = null;
let lastShown = "";
let between = [];
let panel = null;
let moving = false;
let waiting = "";

const watch = new Stopwatch();
const drafts = new Drafts(desk.dataset.account);
const outbox = new Outbox(desk.dataset.account, { changed: showSaved, returned: showReturned });
const queue = new Queue(desk.dataset.kind, () => [
  ...(task ? [task.task_id] : []),
  ...outbox.entries.map((entry) => entry.task),
]);
const board = new LabelBoard(find("#labels"), (label) => answer({ kind: "label", label }));
const betweenBoard = new LabelBoard(find("#between"), toggleBetween);

// -- one record after another ---------------------------------------------------------------------

async function advance() {
  if (moving) return;
  moving = true;
  task = null;
  clearTimeout(empty.timer);
  try {
    const claimed = await queue.take();
    if (claimed.task) show(claimed.task);
    else showEmpty(claimed);
  } catch (error) {
    showTrouble(error);
  } finally {
    moving = false;
  }
}

function show(next) {
  task = next;
  chosen = null;
  claimedAt = Date.now();
  shownAt = performance.now();
  watch.restart();
  empty.section.hidden = true;
  find("#work").hidden = false;
  say(find("#pool"), task.pool);
  find("#record").replaceChildren(contentNode(task.content_kind, task.content, task.metadata));
  showAbout();
  openPanel(null);
  board.show(task.labels);
  find("#filter-line").hidden = task.labels.length <= MANY_LABELS;
  find("#filter").value = "";
  say(find("#pending-key"), "");
  if (adjudicating) showAnswers();
  rationale.value = drafts.read(task.task_id);
  if (!adjudicating) openNote(Boolean(rationale.value));
  for (const radio of all("[name=confidence]")) radio.checked = false;
  answered ??= task.progress.done;
  showProgress();
  showGuideline();
  find("#record").focus({ preventScroll: true });
  queue.prefetch();
}

function showAbout() {
  const facts = [
    ["Record", task.record_id],
    ["Round", task.round_id],
    ...Object.entries(task.metadata).map(([name, value]) => [words(name), value]),
    ["Yours until", task.lease_until && clock(task.lease_until)],
    ["Wanted by", task.deadline && dateAndTime(task.deadline)],
  ];
  const rows = facts
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, String(value))));
  find("#about").replaceChildren(...rows);
}

function showAnswers() {
  find("#rationale-missing").hidden = true;
  const cards = task.reviews.map((review) =>
    make(
      "article",
      { class: "answer" },
      make("h3", {}, review.reviewer),
      make("p", { class: "given-answer", dir: "auto" }, verdictText(review.verdict)),
      review.confidence === null ? null : make("p", { class: "muted" }, `${Math.round(100 * review.confidence)} % sure`),
      review.rationale ? make("blockquote", { dir: "auto" }, review.rationale) : make("p", { class: "muted" }, "gave no reason"),
    ),
  );
  find("#answers").replaceChildren(...cards);
  markBoard();
}

function markBoard() {
  const letters = (label) =>
    task.reviews
      .filter(({ verdict }) => verdict.label === label || verdict.between.includes(label))
      .map(({ reviewer }) => reviewer.replace("Reviewer ", ""))
      .join(" ");
  board.mark((label) => ({
    chosen: adjudicating ? chosen?.label === label : null,
    notes: letters(label),
  }));
}

// -- answers --------------------------------------------------------------------------------------

function answer(verdict, { because = rationale.value.trim() } = {}) {
  if (!task || performance.now() - shownAt < NOBODY_READS_FASTER_MS) return;
  if (adjudicating && !because) {
    chosen = verdict;
    markBoard();
    const missing = find("#rationale-missing");
    missing.textContent = `Your decision: ${verdictText(verdict)}. Write why, then press Enter.`;
    missing.hidden = false;
    rationale.focus();
    return;
  }
  const confidence = find("[name=confidence]:checked")?.value;
  lastShown = verdictText(verdict);
  outbox.put({
    path: `/api/v1/tasks/${encodeURIComponent(task.task_id)}/${desk.dataset.kind}`,
    task: task.task_id,
    record: task.record_id,
    shown: lastShown,
    body: {
      review_id: newId(),
      verdict,
      schema: task.schema,
      guideline: task.guideline,
      confidence: confidence === undefined ? null : Number(confidence),
      rationale: because,
      seconds: Math.min(Math.round(10 * watch.seconds) / 10, 86_400),
    },
  });
  drafts.write(task.task_id, "");
  answered += 1;
  showProgress();
  advance();
}

async function skip() {
  if (!task) return;
  const skipped = task.task_id;
  const given = queue.skip(skipped);
  advance();
  try {
    await given;
  } catch {
    // The lease runs out by itself.
  }
}

function toggleBetween(label) {
  between = between.includes(label) ? between.filter((each) => each !== label) : [...between, label];
  betweenBoard.mark((each) => ({ chosen: between.includes(each) }));
  find("#ambiguous-send").disabled = between.length < 2;
}

function sendBetween() {
  if (between.length < 2) return;
  answer({ kind: "useful_ambiguity", between: [...between].sort() });
}

// -- what the page says ---------------------------------------------------------------------------

function showProgress() {
  find("#progress").textContent = `${answered ?? 0} answered${waiting}`;
}

/** How much is left: counted now and then, since counting a long queue for each record would tell. */
async function countWaiting() {
  try {
    const { claimable } = await get("/api/v1/queue");
    waiting = ` · ${claimable >= MANY_WAITING ? `${MANY_WAITING} or more` : claimable} waiting`;
    showProgress();
  } catch {
    waiting = "";
  }
}

function showSaved() {
  const line = find("#saved");
  const unsent = outbox.entries.length;
  const answers = unsent === 1 ? "1 answer" : `${unsent} answers`;
  line.className = `saved ${unsent ? outbox.state.replace(" ", "-") : "done"}`;
  if (!unsent) {
    line.textContent = lastShown ? `✓ ${lastShown} – saved` : "";
  } else if (outbox.state === "waiting") {
    const seconds = Math.max(1, Math.ceil((outbox.retryAt - Date.now()) / 1000));
    line.replaceChildren(
      `Not sent yet: ${answers}, kept here. Trying again in ${seconds} s `,
      make("button", { type: "button", class: "quiet", onclick: () => outbox.send() }, "Try now"),
    );
  } else if (outbox.state === "signed out") {
    line.replaceChildren(
      `Not sent yet: ${answers}, kept here. `,
      make("a", { href: signInAgain() }, "Sign in again"),
      " to send them.",
    );
  } else {
    line.textContent = `Sending ${answers}…`;
  }
}

function showReturned(entry, problem) {
  answered = Math.max(0, answered - 1);
  const text = entry.body.rationale;
  const notice = make(
    "section",
    { class: "notice bad returned" },
    make("p", {}, make("b", {}, `Your answer “${entry.shown}” to ${entry.record} was not taken: `), problem.sentence),
    text ? make("p", {}, "What you wrote: ", make("q", {}, text)) : null,
    make("button", { type: "button", class: "quiet", onclick: () => notice.remove() }, "Understood"),
  );
  find("#returned").append(notice);
  showProgress();
}

const NOTHING = {
  nothing_open: ["Nothing to do right now", () => "New tasks appear here by themselves."],
  all_leased: [
    "Others are working on what is left",
    ({ next_at: at }) =>
      at ? `If they stay away, a task comes back at ${clock(at)} and appears here.` : "A task that comes back appears here.",
  ],
  not_qualified: [
    "What is left is for other people",
    ({ detail }) => `${detail[0].toUpperCase()}${detail.slice(1)}.`,
  ],
  paused: ["A pause", ({ detail }) => `${detail[0].toUpperCase()}${detail.slice(1)}.`],
  away: ["You are away", ({ detail }) => `${detail[0].toUpperCase()}${detail.slice(1)}.`],
  capacity_reached: [
    "Enough for today",
    ({ detail }) => `${detail[0].toUpperCase()}${detail.slice(1)}.`,
  ],
  all_skipped: ["Only skipped records are left", () => "You put them off; somebody else may take them."],
};

function showEmpty(claimed) {
  // A claim leaves out what is being sent as well, and the API cannot tell that from skipped.
  const skipped = claimed.why === "all_skipped" && queue.anySkipped;
  const why = claimed.why === "all_skipped" && !skipped ? "nothing_open" : claimed.why;
  const [title, text] = NOTHING[why] ?? NOTHING.nothing_open;
  showInstead(title, text(claimed), skipped && { text: "Show them again", act: () => { queue.unskip(); advance(); } });
  if (!skipped) empty.timer = setTimeout(lookAgain, LOOK_AGAIN_MS);
}

/** Claims only for somebody who is there: a claimed task is out of everyone else's reach. */
async function lookAgain() {
  try {
    const waiting = await get("/api/v1/queue");
    const any = waiting.claimable + waiting.mine.length - outbox.entries.length > 0;
    if (any && attended(2)) return advance();
    if (any) {
      showInstead("There is something to do", "", { text: "Go on", act: advance });
      return undefined;
    }
  } catch (error) {
    if (!error.passing) return showTrouble(error);
  }
  empty.timer = setTimeout(lookAgain, LOOK_AGAIN_MS);
  return undefined;
}

function showTrouble(error) {
  if (error instanceof Problem && error.status === 401) {
    showInstead("You are signed out", "Nothing is lost: sign in and go on.", {
      text: "Sign in again",
      act: () => location.assign(signInAgain()),
    });
  } else if (error.passing) {
    showInstead("No connection to the server", "What you answered is kept in this browser and sent as soon as it can be. This page tries again by itself.", { text: "Try now", act: advance });
    empty.timer = setTimeout(advance, 1000 * Math.max(error.retryAfter ?? 0, 2));
  } else {
    showInstead("That did not work", error.sentence, { text: "Try again", act: advance });
  }
}

function showInstead(title, text, action) {
  find("#work").hidden = true;
  empty.section.hidden = false;
  say(find("#empty-title"), title);
  say(find("#empty-text"), text);
  empty.action.hidden = !action;
  if (action) {
    empty.action.textContent = action.text;
    empty.action.onclick = action.act;
  }
  showProgress();
}

const signInAgain = () => `/sign-in?next=${encodeURIComponent(location.pathname)}`;

// -- side panels ----------------------------------------------------------------------------------

const loaded = { guideline: "" };

async function showGuideline() {
  if (find("#guideline").hidden || !task || loaded.guideline === task.guideline) return;
  const wanted = task.guideline;
  try {
    const response = await fetch(`/guidelines/${wanted.replace("@", "/")}`);
    const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
    const article = find("#guideline-article", parsed);
    if (!article) throw new Error("no guideline in the answer");
    find("#guideline-text").replaceChildren(document.importNode(article, true));
    loaded.guideline = wanted;
  } catch {
    find("#guideline-text").textContent = "The guideline could not be fetched. Close this panel and open it again.";
  }
}

function toggleGuideline() {
  const open = find("#guideline").hidden;
  find("#guideline").hidden = !open;
  expanded("guideline", open);
  find("#work").classList.toggle("with-guideline", open);
  showGuideline();
}

function openNote(open) {
  find("#note").hidden = !open;
  expanded("note", open);
}

function expanded(command, open) {
  find(`[data-command=${command}]`).setAttribute("aria-expanded", String(open));
}

// -- commands and keys ----------------------------------------------------------------------------

/** One of `exclude`, `ambiguous` and `escalate` in the place of the labels; none closes it. */
function openPanel(name) {
  if (name && !task) return;
  panel = name;
  for (const each of all(".panel")) each.hidden = each.id !== name;
  find("#choosing").hidden = Boolean(name);
  if (name) find(`#${name}`).focus({ preventScroll: true });
}

function closePanel() {
  openPanel(null);
  find("#record").focus({ preventScroll: true });
}

const commands = {
  guideline: toggleGuideline,
  keys: () => find("#keys").showModal(),
  note() {
    if (!adjudicating) openNote(true);
    rationale.focus();
  },
  exclude: () => openPanel("exclude"),
  ambiguous() {
    if (!task) return;
    openPanel("ambiguous");
    between = [];
    betweenBoard.show(task.labels);
    betweenBoard.mark(() => ({ chosen: false }));
    find("#ambiguous-send").disabled = true;
  },
  escalate() {
    openPanel("escalate");
    find("#escalate-why").value = rationale.value;
    find("#escalate-why").focus();
  },
  skip,
  filter: () => !find("#filter-line").hidden && find("#filter").focus(),
};

const KEYS = {
  g: "guideline",
  "?": "keys",
  c: "note",
  x: "exclude",
  a: "ambiguous",
  s: "skip",
  "/": "filter",
  ...(adjudicating ? {} : { e: "escalate" }),
};

const panelKeys = {
  exclude(key) {
    all("[data-exclusion]")[Number(key) - 1]?.click();
  },
  ambiguous(key, event) {
    if (key === "u") find("#unusable-send").click();
    // On a button Enter presses that button.
    else if (key === "Enter" && !event.target.closest("button")) sendBetween();
    else betweenBoard.press(key);
  },
  escalate() {},
};

document.addEventListener("keydown", (event) => {
  const key = keyOf(event);
  if (!key || key === "Tab") return;
  if (find("dialog[open]")) return;
  if (panel) {
    if (key === "Escape") closePanel();
    else panelKeys[panel](key, event);
    return;
  }
  if (key === "Escape") board.forget();
  const command = board.started ? null : KEYS[key];
  if (command) commands[command]();
  else if (!task || !board.press(key)) return;
  event.preventDefault();
  say(find("#pending-key"), board.started ? `${board.started} … and a digit (Esc to cancel)` : "");
});

for (const button of all("[data-command]")) {
  button.addEventListener("click", () => commands[button.dataset.command]());
}
for (const button of all("[data-exclusion]")) {
  button.addEventListener("click", () => {
    answer({ kind: "exclude", exclusion: button.dataset.exclusion });
  });
}
for (const button of all("[data-back]")) button.addEventListener("click", closePanel);
for (const button of all("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
find("#ambiguous-send").addEventListener("click", sendBetween);
find("#unusable-send").addEventListener("click", () => answer({ kind: "unusable_ambiguity" }));
find("#escalate-send")?.addEventListener("click", () => {
  answer({ kind: "escalate" }, { because: find("#escalate-why").value.trim() });
});
find("#escalate-why")?.addEventListener("keydown", (event) => {
  const ours = event.key === "Escape" || (event.key === "Enter" && !event.shiftKey);
  if (!ours || event.isComposing) return;
  event.preventDefault();
  if (event.key === "Enter") find("#escalate-send").click();
  else closePanel();
});
rationale.addEventListener("input", () => task && drafts.write(task.task_id, rationale.value));
rationale.addEventListener("keydown", (event) => {
  const leaves = event.key === "Escape" || (event.key === "Enter" && !event.shiftKey);
  if (!leaves || event.isComposing) return;
  event.preventDefault();
  if (event.key === "Enter" && chosen && rationale.value.trim()) answer(chosen);
  else find("#record").focus({ preventScroll: true });
});
find("#filter").addEventListener("input", (event) => board.filter(event.target.value));
find("#filter").addEventListener("keydown", (event) => {
  if (event.key === "Enter") board.chooseFirst();
  else if (event.key === "Escape") {
    event.target.value = "";
    board.filter("");
    find("#record").focus({ preventScroll: true });
  }
});

// -- life of the page -----------------------------------------------------------------------------

setInterval(async () => {
  if (outbox.state === "waiting") showSaved();
  if (!task || Date.now() - claimedAt < RENEW_AFTER_MS || !attended(5)) return;
  const held = task;
  claimedAt = Date.now();
  try {
    held.lease_until = (await post(leaseOf(held.task_id))).lease_until;
    if (held === task) showAbout();
  } catch {
    // Said when the answer is sent, which keeps the text.
  }
}, 1_000);

setInterval(() => attended(2) && countWaiting(), COUNT_AGAIN_MS);
addEventListener("online", () => !task && advance());
addEventListener("pagehide", () => queue.leave());
addEventListener("pageshow", (event) => event.persisted && location.reload());

showSaved();
outbox.send();
advance();
countWaiting();
