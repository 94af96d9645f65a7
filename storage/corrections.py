"""The way of a correction into the workflow: a receipt for a review that takes another's place."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from domain.canonical import Sha256
from domain.errors import IdempotencyConflict, NotFound, ReviewStands
from domain.ids import AccountId, ReviewId
from domain.tasks import ReviewStatus, TaskKind
from storage.claims import locked_task
from storage.submissions import Receipt
from storage.tables import review_receipts, reviews, tasks
from storage.tasks import task
from storage.visibility import visible

_UNCORRECTABLE = {
    ReviewStatus.REFUSED: "this review was not counted, so there is nothing to correct",
    ReviewStatus.UNDONE: "this review was taken back: answer its task instead",
    ReviewStatus.CORRECTED: "this review was corrected before: correct the later one",
}


def find_receipt(connection: Connection, review_id: ReviewId, account_id: AccountId) -> Receipt:
    """The receipt of an answer of this person. Raises NotFound, for those of others too."""
    row = connection.execute(
        select(review_receipts).where(
            review_receipts.c.review_id == review_id, review_receipts.c.account_id == account_id
        )
    ).one_or_none()
    if row is None:
        raise NotFound("you gave no such answer", review_id=review_id)
    answered = connection.execute(
        select(tasks).where(tasks.c.task_id == row.task_id, visible(connection, tasks))
    ).one_or_none()
    if answered is None:  # its record was given a higher level since
        raise NotFound("you gave no such answer", review_id=review_id)
    return Receipt(
        review_id=review_id,
        task=task(answered),
        account_id=account_id,
        created_at=row.created_at,
        acknowledged_at=row.acknowledged_at,
        repeated=True,
    )


def begin_correction(
    connection: Connection, *, review_id: ReviewId, corrects: Receipt, body_digest: Sha256
) -> Receipt:
    """The receipt for a review that takes the place of the one with the receipt `corrects`.

    The same one for the same review. Raises NotFound, IdempotencyConflict, ReviewStands.
    """
    account_id = corrects.account_id
    wanted = locked_task(connection, corrects.task.task_id)
    # After the lock: of two equal corrections at once, the second finds what the first wrote.
    row = before = connection.execute(
        select(review_receipts).where(review_receipts.c.review_id == review_id)
    ).one_or_none()
    if before is None:
        _check_correctable(connection, corrects.review_id)
        row = connection.execute(
            insert(review_receipts)
            .values(
                review_id=review_id,
                task_id=wanted.task_id,
                account_id=account_id,
                body_digest=body_digest,
            )
            .on_conflict_do_nothing(index_elements=["review_id"])
            .returning(review_receipts)
        ).one_or_none()
    said = (wanted.task_id, account_id, body_digest)
    if row is None or (row.task_id, row.account_id, row.body_digest) != said:
        raise IdempotencyConflict(
            "this review id was used before, for another answer",
            hint="send a correction under a new review id",
            review_id=review_id,
        )
    return Receipt(
        review_id=review_id,
        task=wanted,
        account_id=account_id,
        created_at=row.created_at,
        acknowledged_at=row.acknowledged_at,
        repeated=before is not None,
    )


def _check_correctable(connection: Connection, review_id: ReviewId) -> None:
    """Raises ReviewStands where the review is none that can be corrected."""
    row = connection.execute(
        select(reviews.c.status, reviews.c.kind).where(reviews.c.review_id == review_id)
    ).one_or_none()
    if row is None:
        why_not: str | None = "the shard has not decided on this review yet: try again in a moment"
    elif row.kind != TaskKind.REVIEW:
        why_not = "an adjudication is not corrected"
    else:
        why_not = _UNCORRECTABLE.get(row.status)
    if why_not is not None:
        raise ReviewStands(why_not, review_id=review_id)
