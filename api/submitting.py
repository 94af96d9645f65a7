"""How an answer becomes durable: receipt, signal, acknowledgement, in this order.

Whenever the process dies, sending the same answer again goes on from there: an unacknowledged one
is signalled anew, which the shard knows as a repetition.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection

from api.authentication import Caller
from api.schemas.tasks import AnswerBody, Receipt
from api.state import State
from api.temporal import WorkflowEnded
from domain.accounts import Permission, require
from domain.canonical import digest
from domain.errors import InvalidReview, NotFound, ReviewStands, ShownDiffers, TaskClosed
from domain.ids import ReviewId, TaskId
from domain.reviewing import check_rationale
from domain.reviews import Submission, Verdict, check_submission, check_verdict
from domain.shown import Shown
from domain.tasks import ReviewStatus, TaskKind
from storage import corrections, reviews, submissions, tasks
from storage.plans import plan_of
from storage.shown import shown_by

HOLD_FOR = timedelta(minutes=2)
"""Nobody else gets the task while an answer is between here and the read model."""

PERMISSIONS = {
    TaskKind.REVIEW: Permission.REVIEW,
    TaskKind.ADJUDICATION: Permission.ADJUDICATE,
}
"""What it takes to do a task of the kind."""

Begun = tuple[submissions.Receipt, Submission]


async def submit(
    parts: State,
    caller: Caller,
    task_id: TaskId,
    body: AnswerBody,
    *,
    kind: TaskKind | None = None,
) -> Receipt:
    """Answers a task that the caller holds; `kind` is what it must be, if anything.

    Raises NotFound, NotAllowed, InvalidReview and its kin, whatever `begin_submission` raises,
    TaskClosed, TemporalUnavailable, DatabaseUnavailable.
    """
    return await _deliver(
        parts,
        lambda connection: _begin(connection, kind, task_id, body, caller),
        TaskClosed(
            "reviewing has ended, so this answer changes nothing",
            hint="your text is kept; take the next task",
            task_id=task_id,
        ),
    )


async def correct(parts: State, caller: Caller, review_id: ReviewId, body: AnswerBody) -> Receipt:
    """Puts a new review in the place of one that the caller gave before.

    Raises NotFound, InvalidReview and its kin, ReviewStands, IdempotencyConflict,
    TemporalUnavailable, DatabaseUnavailable.
    """
    return await _deliver(
        parts,
        lambda connection: _begin_correction(connection, review_id, body, caller),
        ReviewStands(
            "reviewing of this record has ended, so the review stands",
            hint="who approves the dataset can have the record looked at again",
            review_id=review_id,
        ),
    )


async def _deliver(
    parts: State, begin: Callable[[Connection], Begun], too_late: TaskClosed | ReviewStands
) -> Receipt:
    receipt, submission = await parts.in_transaction(begin)
    task = receipt.task
    if receipt.acknowledged_at is None:
        try:
            await parts.temporal.submit(task.kind, task.round_id, task.shard, submission)
        except WorkflowEnded as error:
            if not await parts.in_transaction(lambda connection: _was_taken(connection, receipt)):
                raise too_late from error
        await parts.acknowledgements.answer(receipt.review_id)
    return Receipt(
        review_id=receipt.review_id, task_id=task.task_id, received_at=receipt.created_at
    )


def _begin(
    connection: Connection,
    kind: TaskKind | None,
    task_id: TaskId,
    body: AnswerBody,
    caller: Caller,
) -> Begun:
    task = tasks.find_task(connection, task_id)
    if kind is not None and task.kind is not kind:
        raise NotFound(f"no such {kind} task", task_id=task_id)
    require(caller.roles, PERMISSIONS[task.kind])
    verdict = _checked(connection, task, body)
    shown = _shown(connection, task, body, caller)
    receipt = submissions.begin_submission(
        connection,
        review_id=ReviewId(str(body.review_id)),
        task_id=task_id,
        account_id=caller.account_id,
        body_digest=body.digest,
        hold_for=HOLD_FOR,
    )
    return receipt, _submission(receipt, body, verdict, caller, shown=shown)


def _begin_correction(
    connection: Connection, review_id: ReviewId, body: AnswerBody, caller: Caller
) -> Begun:
    earlier = corrections.find_receipt(connection, review_id, caller.account_id)
    verdict = _checked(connection, earlier.task, body)
    shown = _shown(connection, earlier.task, body, caller)
    receipt = corrections.begin_correction(
        connection,
        review_id=ReviewId(str(body.review_id)),
        corrects=earlier,
        body_digest=digest([body.digest, review_id]),
    )
    return receipt, _submission(receipt, body, verdict, caller, shown=shown, corrects=review_id)


def _checked(connection: Connection, task: tasks.Task, body: AnswerBody) -> Verdict:
    """The answer's verdict in its usual form, if it may be given in this round."""
    plan = plan_of(connection, task.round_id)
    check_submission(body.confidence, body.rationale, body.seconds)
    verdict = check_verdict(body.verdict.verdict, plan.schema, named=body.label_schema)
    check_rationale(task.kind, verdict, body.rationale, rules=plan.reviewing)
    if body.guideline != plan.guideline:
        raise InvalidReview(
            f"the answer was given under {body.guideline}; this round's guideline is "
            f"{plan.guideline}",
            hint="reload the task and read its guideline",
        )
    return verdict


def _shown(connection: Connection, task: tasks.Task, body: AnswerBody, caller: Caller) -> Shown:
    """What the task shows this person. Raises ShownDiffers where the client has seen another."""
    shown = shown_by(connection, task, caller.account_id)
    if body.shown not in {None, shown.digest}:
        raise ShownDiffers(
            "the task shows something else than what this answer was given to",
            hint="your text is kept; load the task again and judge what it shows now",
            shown=shown.digest,
            answered_to=body.shown,
        )
    return shown


def _submission(
    receipt: submissions.Receipt,
    body: AnswerBody,
    verdict: Verdict,
    caller: Caller,
    *,
    shown: Shown,
    corrects: ReviewId | None = None,
) -> Submission:
    return Submission(
        review_id=receipt.review_id,
        task_id=receipt.task.task_id,
        record_id=receipt.task.record_id,
        verdict=verdict,
        confidence=body.confidence,
        rationale=body.rationale,
        seconds=body.seconds,
        guideline=body.guideline,
        actor=caller.actor,
        submitted_at=receipt.created_at,
        corrects=corrects,
        shown=shown.digest,
        suggestion=shown.suggestion,
    )


def _was_taken(connection: Connection, receipt: submissions.Receipt) -> bool:
    """Whether the shard had the answer before it ended, and only its acknowledgement was lost."""
    decided = reviews.get_review(connection, receipt.review_id)
    return decided is not None and decided.status is not ReviewStatus.REFUSED
