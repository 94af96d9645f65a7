"""Whether a message to a shard counts: everything that a record's state has to say against it."""

from __future__ import annotations

from domain.accounts import check_adjudicator
from domain.errors import LabelwrightError
from domain.ids import ReviewId, TaskId, Timestamp, adjudication_task_id, review_task_id
from domain.messages import malformed
from domain.moments import later, seconds_between
from domain.outcomes import HELD
from domain.progress import Given, RecordProgress, ShardRules
from domain.reviewing import check_rationale
from domain.reviews import (
    ClosingRequested,
    DeadlineExtended,
    Submission,
    UndoRequested,
    Verdict,
    VerdictKind,
    check_submission,
    check_verdict,
)
from domain.tasks import TaskKind

MAX_EXTENSION = 366 * 86_400.0
"""Seconds that one message may move a deadline by."""

LATEST_DEADLINE = Timestamp("9000-01-01")
"""A year more than this, and a few others, would be past the last day that dates know."""


class Refused(Exception):
    """The message changes nothing; the text says why."""


def tasks_of(progress: RecordProgress, kind: TaskKind, rules: ShardRules) -> list[TaskId]:
    """Every task of that kind that the record can ever have, in the order of its slots."""
    where = (rules.round_id, rules.shard, progress.record.ordinal)
    if kind is TaskKind.ADJUDICATION:
        return [adjudication_task_id(*where)]
    slots = rules.wanted(progress.record) + rules.reviewing.extra_reviews
    return [review_task_id(*where, slot) for slot in range(slots)]


def check_review(progress: RecordProgress, message: Submission, rules: ShardRules) -> Verdict:
    """The verdict of a first answer, in its usual form. Raises Refused."""
    _check_open(progress, message, TaskKind.REVIEW, rules)
    if any(given.account_id == message.actor.account_id for given in progress.reviews):
        raise Refused("this reviewer has already reviewed the record")
    if message.actor.account_id in progress.former_adjudicators:
        raise Refused("who has adjudicated the record does not review it")
    return _checked_verdict(TaskKind.REVIEW, message, rules)


def check_adjudication(progress: RecordProgress, message: Submission, rules: ShardRules) -> Verdict:
    """The verdict that settles the record. Raises Refused."""
    _check_open(progress, message, TaskKind.ADJUDICATION, rules)
    try:
        reviewers = [given.account_id for given in progress.reviews]
        reviewers += progress.former_reviewers
        check_adjudicator(message.actor.account_id, reviewers=reviewers)
    except LabelwrightError as error:
        raise Refused(error.message) from None
    verdict = _checked_verdict(TaskKind.ADJUDICATION, message, rules)
    if verdict.kind is VerdictKind.ESCALATE:
        raise Refused("an adjudication settles the record; it cannot escalate")
    return verdict


def check_correction(
    progress: RecordProgress, message: Submission, rules: ShardRules, at: Timestamp
) -> tuple[Given, Verdict]:
    """The review that is corrected, and the verdict that takes its place. Raises Refused."""
    given = _standing(progress, message.corrects)
    if given is progress.adjudication:
        raise Refused("an adjudication is not corrected")
    if given.account_id != message.actor.account_id:
        raise Refused("only who gave a review corrects it")
    if given.slot_task != message.task_id:
        raise Refused("a correction answers the task of the review that it corrects")
    _check_alive(progress, at)
    return given, _checked_verdict(TaskKind.REVIEW, message, rules)


def check_undo(
    progress: RecordProgress, message: UndoRequested, rules: ShardRules, at: Timestamp
) -> Given:
    """The answer that is taken back. Raises Refused."""
    given = _standing(progress, message.review_id)
    if given.account_id != message.actor.account_id:
        raise Refused("only who gave an answer takes it back")
    if given.corrects is not None:
        raise Refused("a correction is not taken back; it can be corrected again")
    _check_alive(progress, at)
    if progress.adjudication is not None and given is not progress.adjudication:
        raise Refused("late: an adjudicator has settled the record")
    # Asked for in time is in time, however long no worker ran: the API has written down when.
    waited = min(seconds_between(given.at, each) for each in (at, message.submitted_at))
    if not rules.reviewing.undo_seconds or waited >= rules.reviewing.undo_seconds:
        raise Refused("late: the time to take it back is over")
    return given


def undo_until(progress: RecordProgress, rules: ShardRules) -> Timestamp | None:
    """Until when an answer that the record was settled by may be taken back; none: none may."""
    if not rules.reviewing.undo_seconds or progress.outcome is None or progress.outcome.how in HELD:
        return None
    decisive = (progress.adjudication,) if progress.adjudication else progress.reviews
    last = max((given.at for given in decisive if given.corrects is None), default=None)
    return last and min(later(last, rules.reviewing.undo_seconds), progress.deadline)


def extension_refusal(
    message: DeadlineExtended, rules: ShardRules, deadline: Timestamp
) -> str | None:
    """Why the deadlines stay, the last of which is `deadline`; none when they move."""
    if (why_not := malformed(message)) is not None:
        return why_not
    if message.round_id != rules.round_id:
        return "the message is about another round"
    if not 0.0 < message.seconds <= MAX_EXTENSION:
        return "a deadline moves later, by a year at the most"
    if deadline > LATEST_DEADLINE:
        return "the deadline is far enough away"
    return None


def closing_refusal(message: ClosingRequested, rules: ShardRules) -> str | None:
    """Why reviewing goes on; none when it ends."""
    if (why_not := malformed(message)) is not None:
        return why_not
    if message.round_id != rules.round_id:
        return "the message is about another round"
    if not message.reason.strip():
        return "reviewing is not ended early without a reason"
    return None


def _check_open(
    progress: RecordProgress, message: Submission, kind: TaskKind, rules: ShardRules
) -> None:
    if message.task_id not in tasks_of(progress, kind, rules):
        raise Refused(f"the task is not an {kind} of this record")
    if progress.outcome is not None:
        raise Refused("late: the record is settled")
    if message.task_id not in progress.open_tasks:
        answered = any(given.slot_task == message.task_id for given in progress.reviews)
        raise Refused("the task has its answer" if answered else "the task is not open")


def _check_alive(progress: RecordProgress, at: Timestamp) -> None:
    """Raises Refused where what is concluded of the record cannot change any more."""
    if progress.outcome is not None and progress.outcome.how in HELD:
        raise Refused("late: the record is held")
    if at >= progress.deadline:
        raise Refused("late: the deadline of the record has passed")


def _standing(progress: RecordProgress, review_id: ReviewId | None) -> Given:
    adjudication = progress.adjudication
    if adjudication is not None and adjudication.review_id == review_id:
        return adjudication
    for given in progress.reviews:
        if given.review_id == review_id:
            return given
    raise Refused("no answer to this record with that id stands")


def _checked_verdict(kind: TaskKind, message: Submission, rules: ShardRules) -> Verdict:
    try:
        check_submission(message.confidence, message.rationale, message.seconds)
        verdict = check_verdict(message.verdict, rules.schema)
        check_rationale(kind, verdict, message.rationale, rules=rules.reviewing)
    except LabelwrightError as error:
        raise Refused(error.message) from None
    return verdict
