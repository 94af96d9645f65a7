"""The way of a review: into Temporal's history first, and only then a 202."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from api.authentication import Caller, allowing
from api.schemas.tasks import AnswerBody, Receipt
from api.state import Parts, State
from api.temporal import WorkflowEnded
from domain.accounts import Permission
from domain.errors import InvalidReview, NotFound, TaskClosed
from domain.ids import ReviewId, TaskId
from domain.reviews import Submission, check_submission, check_verdict
from domain.tasks import ReviewStatus, TaskKind
from storage import reviews, submissions, tasks

router = APIRouter(prefix="/api/v1/tasks", tags=["tasks"])

HOLD_FOR = timedelta(minutes=2)
"""Nobody else gets the task while an answer is between here and the read model."""

Reviewer = Annotated[Caller, Depends(allowing(Permission.REVIEW))]
Adjudicator = Annotated[Caller, Depends(allowing(Permission.ADJUDICATE))]


@router.post("/{task_id}/review", status_code=202, summary="Answer a review task that you hold")
async def review(task_id: str, body: AnswerBody, caller: Reviewer, parts: Parts) -> Receipt:
    return await _submit(TaskKind.REVIEW, TaskId(task_id), body, caller, parts)


@router.post("/{task_id}/adjudication", status_code=202, summary="Settle a record by adjudication")
async def adjudication(
    task_id: str, body: AnswerBody, caller: Adjudicator, parts: Parts
) -> Receipt:
    return await _submit(TaskKind.ADJUDICATION, TaskId(task_id), body, caller, parts)


async def _submit(
    kind: TaskKind, task_id: TaskId, body: AnswerBody, caller: Caller, parts: State
) -> Receipt:
    """Receipt, signal, acknowledgement, in this order.

    Whenever this process dies, sending the same review again goes on from there: an unacknowledged
    one is signalled anew, which the shard knows as a repetition.
    """
    receipt, submission = await parts.in_transaction(
        lambda connection: _begin(connection, kind, task_id, body, caller)
    )
    if receipt.acknowledged_at is None:
        task = receipt.task
        try:
            await parts.temporal.submit(
                kind, task.round_id, task.shard, parts.signer.sign(submission)
            )
        except WorkflowEnded:
            await parts.in_transaction(lambda connection: _check_taken(connection, receipt))
        await parts.in_transaction(
            lambda connection: submissions.acknowledge(connection, receipt.review_id)
        )
    return Receipt(review_id=receipt.review_id, task_id=task_id, received_at=receipt.created_at)


def _begin(
    connection: Connection, kind: TaskKind, task_id: TaskId, body: AnswerBody, caller: Caller
) -> tuple[submissions.Receipt, Submission]:
    detail = tasks.get_task(connection, task_id)
    if detail.task.kind is not kind:
        raise NotFound(f"no such {kind} task", task_id=task_id)
    check_submission(body.confidence, body.rationale, body.seconds)
    verdict = check_verdict(body.verdict.verdict, detail.plan.schema, named=body.label_schema)
    if body.guideline != detail.plan.guideline:
        raise InvalidReview(
            f"the answer was given under {body.guideline}; this round's guideline is "
            f"{detail.plan.guideline}",
            hint="reload the task and read its guideline",
        )
    receipt = submissions.begin_submission(
        connection,
        review_id=ReviewId(str(body.review_id)),
        task_id=task_id,
        account_id=caller.account_id,
        body_digest=body.digest,
        hold_for=HOLD_FOR,
    )
    submission = Submission(
        review_id=receipt.review_id,
        task_id=task_id,
        record_id=detail.task.record_id,
        verdict=verdict,
        confidence=body.confidence,
        rationale=body.rationale,
        seconds=body.seconds,
        guideline=body.guideline,
        actor=caller.actor,
        submitted_at=receipt.created_at,
    )
    return receipt, submission


def _check_taken(connection: Connection, receipt: submissions.Receipt) -> None:
    """Whether the shard had the answer before it ended, and only its acknowledgement was lost.

    Raises TaskClosed when it had not.
    """
    decided = reviews.get_review(connection, receipt.review_id)
    if decided is None or decided.status is not ReviewStatus.ACCEPTED:
        raise TaskClosed(
            "reviewing has ended, so this answer changes nothing",
            hint="your text is kept; take the next task",
            task_id=receipt.task.task_id,
        )
