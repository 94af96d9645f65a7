// The reviewer's and the adjudicator's page: one record at a time, everything by key.
//
// An answer goes to the outbox and the next record is shown at once; see outbox.js for what becomes
// of it. Nothing here knows more of a record than its task says.

import { Problem, get, newId, post } from "./api.js";
import { Stopwatch, attended } from "./attention.js";
import { contentNode } from "./content.js";
import { all, find, make, say, verdictText } from "./dom.js";
import { Drafts } from "./drafts.js";
import { GuidelinePanel } from "./guideline.js";
import { clock, dateAndTime, number, percent, pieces, t, tn, word } from "./i18n.js";
import { isUndo, keyOf } from "./keys.js";
import { LabelSet } from "./label_set.js";
import { LabelBoard } from "./labels.js";
import { nothingToDo } from "./nothing.js";
import { Outbox } from "./outbox.js";
import { Queue, leaseOf } from "./queue.js";
import { Reasons } from "./reasons.js";
import { Skipping, sendSkip } from "./skipping.js";
import { UNDO_KEYS, Undo } from "./undo.js";

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
const undoing = new Undo({ isSent: (entry) => !outbox.holds(entry), changed: showUndo });
const reasons = new Reasons(rationale, find("#rationale-missing"));
const skipping = new Skipping(find("#skip"), { because: skip, back: closePanel });
const queue = new Queue(desk.dataset.kind, () => [
  ...(task ? [task.task_id] : []),
  ...outbox.entries.map((entry) => entry.task),
]);
const guideline = new GuidelinePanel(find("#guideline"));
const board = new LabelBoard(find("#labels"), pick);
const set = new LabelSet(find("#set"), setChanged);
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
  find("#labels").classList.toggle("many", several());
  for (const each of all("[data-choice]")) each.hidden = each.dataset.choice !== task.choice;
  set.show(task);
  find("#filter-line").hidden = task.labels.length <= MANY_LABELS;
  find("#filter").value = "";
  say(find("#pending-key"), "");
  if (adjudicating) showAnswers();
  reasons.clear();
  markBoard();
  rationale.value = drafts.read(task.task_id);
  if (!adjudicating) openNote(Boolean(rationale.value));
  for (const radio of all("[name=confidence]")) radio.checked = false;
  answered ??= task.progress.done;
  showProgress();
  guideline.show(task.guideline);
  find("#record").focus({ preventScroll: true });
  queue.prefetch();
}

function showAbout() {
  const facts = [
    [t("Record"), task.record_id],
    [t("Round"), task.round_id],
    ...Object.entries(task.metadata).map(([name, value]) => [word("column", name), value]),
    [t("Yours until"), task.lease_until && clock(task.lease_until)],
    [t("Wanted by"), task.deadline && dateAndTime(task.deadline)],
  ];
  const rows = facts
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, String(value))));
  find("#about").replaceChildren(...rows);
}

function showAnswers() {
  const cards = task.reviews.map((review) =>
    make(
      "article",
      { class: "answer" },
      make("h3", {}, t("Reviewer {letter}", { letter: letterOf(review) })),
      make("p", { class: "given-answer", dir: "auto" }, verdictText(review.verdict)),
      review.confidence === null ? null : make("p", { class: "muted" }, t("{share} sure", { share: percent(review.confidence) })),
      review.rationale ? make("blockquote", { dir: "auto" }, review.rationale) : make("p", { class: "muted" }, t("gave no reason")),
    ),
  );
  find("#answers").replaceChildren(...cards);
}

/** Who gave an answer is a letter: `Reviewer A`, in the API's English. */
const letterOf = ({ reviewer }) => reviewer.replace("Reviewer ", "");

function markBoard() {
  // A reviewer's choice shows while it waits for its reason.
  const marked = (label) => (adjudicating || chosen ? chosen?.label === label : null);
  const letters = (label) =>
    task.reviews
      .filter(({ verdict }) => verdict.label === label || verdict.labels.includes(label) || verdict.between.includes(label))
      .map(letterOf)
      .join(" ");
  board.mark((label) => ({
    chosen: several() ? set.has(label) : marked(label),
    notes: letters(label),
  }));
}

/** Whether the record may have more labels than one. */
const several = () => task?.choice === "multiple";

// -- answers --------------------------------------------------------------------------------------

function pick(label) {
  if (!task || performance.now() - shownAt < NOBODY_READS_FASTER_MS) return;
  if (several()) set.toggle(label);
  else answer({ kind: "label", label });
}

function sendSet() {
  if (set.verdict) answer(set.verdict);
}

function setChanged() {
  if (chosen) decided(set.verdict);
  markBoard();
}

/** What somebody has decided and has not said why; null when it is undone. */
function decided(verdict) {
  chosen = verdict;
  if (verdict) reasons.demand(task, verdict);
  else reasons.clear();
}

function answer(verdict, { because = rationale.value.trim() } = {}) {
  if (!task || moving || performance.now() - shownAt < NOBODY_READS_FASTER_MS) return;
  if (reasons.isMissing(task, verdict, because)) {
    openPanel(null);
    if (!adjudicating) openNote(true);
    decided(verdict);
    markBoard();
    return;
  }
  const confidence = find("[name=confidence]:checked")?.value;
  lastShown = verdictText(verdict);
  const entry = {
    path: `/api/v1/tasks/${encodeURIComponent(task.task_id)}/${desk.dataset.kind}`,
    task: task.task_id,
    record: task.record_id,
    shown: lastShown,
    body: {
      review_id: newId(),
      verdict,
      schema: task.schema,
      guideline: task.guideline,
      shown: task.shown,
      confidence: confidence === undefined ? null : Number(confidence),
      rationale: because,
      seconds: Math.min(Math.round(10 * watch.seconds) / 10, 86_400),
    },
  };
  outbox.put(entry);
  undoing.remember(task, entry);
  drafts.write(task.task_id, "");
  answered += 1;
  showProgress();
  advance();
}

/** The last answer is taken back, and its record is on the desk again, with what was written. */
async function undo() {
  if (moving || !undoing.last) return;
  moving = true;
  const { shown, record } = undoing.last.entry;
  say(find("#saved"), t("Taking back: {answer}…", { answer: shown }));
  try {
    const { task: returned, entry } = await undoing.take();
    if (task) queue.putBack(task);
    drafts.write(returned.task_id, entry.body.rationale);
    answered = Math.max(0, answered - 1);
    lastShown = "";
    clearTimeout(empty.timer);
    show(returned);
    say(find("#saved"), t("Taken back: {answer}. Answer it again.", { answer: shown }));
  } catch (error) {
    showSaved();
    const stands = t("Your answer “{answer}” to {record} stands:", { answer: shown, record });
    notify(make("b", {}, `${stands} `), error.sentence ?? error.message);
  } finally {
    moving = false;
  }
}

async function skip(reason) {
  if (!task || moving) return;
  const skipped = task;
  queue.skip(skipped.task_id);
  advance();
  try {
    await sendSkip(skipped.task_id, reason);
  } catch (error) {
    const lost = t("Why you skipped {record} was not noted:", { record: skipped.record_id });
    notify(make("b", {}, `${lost} `), error.sentence);
  }
}

function toggleBetween(label) {
  between = between.includes(label) ? between.filter((each) => each !== label) : [...between, label];
  betweenBoard.mark((each) => ({ chosen: between.includes(each) }));
  find("#ambiguous-send").disabled = between.length < fewestBetween();
}

/** Of several labels one alone can be in doubt. */
const fewestBetween = () => (several() ? 1 : 2);

function sendBetween() {
  if (between.length < fewestBetween()) return;
  answer({ kind: "useful_ambiguity", between: [...between].sort() });
}

// -- what the page says ---------------------------------------------------------------------------

function showProgress() {
  const done = tn("{count} answered", "{count} answered", answered ?? 0);
  find("#progress").textContent = waiting ? `${done} · ${waiting}` : done;
}

/** How much is left: counted now and then, since counting a long queue for each record would tell. */
async function countWaiting() {
  try {
    const { claimable } = await get("/api/v1/queue");
    waiting =
      claimable >= MANY_WAITING
        ? t("{count} or more waiting", { count: number(MANY_WAITING) })
        : tn("{count} waiting", "{count} waiting", claimable);
    showProgress();
  } catch {
    waiting = "";
  }
}

function showSaved() {
  const line = find("#saved");
  const unsent = outbox.entries.length;
  const answers = tn("{count} answer", "{count} answers", unsent);
  line.className = `saved ${unsent ? outbox.state.replace(" ", "-") : "done"}`;
  if (!unsent) {
    line.textContent = lastShown ? t("✓ {answer} – saved", { answer: lastShown }) : "";
  } else if (outbox.state === "waiting") {
    const seconds = number(Math.max(1, Math.ceil((outbox.retryAt - Date.now()) / 1000)));
    const button = make("button", { type: "button", class: "quiet", onclick: () => outbox.send() }, t("Try now"));
    const values = { answers, seconds, button };
    line.replaceChildren(...pieces("Not sent yet: {answers}, kept here. Trying again in {seconds} s {button}", values));
  } else if (outbox.state === "signed out") {
    const link = make("a", { href: signInAgain() }, t("Sign in again"));
    line.replaceChildren(...pieces("Not sent yet: {answers}, kept here. {link} to send them.", { answers, link }));
  } else {
    line.textContent = t("Sending {answers}…", { answers });
  }
}

function showUndo() {
  find("#undo").hidden = !undoing.last;
}

function showReturned(entry, problem) {
  answered = Math.max(0, answered - 1);
  undoing.forget(entry);
  const text = entry.body.rationale;
  const refused = t("Your answer “{answer}” to {record} was not taken:", { answer: entry.shown, record: entry.record });
  notify(
    make("b", {}, `${refused} `),
    problem.sentence,
    text ? make("span", {}, ` ${t("What you wrote:")} `, make("q", {}, text)) : null,
  );
  showProgress();
}

/** What went otherwise than this person may think, until they have read it. */
function notify(...parts) {
  const notice = make(
    "section",
    { class: "notice bad returned" },
    make("p", {}, ...parts),
    make("button", { type: "button", class: "quiet", onclick: () => notice.remove() }, t("Understood")),
  );
  find("#returned").append(notice);
}

function showEmpty(claimed) {
  // A claim leaves out what is being sent as well, and the API cannot tell that from skipped.
  const skipped = claimed.why === "all_skipped" && queue.anySkipped;
  const why = claimed.why === "all_skipped" && !skipped ? "nothing_open" : claimed.why;
  if (claimed.calibrate) {
    const begin = () => location.assign(`/calibration/${encodeURIComponent(claimed.calibrate)}`);
    showInstead(...nothingToDo(why, claimed), { text: t("Begin"), act: begin });
    return;
  }
  showInstead(...nothingToDo(why, claimed), skipped && { text: t("Show the last one again"), act: showSkipped });
  if (!skipped) empty.timer = setTimeout(lookAgain, LOOK_AGAIN_MS);
}

async function showSkipped() {
  try {
    await queue.unskip();
    advance();
  } catch (error) {
    showTrouble(error);
  }
}

/** Claims only for somebody who is there: a claimed task is out of everyone else's reach. */
async function lookAgain() {
  try {
    const waiting = await get("/api/v1/queue");
    const any = waiting.claimable + waiting.mine.length - outbox.entries.length > 0;
    if (any && attended(2)) return advance();
    if (any) {
      showInstead(t("There is something to do"), "", { text: t("Go on"), act: advance });
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
    showInstead(t("You are signed out"), t("Nothing is lost: sign in and go on."), {
      text: t("Sign in again"),
      act: () => location.assign(signInAgain()),
    });
  } else if (error.passing) {
    showInstead(
      t("No connection to the server"),
      t("What you answered is kept in this browser and sent as soon as it can be. This page tries again by itself."),
      { text: t("Try now"), act: advance },
    );
    empty.timer = setTimeout(advance, 1000 * Math.max(error.retryAfter ?? 0, 2));
  } else {
    showInstead(t("That did not work"), error.sentence, { text: t("Try again"), act: advance });
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

function toggleGuideline() {
  expanded("guideline", guideline.toggle());
  find("#work").classList.toggle("with-guideline", guideline.isOpen);
  if (task) guideline.show(task.guideline);
}

function openNote(open) {
  find("#note").hidden = !open;
  expanded("note", open);
}

function expanded(command, open) {
  find(`[data-command=${command}]`).setAttribute("aria-expanded", String(open));
}

// -- commands and keys ----------------------------------------------------------------------------

/** One of `exclude`, `ambiguous`, `escalate` and `skip` in the place of the labels; none closes it. */
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
  skip() {
    openPanel("skip");
    skipping.ask();
  },
  undo,
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
  skip: (key) => key !== "Enter" && skipping.press(key),
};

document.addEventListener("keydown", (event) => {
  if (isUndo(event) && !find("dialog[open]")) {
    event.preventDefault();
    undo();
    return;
  }
  const key = keyOf(event);
  if (!key || key === "Tab") return;
  if (find("dialog[open]")) return;
  if (panel) {
    // What a key does may put the cursor into a field, which is not to take the key as well.
    if (key !== "Enter") event.preventDefault();
    if (key === "Escape") closePanel();
    else panelKeys[panel](key, event);
    return;
  }
  if (key === "Enter" && several() && !event.target.closest("button:not(#labels button), a, summary")) {
    // Also on a label, where Space is what takes it and gives it back, as in a form.
    event.preventDefault();
    sendSet();
    return;
  }
  if (key === "Escape") board.forget();
  const command = board.started ? null : KEYS[key];
  if (command) commands[command]();
  else if (!task || !board.press(key)) return;
  event.preventDefault();
  say(find("#pending-key"), board.started ? t("{letter} … and a digit (Esc to cancel)", { letter: board.started }) : "");
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
find("#set-send").addEventListener("click", sendSet);
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
  if (event.isComposing) return;
  if (event.key === "Enter") {
    board.chooseFirst();
    // Here it would take the label back; there it sends.
    if (several()) leaveFilter(event);
  } else if (event.key === "Escape") {
    leaveFilter(event);
  }
});

function leaveFilter(event) {
  event.preventDefault();
  find("#filter").value = "";
  board.filter("");
  find("#record").focus({ preventScroll: true });
}

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

find("#undo kbd").textContent = UNDO_KEYS;
showSaved();
outbox.send();
advance();
countWaiting();
