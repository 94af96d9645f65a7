// Why the desk is empty, in words: what a claim that brought no task says of it.

import { clock, t, translated } from "./i18n.js";

/** What the API says in detail is English; elsewhere `otherwise` says as much as can be said. */
const detailed = (otherwise) => ({ detail }) =>
  translated() ? otherwise() : `${detail[0].toUpperCase()}${detail.slice(1)}.`;

const NOTHING = {
  nothing_open: [() => t("Nothing to do right now"), () => t("New tasks appear here by themselves.")],
  all_leased: [
    () => t("Others are working on what is left"),
    ({ next_at: at }) =>
      at
        ? t("If they stay away, a task comes back at {time} and appears here.", { time: clock(at) })
        : t("A task that comes back appears here."),
  ],
  not_qualified: [
    () => t("What is left is for other people"),
    detailed(() => t("It wants what your profile does not say you bring, or you have a part in it already.")),
  ],
  calibration_wanted: [
    () => t("A few known answers first"),
    detailed(() => t("Answer a few records whose answer is known, and then begin.")),
  ],
  paused: [
    () => t("A pause"),
    detailed(() => t("Your answers are being looked at; a lead can say more.")),
  ],
  away: [
    () => t("You are away"),
    detailed(() => t("Your profile says so; change it when you are back.")),
  ],
  capacity_reached: [
    () => t("Enough for today"),
    detailed(() => t("You have given all of today’s answers; the day turns at midnight UTC.")),
  ],
  all_skipped: [
    () => t("Only skipped records are left"),
    () => t("You put them off; somebody else may take them."),
  ],
};

/** Title and text for `{why, next_at, detail}`. */
export function nothingToDo(why, claimed) {
  const [title, text] = NOTHING[why] ?? NOTHING.nothing_open;
  return [title(), text(claimed)];
}
