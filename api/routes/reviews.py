"""What a person has answered: many answers at once, the last ones, taking back, correcting."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ValidationError
from sqlalchemy import Connection

from api.authentication import Caller, allowing
from api.given import in_full
from api.problems import document_of, faults_document
from api.schemas.body import Document
from api.schemas.reviews import (
    BulkAnswer,
    BulkBody,
    BulkResult,
    BulkResults,
    MyReview,
    MyReviewInFull,
    Undone,
)
from api.schemas.tasks import AnswerBody, Receipt
from api.state import Parts, State, now
from api.submitting import correct, submit
from api.temporal import WorkflowEnded
from domain.accounts import Permission
from domain.errors import Conflict, LabelwrightError, ReviewStands, Unavailable
from domain.ids import ReviewId, TaskId, Timestamp
from domain.moments import later
from domain.outcomes import HELD, How
from domain.reviews import UndoRequested
from domain.tasks import ReviewStatus, TaskKind
from storage import corrections, reviews, rounds, submissions

router = APIRouter(prefix="/api/v1/reviews", tags=["reviews"])

HISTORY = 10

Labeller = Annotated[Caller, Depends(allowing(Permission.REVIEW, Permission.ADJUDICATE))]
Reviewer = Annotated[Caller, Depends(allowing(Permission.REVIEW))]


@router.post("", summary="Answer many tasks that you hold")
async def submit_many(body: BulkBody, caller: Labeller, parts: Parts) -> BulkResults:
    """Each answer is judged on its own, one after another: a receipt or a problem for each, in
    their order. Sent again, those that have their receipt get it again."""
    results: list[BulkResult] = []
    away: Unavailable | None = None
    for answer in body.answers:
        if away is not None:
            results.append(BulkResult.of_problem(document_of(away)))
            continue
        try:
            results.append(await _submit_one(parts, caller, answer))
        except Unavailable as error:
            # What does not answer now makes nobody wait for it a hundred times.
            away = error
            results.append(BulkResult.of_problem(document_of(error)))
        except LabelwrightError as error:
            results.append(BulkResult.of_problem(document_of(error)))
    return BulkResults(results=results)


@router.get("/mine", summary="Your last ten answers")
async def my_reviews(caller: Labeller, parts: Parts) -> list[MyReview]:
    """The newest first, with how long each may be taken back."""

    def look(connection: Connection) -> list[MyReview]:
        at = now()
        return [
            MyReview.of(given, undo_until=until if until and until > at else None)
            for given in reviews.latest_of(connection, caller.account_id, limit=HISTORY)
            for until in [_undo_until(connection, given)]
        ]

    return await parts.in_transaction(look)


@router.get("/{review_id}", summary="An answer of yours, with its record and why it was chosen")
async def my_review(review_id: str, caller: Labeller, parts: Parts) -> MyReviewInFull:
    """Why it was chosen is told only to whoever has answered."""
    return await parts.in_transaction(
        lambda connection: in_full(connection, ReviewId(review_id), caller)
    )


@router.post("/{review_id}/undo", status_code=202, summary="Take an answer of yours back")
async def undo(review_id: str, caller: Labeller, parts: Parts) -> Undone:
    """Within the round's undo window. The task is yours again, for another answer. After the
    window a review is corrected instead."""
    receipt = await parts.in_transaction(
        lambda connection: _undoable(connection, ReviewId(review_id), caller)
    )
    task = receipt.task
    request = UndoRequested(
        # One answer is taken back once, however often that is asked for.
        request_id=f"undo/{receipt.review_id}",
        round_id=task.round_id,
        record_id=task.record_id,
        review_id=receipt.review_id,
        actor=caller.actor,
        submitted_at=now(),
    )
    try:
        await parts.temporal.undo(task.round_id, task.shard, request)
    except WorkflowEnded as error:
        raise _stands(receipt.review_id, "reviewing of this record has ended") from error
    return Undone(
        review_id=receipt.review_id, task_id=task.task_id, received_at=request.submitted_at
    )


@router.post("/{review_id}/correction", status_code=202, summary="Correct a review of yours")
async def correction(review_id: str, body: AnswerBody, caller: Reviewer, parts: Parts) -> Receipt:
    """A new review takes the place of the earlier one, which is kept. The record is weighed anew,
    unless an adjudicator has settled it."""
    return await correct(parts, caller, ReviewId(review_id), body)


async def _submit_one(parts: State, caller: Caller, answer: Document) -> BulkResult:
    try:
        body = BulkAnswer.model_validate(answer)
    except ValidationError as error:
        return BulkResult.of_problem(faults_document(error.errors()))
    receipt = await submit(parts, caller, TaskId(body.task_id), body.answer)
    return BulkResult.of_receipt(receipt)


def _undoable(connection: Connection, review_id: ReviewId, caller: Caller) -> submissions.Receipt:
    """The receipt of an answer that may still be taken back, as far as the read model knows.

    Raises NotFound, Conflict, ReviewStands.
    """
    receipt = corrections.find_receipt(connection, review_id, caller.account_id)
    given = reviews.get_review(connection, review_id)
    if given is None and receipt.acknowledged_at is None:
        raise Conflict("this answer is not acknowledged yet: send it again first")
    if given is None or given.status is ReviewStatus.UNDONE:
        return receipt  # not decided yet, or asked for before: the shard knows
    if given.status is ReviewStatus.REFUSED:
        raise _stands(review_id, f"this answer was not counted: {given.refusal}")
    if given.status is ReviewStatus.CORRECTED or given.corrects is not None:
        raise _stands(review_id, "this review was corrected, and a correction is not taken back")
    until = _undo_until(connection, given)
    if until is None or until <= now():
        raise _stands(review_id, "the time to take this answer back is over")
    return receipt


def _undo_until(connection: Connection, given: reviews.Review) -> Timestamp | None:
    """Until when the answer may be taken back; none where it may not at all."""
    if given.status is not ReviewStatus.ACCEPTED or given.corrects is not None:
        return None
    outcome = reviews.get_outcome(connection, given.round_id, given.record_id)
    if outcome is not None and outcome.how in HELD:
        return None
    settled = outcome is not None and outcome.how is How.ADJUDICATION
    if settled and given.kind is TaskKind.REVIEW:
        return None
    rules = rounds.get_round(connection, given.round_id).plan.reviewing
    return later(given.decided_at, rules.undo_seconds)


def _stands(review_id: ReviewId, why: str) -> ReviewStands:
    return ReviewStands(
        why,
        hint="a review can be corrected while its record is being reviewed: "
        f"POST /api/v1/reviews/{review_id}/correction",
        review_id=review_id,
    )
