"""The ledger's decisions in plain words: for people who have never seen one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from domain.outcomes import How

if TYPE_CHECKING:
    from workers.audit import LedgerLine

Detail = Mapping[str, Any]


def words(line: LedgerLine) -> str:
    """What was decided, as a phrase that follows the actor's name."""
    try:
        return _WORDS[line.kind](line.detail)
    except (KeyError, TypeError, ValueError):
        # A ledger of an older or newer version may say it with other details.
        return line.kind.replace("_", " ")


def answer(given: str | None) -> str:
    """`label:sport` as people say it."""
    kind, _, rest = (given or "").partition(":")
    match kind:
        case "label":
            return f"“{rest}”"
        case "ambiguous":
            return "ambiguous between " + " and ".join(rest.split("|"))
        case "exclude":
            return f"exclude ({rest.replace('_', ' ')})"
        case "":
            return "nothing"
        case _:
            return kind.replace("_", " ")


def _words(identifier: str) -> str:
    return identifier.replace("_", " ")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {_words(name)}" for name, count in counts.items())


def _lift(evaluation: Detail) -> str:
    if evaluation["lift"] is None:
        return "measured: " + "; ".join(evaluation["notes"])
    return (
        f"measured lift: {evaluation['lift']:+.3f} "
        f"({evaluation['lift_low']:+.3f} to {evaluation['lift_high']:+.3f})"
    )


_WORDS: dict[str, Callable[[Detail], str]] = {
    "message_forged": lambda d: (
        f"turned a “{_words(d['signal'])}” away that names {d['claimed_name'] or 'nobody'}: "
        f"{d['refusal']}"
    ),
    "message_malformed": lambda d: f"sent what cannot be ours: {d['refusal']}",
    "duties_overridden": lambda d: f"broke the glass to {d['what']}",
    "round_requested": lambda d: f"asked for the round, policy {d['policy']}",
    "snapshot_pinned": lambda d: (
        f"pinned the pool: {d['records']:,} records, {d['eligible']:,} to choose from"
    ),
    "model_trained": lambda d: f"trained a model on {d['labelled']:,} labels ({d['part']})",
    "pool_scored": lambda _: "scored the pool",
    "batch_selected": lambda d: (
        f"selected the batch: {_counts(d['arms'])}"
        if d["records"]
        else f"could select nothing as {d['policy']} demands"
    ),
    "batch_routed": lambda d: (
        f"routed {d['records']:,} records by {d['routing']}"
        + (
            f", too few people for {sum(u['records'] for u in d['unserved']):,}"
            * bool(d["unserved"])
        )
    ),
    "batch_held": lambda d: (
        "held the batch: it failed at " + ", ".join(_words(g["measure"]) for g in d["failed_gates"])
        if d["failed_gates"]
        else "held the round: nothing is selected"
    ),
    "batch_accepted": lambda _: "accepted the batch as it is",
    "batch_amended": lambda d: f"wanted another batch, by policy {d['policy']}",
    "batch_decision_refused": lambda d: f"decision not counted: {d['refusal']}",
    "shard_opened": lambda d: (
        f"gave out {d['records']} records, {d['reviews_per_record']} reviews each"
    ),
    "review_accepted": lambda d: (
        f"{'corrected a review' if 'corrects' in d else 'reviewed'}: {answer(d['answer'])}"
    ),
    "review_refused": lambda d: f"review not counted: {d['refusal']}",
    "review_undone": lambda d: f"took a review back: {answer(d['answer'])}",
    "adjudication_undone": lambda d: f"took a decision back: {answer(d['answer'])}",
    "undo_refused": lambda d: f"not taken back: {d['refusal']}",
    "task_delegated": lambda d: f"gave the task to {d['to_account']}",
    "task_forwarded": lambda d: f"sent the task to queue {d['to_queue']}",
    "task_suspended": lambda d: f"put the task off until {str(d['until'])[:16]}",
    "task_resumed": lambda _: "had the task go on",
    "task_skipped": lambda _: "skipped the task",
    "task_withdrawn": lambda _: "withdrew the record",
    "direction_refused": lambda d: f"task left as it is: {d['refusal']}",
    "extra_review_opened": lambda _: "wants one more review",
    "adjudication_opened": lambda _: "wants an adjudication",
    "adjudication_withdrawn": lambda _: "wants no adjudication any more",
    "adjudication_accepted": lambda d: f"adjudicated: {answer(d['answer'])}",
    "adjudication_refused": lambda d: f"adjudication not counted: {d['refusal']}",
    "outcome_reached": lambda d: (
        "has measured its reviewers"
        if d["how"] == How.GOLD
        else f"concluded: {answer(d['answer'])}, by {_words(d['how'])}"
    ),
    "gold_answered": lambda d: f"known answer: {'right' if d['correct'] else 'wrong'}",
    "reviewer_paused": lambda d: (
        f"paused a reviewer: {d['right']} of {d['answered']} known answers were right"
    ),
    "outcome_withdrawn": lambda d: f"concludes {answer(d['answer'])} no longer",
    "reminded": lambda d: f"reminded reviewers of {len(d['records'])} records",
    "escalated": lambda d: (
        f"escalated {len(d['records'])} records to {', '.join(d['roles'] + d['accounts'])}"
    ),
    "reviewing_closed": lambda d: f"ended reviewing, {d['unsettled']} records unsettled",
    "closing_refused": lambda d: f"reviewing goes on: {d['refusal']}",
    "deadline_extended": lambda d: f"moved the deadline to {str(d['deadline'])[:16]}",
    "deadline_extension_refused": lambda d: f"deadline not moved: {d['refusal']}",
    "deadline_passed": lambda d: f"deadline passed, {d['unsettled']} records unsettled",
    "shard_withdrawn": lambda _: "took the open tasks back",
    "shard_closed": lambda d: f"finished {d['records']} records",
    "quality_assessed": lambda d: (
        f"measured agreement: {d['agreed']} of {d['records']} agreed, "
        f"{d['adjudicated']} adjudicated"
    ),
    "roles_assigned": lambda d: f"put a dataset up for approval: {_counts(d['roles'])}",
    "dataset_approved": lambda _: "approved the dataset",
    "dataset_rejected": lambda d: (
        f"rejected the dataset, {len(d['records'])} records to look at again"
    ),
    "approval_refused": lambda d: f"decision not counted: {d['refusal']}",
    "dataset_published": lambda d: f"published {d['dataset']} v{d['version']}",
    "dataset_superseded": lambda _: "another round published first: a new dataset is due",
    "round_evaluated": _lift,
    "cancel_requested": lambda _: "cancelled the round",
    "cancel_refused": lambda _: "cancelling came too late",
    "round_closed": lambda _: "closed the round",
    "round_cancelled": lambda _: "ended the round without a dataset",
    "round_failed": lambda d: f"the round failed: {d['failure']['message']}",
}
