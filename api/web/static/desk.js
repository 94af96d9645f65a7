// The reviewer's and the adjudicator's page: one record at a time, everything by key.
//
// An answer goes to the outbox and the next record is shown at once; see outbox.js for what becomes
// of it. Nothing here knows more of a record than its task says.

import { newId, post } from "./api.js";
import { Stopwatch, attended } from "./attention.js";
import { AnswerPanels } from "./answer_panels.js";
import { Answers } from "./answers.js";
import { Bar, notify } from "./bar.js";
import { Beside } from "./beside.js";
import { contentNode } from "./content.js";
import { SimilarPanel, SuggestionPanel } from "./context.js";
import { all, find, make, say, verdictText } from "./dom.js";
import { Drafts } from "./drafts.js";
import { Finder } from "./finder.js";
import { Folding } from "./folding.js";
import { GuidelinePanel } from "./guideline.js";
import { History } from "./history.js";
import { clock, dateAndTime, t, word } from "./i18n.js";
import { KeySheet } from "./key_sheet.js";
import { Keymap } from "./keymap.js";
import { isUndo, keyOf, presses } from "./keys.js";
import { LabelSet } from "./label_set.js";
import { LabelBoard } from "./labels.js";
import { Lease } from "./lease.js";
import { Outbox } from "./outbox.js";
import { Queue } from "./queue.js";
import { Reasons } from "./reasons.js";
import { sendSkip } from "./skipping.js";
import { onSwipe } from "./swipe.js";
import { UNDO_KEYS, Undo } from "./undo.js";
import { Waiting } from "./waiting.js";

// A second press of a key that was meant for the record before.
const NOBODY_READS_FASTER_MS = 150;
const MANY_LABELS = 10;
const COUNT_AGAIN_MS = 30_000;

const desk = find("#desk");
const adjudicating = desk.dataset.kind === "adjudication";
const rationale = find("#rationale");
/** What is written in a panel, by its name in a draft. */
const asides = adjudicating ? { skip: find("#skip-why") } : { skip: find("#skip-why"), escalation: find("#escalate-why") };

let task = null;
let shownAt = 0;
let chosen = null;
let moving = false;

const watch = new Stopwatch();
const drafts = new Drafts(desk.dataset.account);
const keymap = new Keymap(desk.dataset.account);
const outbox = new Outbox(desk.dataset.account, { changed: () => bar.showSaved(), returned: showReturned });
const bar = new Bar(outbox);
const undoing = new Undo({
  isSent: (entry) => !outbox.holds(entry),
  changed: () => { find("#undo").hidden = !undoing.last; },
});
const reasons = new Reasons(rationale, find("#rationale-missing"));
const queue = new Queue(desk.dataset.kind, () => [
  ...(task ? [task.task_id] : []),
  ...outbox.entries.map((entry) => entry.task),
]);
const waiting = new Waiting(queue, outbox, advance);
const board = new LabelBoard(find("#labels"), pick, () => keymap.freeLetters);
const set = new LabelSet(find("#set"), setChanged);
const panels = new AnswerPanels({ task: () => task, several, answer, skip, letters: () => keymap.freeLetters, back: focusRecord, between: (labels) => guideline.ask(labels) });
const answers = adjudicating ? new Answers(find("#answers")) : null;
const lease = new Lease(find("#lease"), showAbout);
const finder = new Finder(find("#search"), find("#record"), focusRecord);
const folding = new Folding(find("#record"), find("#unfold"));
const beside = new Beside(find("#beside"), find("#work"));
const history = new History(find("#history"), beside, undo);
const guideline = new GuidelinePanel(find("#guideline"));
beside.add("guideline", guideline);
beside.add("similar", new SimilarPanel(find("#similar")));
beside.add("suggestion", new SuggestionPanel(find("#suggestion")));
const sheet = new KeySheet(find("#keys"), keymap, () => task && showLabels());

// -- one record after another ---------------------------------------------------------------------

async function advance() {
  if (moving) return;
  moving = true;
  task = null;
  waiting.rest();
  try {
    const claimed = await queue.take();
    if (claimed.task) show(claimed.task);
    else waiting.showEmpty(claimed);
  } catch (error) {
    waiting.showTrouble(error);
  } finally {
    moving = false;
  }
}

function show(next) {
  task = next;
  chosen = null;
  shownAt = performance.now();
  watch.restart();
  waiting.end();
  say(find("#pool"), task.pool);
  find("#record").replaceChildren(contentNode(task.content_kind, task.content, task.metadata));
  folding.show();
  finder.renew();
  showAbout();
  panels.close({ quietly: true });
  for (const each of all("[data-choice]")) each.hidden = each.dataset.choice !== task.choice;
  find("#filter-line").hidden = task.labels.length <= MANY_LABELS;
  find("#filter").value = "";
  say(find("#pending-key"), "");
  answers?.show(task.reviews);
  reasons.clear();
  showDraft(drafts.read(task.task_id));
  bar.begin(task.progress.done);
  beside.show(task);
  lease.show(task);
  find("[data-command=search]").hidden = task.content_kind === "image";
  if (!adjudicating) find("[data-command=suggestion]").hidden = !task.may_reveal;
  focusRecord();
  queue.prefetch();
}

/** The labels, and what had been begun before the page was left. */
function showDraft(draft) {
  set.show(task, { first: !atOnce() });
  showLabels();
  for (const label of draft.labels) set.toggle(label);
  rationale.value = draft.text;
  for (const [name, field] of Object.entries(asides)) field.value = draft[name];
  if (!adjudicating) openNote(Boolean(draft.text));
  for (const radio of all("[name=confidence]")) radio.checked = radio.value === draft.confidence;
}

function showLabels() {
  board.show(task.labels);
  find("#labels").classList.toggle("many", several());
  markBoard();
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
    .map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", { dir: "auto" }, String(value))));
  find("#about").replaceChildren(...rows);
}

function markBoard() {
  guideline.ask(collects() && set.labels.length ? set.labels : (answers?.labels ?? []));
  // A reviewer's choice shows while it waits for its reason.
  const marked = (label) => (adjudicating || chosen ? chosen?.label === label : null);
  board.mark((label) => ({
    chosen: collects() ? set.has(label) : marked(label),
    notes: answers ? answers.givenFor(label) : "",
  }));
}

function focusRecord() {
  find("#record").focus({ preventScroll: true });
}

/** Whether the record may have more labels than one. */
function several() {
  return task?.choice === "multiple";
}

/** Whether labels are chosen first and sent then. */
const collects = () => several() || !atOnce();

// -- answers --------------------------------------------------------------------------------------

function pick(label) {
  if (!task || performance.now() - shownAt < NOBODY_READS_FASTER_MS) return;
  if (collects()) set.toggle(label);
  else answer({ kind: "label", label });
}

function sendSet() {
  if (collects() && set.verdict) answer(set.verdict);
  else if (chosen && rationale.value.trim()) answer(chosen);
}

function setChanged() {
  if (chosen) decided(set.verdict);
  markBoard();
  keepDraft();
}

/** What somebody has decided and has not said why; null when it is undone. */
function decided(verdict) {
  chosen = verdict;
  if (verdict) reasons.demand(task, verdict);
  else reasons.clear();
}

const confidence = () => find("[name=confidence]:checked")?.value ?? null;

function keepDraft() {
  if (!task) return;
  const written = Object.fromEntries(Object.entries(asides).map(([name, field]) => [name, field.value]));
  drafts.write(task.task_id, { text: rationale.value, labels: set.labels, confidence: confidence(), ...written });
}

function answer(verdict, { because = rationale.value.trim() } = {}) {
  if (!task || moving || performance.now() - shownAt < NOBODY_READS_FASTER_MS) return;
  if (reasons.isMissing(task, verdict, because)) {
    panels.close({ quietly: true });
    if (!adjudicating) openNote(true);
    decided(verdict);
    markBoard();
    return;
  }
  const sure = confidence();
  const entry = {
    path: `/api/v1/tasks/${encodeURIComponent(task.task_id)}/${desk.dataset.kind}`,
    task: task.task_id,
    record: task.record_id,
    shown: verdictText(verdict),
    body: {
      review_id: newId(),
      verdict,
      schema: task.schema,
      guideline: task.guideline,
      shown: task.shown,
      confidence: sure === null ? null : Number(sure),
      rationale: because,
      seconds: Math.min(Math.round(10 * watch.seconds) / 10, 86_400),
    },
  };
  outbox.put(entry);
  undoing.remember(task, entry);
  drafts.write(task.task_id);
  bar.count(1, entry.shown);
  advance();
}

function undoLast() {
  if (!undoing.last) return;
  const { entry } = undoing.last;
  undo({ ...entry.body, task_id: entry.task, record_id: entry.record });
}

/** The answer is taken back, and its record is on the desk again, with what was written. */
async function undo(given) {
  if (moving) return;
  moving = true;
  const shown = verdictText(given.verdict);
  bar.say(t("Taking back: {answer}…", { answer: shown }));
  try {
    const returned = await undoing.take(given);
    if (task) queue.putBack(task);
    drafts.write(returned.task_id, { text: given.rationale });
    bar.count(-1);
    waiting.rest();
    show(returned);
    bar.say(t("Taken back: {answer}. Answer it again.", { answer: shown }));
  } catch (error) {
    bar.showSaved();
    const stands = t("Your answer “{answer}” to {record} stands:", { answer: shown, record: given.record_id });
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

/** With what has been written so far as the note: it says what is missing. */
async function reportGap() {
  if (!task) return;
  const { task_id: reported, record_id: record } = task;
  try {
    await post(`/api/v1/tasks/${encodeURIComponent(reported)}/guideline-gap`, { note: rationale.value.trim() });
    bar.say(t("Reported: the guideline does not decide {record}.", { record }));
  } catch (error) {
    notify(make("b", {}, `${t("The gap was not reported:")} `), error.sentence ?? error.message);
  }
}

function showReturned(entry, problem) {
  undoing.forget(entry);
  const text = entry.body.rationale;
  const refused = t("Your answer “{answer}” to {record} was not taken:", { answer: entry.shown, record: entry.record });
  notify(
    make("b", {}, `${refused} `),
    problem.sentence,
    text ? make("span", {}, ` ${t("What you wrote:")} `, make("q", {}, text)) : null,
  );
  bar.count(-1);
}

function openNote(open) {
  find("#note").hidden = !open;
  find("[data-command=note]").setAttribute("aria-expanded", String(open));
}

// -- commands and keys ----------------------------------------------------------------------------

const commands = {
  submit: sendSet,
  undo: undoLast,
  keys: () => sheet.open(),
  note() {
    if (!adjudicating) openNote(true);
    rationale.focus();
  },
  exclude: () => panels.open("exclude"),
  ambiguous: () => panels.open("ambiguous"),
  escalate: () => !adjudicating && panels.open("escalate"),
  skip: () => panels.open("skip"),
  guideline: () => beside.toggle("guideline"),
  similar: () => task && beside.toggle("similar"),
  suggestion: () => task && !adjudicating && beside.toggle("suggestion"),
  earlier: () => history.earlier(),
  later: () => history.later(),
  search: () => task && !find("[data-command=search]").hidden && finder.open(),
  unfold: () => folding.toggle(),
  filter: () => !find("#filter-line").hidden && find("#filter").focus(),
  gap: reportGap,
  keep: () => lease.keep(),
};

document.addEventListener("keydown", (event) => {
  if (find("dialog[open]")) return;
  if (isUndo(event)) {
    event.preventDefault();
    undoLast();
    return;
  }
  const key = keyOf(event);
  if (!key || key === "Tab") return;
  if (panels.isOpen) {
    panels.press(key, event);
    return;
  }
  // On a button, Enter and Space press that button; on a label Enter sends what is chosen.
  if (presses(event, key) && !(key === "Enter" && collects() && event.target.closest("#labels"))) return;
  if (key === "Escape") {
    board.forget();
    if (beside.open) beside.close();
  }
  const command = board.started ? null : keymap.commandOf(key);
  if (command) commands[command]();
  else if (!task || !board.press(key)) return;
  event.preventDefault();
  say(find("#pending-key"), board.started ? t("{letter} … and a digit (Esc to cancel)", { letter: board.started }) : "");
});

for (const button of all("[data-command]")) {
  button.addEventListener("click", () => commands[button.dataset.command]());
}
for (const button of all("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
find("#beside-close").addEventListener("click", () => {
  beside.close();
  focusRecord();
});
for (const field of [rationale, ...Object.values(asides)]) field.addEventListener("input", keepDraft);
find("#confidence").addEventListener("change", keepDraft);
rationale.addEventListener("keydown", (event) => {
  const leaves = event.key === "Escape" || (event.key === "Enter" && !event.shiftKey);
  if (!leaves || event.isComposing) return;
  event.preventDefault();
  if (event.key === "Enter" && chosen && rationale.value.trim()) answer(chosen);
  else focusRecord();
});
find("#filter").addEventListener("input", (event) => board.filter(event.target.value));
find("#filter").addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Enter") {
    board.chooseFirst();
    // Here it would take the label back; there it sends.
    if (collects()) leaveFilter(event);
  } else if (event.key === "Escape") {
    leaveFilter(event);
  }
});

function leaveFilter(event) {
  event.preventDefault();
  find("#filter").value = "";
  board.filter("");
  focusRecord();
}

onSwipe(find("#record"), { left: commands.skip, right: commands.earlier });

// -- what somebody prefers ------------------------------------------------------------------------

const AT_ONCE = "labelwright/at-once";
find("#at-once").checked = localStorage.getItem(AT_ONCE) !== "no";
find("#at-once").addEventListener("change", (event) => {
  localStorage.setItem(AT_ONCE, event.target.checked ? "yes" : "no");
  if (task) showDraft(drafts.read(task.task_id));
});

/** Whether a label's key sends the answer, instead of only choosing it. */
function atOnce() {
  return find("#at-once").checked;
}

// -- life of the page -----------------------------------------------------------------------------

setInterval(() => outbox.state === "waiting" && bar.showSaved(), 1_000);
setInterval(() => attended(2) && bar.countWaiting(), COUNT_AGAIN_MS);
addEventListener("online", () => !task && advance());
addEventListener("pagehide", () => queue.leave());
addEventListener("pageshow", (event) => event.persisted && location.reload());

keymap.show();
find("#undo kbd").textContent = UNDO_KEYS;
bar.showSaved();
outbox.send();
advance();
bar.countWaiting();
