// Why the desk is empty, in words: what a claim that brought no task says of it.

import { clock } from "./dom.js";

const sentence = ({ detail }) => `${detail[0].toUpperCase()}${detail.slice(1)}.`;

const NOTHING = {
  nothing_open: ["Nothing to do right now", () => "New tasks appear here by themselves."],
  all_leased: [
    "Others are working on what is left",
    ({ next_at: at }) =>
      at ? `If they stay away, a task comes back at ${clock(at)} and appears here.` : "A task that comes back appears here.",
  ],
  not_qualified: ["What is left is for other people", sentence],
  calibration_wanted: ["A few known answers first", sentence],
  paused: ["A pause", sentence],
  away: ["You are away", sentence],
  capacity_reached: ["Enough for today", sentence],
  all_skipped: ["Only skipped records are left", () => "You put them off; somebody else may take them."],
};

/** Title and text for `{why, next_at, detail}`. */
export function nothingToDo(why, claimed) {
  const [title, text] = NOTHING[why] ?? NOTHING.nothing_open;
  return [title, text(claimed)];
}
