"""An answer as whoever gave it sees it afterwards: with its record, and why that was chosen."""

from __future__ import annotations

from sqlalchemy import Connection

from api.authentication import Caller
from api.schemas.reviews import Chosen, MyReviewInFull
from api.task_views import choices
from domain.errors import NotFound
from domain.ids import ReviewId
from domain.labels import Choice
from domain.reviews import VerdictKind
from domain.rounds import Phase
from domain.tasks import ReviewStatus, TaskKind
from storage import corrections, reviews, rounds, tasks


def in_full(connection: Connection, review_id: ReviewId, caller: Caller) -> MyReviewInFull:
    """Raises NotFound, for answers of others too."""
    receipt = corrections.find_receipt(connection, review_id, caller.account_id)
    given = reviews.get_review(connection, review_id)
    if given is None:
        raise NotFound("the round has not counted this answer yet", review_id=review_id)
    detail = tasks.get_task(connection, receipt.task.task_id)
    plan = detail.plan
    stands = given.status is ReviewStatus.ACCEPTED
    return MyReviewInFull(
        review_id=review_id,
        verdict=given.verdict,
        content_kind=plan.kind,
        content=detail.content,
        metadata=detail.metadata,
        schema=f"{plan.schema.name}@{plan.schema.version}",
        guideline=plan.guideline,
        labels=choices(plan.schema),
        correctable=stands
        and given.kind is TaskKind.REVIEW
        and given.verdict.kind is VerdictKind.LABEL
        and plan.schema.choice is Choice.SINGLE
        and rounds.get_round(connection, plan.round_id).phase is Phase.REVIEWING,
        # A batch with known answers in it would tell which ones they are.
        mixed=plan.gold.share > 0,
        chosen=_chosen(connection, given) if stands and not plan.gold.share else None,
    )


def _chosen(connection: Connection, given: reviews.Review) -> Chosen:
    selection = rounds.batch_record(connection, given.round_id, given.record_id).selection
    return Chosen(
        arm=selection.arm,
        reason=selection.reason,
        score=selection.score,
        propensity=selection.propensity,
    )
