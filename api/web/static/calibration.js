// The calibration page: records whose answer is known, each answered once and judged at once.

import { get, post } from "./api.js";
import { contentNode } from "./content.js";
import { find, say } from "./dom.js";
import { number, t } from "./i18n.js";
import { keyOf } from "./keys.js";
import { LabelSet } from "./label_set.js";
import { LabelBoard } from "./labels.js";

const page = find("#calibration");
const address = `/api/v1/calibrations/${encodeURIComponent(page.dataset.round)}`;
const feedback = find("#feedback");

let calibration = null;
let sending = false;

const board = new LabelBoard(find("#labels"), pick);
const set = new LabelSet(find("#set"), mark);

function show(found) {
  calibration = found;
  const { task } = found;
  feedback.hidden = true;
  say(find("#verdict"), "");
  showProgress(found);
  find("#guideline").href = `/guidelines/${found.guideline.replace("@", "/")}`;
  find("#work").hidden = !task;
  find("#empty").hidden = Boolean(task);
  if (!task) return showEnd(found);
  find("#record").replaceChildren(contentNode(task.content_kind, task.content));
  board.show(task.labels);
  set.show(task);
  find("#record").focus();
  return undefined;
}

function showEnd({ standing, answered, right, wanted }) {
  const counts = { right: number(right), answered: number(answered), wanted: number(wanted) };
  const [title, text] =
    standing === "passed"
      ? [t("You have passed"), t("{right} of {answered} answers were right. Records wait for you.", counts)]
      : standing === "paused"
        ? [t("Not yet"), t("{right} of {answered} answers were right, which is not enough. Whoever leads the round can talk it over with you and let you begin.", counts)]
        : [t("No further record"), t("{answered} of {wanted} are answered, and the pool has no further record with a known answer. Whoever leads the round can add some.", counts)];
  say(find("#empty-title"), title);
  say(find("#empty-text"), text);
  find("#empty-action").hidden = standing !== "passed";
}

function showProgress({ answered, wanted, right }) {
  const counts = { answered: number(answered), wanted: number(wanted), right: number(right) };
  say(find("#progress"), t("{answered} of {wanted} answered, {right} right", counts));
}

const several = () => calibration?.task?.choice === "multiple";

function pick(label) {
  if (!calibration?.task || !feedback.hidden) return;
  if (several()) set.toggle(label);
  else answer({ kind: "label", label });
}

function mark() {
  board.mark((label) => ({ chosen: several() ? set.has(label) : null }));
}

async function answer(verdict) {
  if (sending || !verdict) return;
  sending = true;
  try {
    const { task, schema } = calibration;
    const judged = await post(`${address}/answers`, { record_id: task.record_id, verdict, schema });
    const given = verdict.labels ?? [verdict.label];
    board.mark((label) => ({
      chosen: given.includes(label),
      notes: judged.expected.includes(label) ? t("known") : "",
    }));
    feedback.className = `notice ${judged.correct ? "good" : "bad"}`;
    say(find("#verdict"), judged.correct ? t("✓ Right.") : t("✗ Not what is known."));
    const known = judged.expected.join(" + ") || t("none of them");
    say(find("#expected"), judged.correct ? "" : t("The known answer: {label}.", { label: known }));
    feedback.hidden = false;
    find("#next").onclick = () => show(judged.calibration);
    find("#next").focus();
    showProgress(judged.calibration);
  } catch (error) {
    showTrouble(error);
  } finally {
    sending = false;
  }
}

function showTrouble(error) {
  feedback.className = "notice bad";
  say(find("#verdict"), t("That did not work."));
  say(find("#expected"), error.sentence);
  feedback.hidden = false;
  find("#next").onclick = load;
}

async function load() {
  try {
    show(await get(address));
  } catch (error) {
    find("#work").hidden = true;
    find("#empty").hidden = false;
    say(find("#empty-title"), t("That did not work"));
    say(find("#empty-text"), error.sentence);
  }
}

find("#set-send").addEventListener("click", () => answer(set.verdict));

document.addEventListener("keydown", (event) => {
  const key = keyOf(event);
  if (!key || event.target.closest("button, a, input, textarea") && key === "Enter") return;
  if (key === "Enter" && !feedback.hidden) find("#next").click();
  else if (key === "Enter" && several()) answer(set.verdict);
  else if (key === "g") window.open(find("#guideline").href, "_blank");
  else if (feedback.hidden && board.press(key)) event.preventDefault();
});

load();
