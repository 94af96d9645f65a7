"""A review's way into the workflow: first a receipt, then the signal, then the acknowledgement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.canonical import Sha256
from domain.errors import IdempotencyConflict
from domain.ids import AccountId, ReviewId, TaskId, Timestamp
from storage.claims import check_holder, check_lease, locked_task
from storage.tables import review_receipts, reviews, tasks
from storage.tasks import Task, TaskStatus


@dataclass(frozen=True, kw_only=True)
class Receipt:
    review_id: ReviewId
    task: Task
    account_id: AccountId
    created_at: Timestamp
    """When the review first came in. A retry signals with this time, so it signals the same."""
    acknowledged_at: Timestamp | None
    repeated: bool


def begin_submission(
    connection: Connection,
    *,
    review_id: ReviewId,
    task_id: TaskId,
    account_id: AccountId,
    body_digest: Sha256,
    hold_for: timedelta,
) -> Receipt:
    """The receipt for a review that is about to be signalled; the same one for the same review.

    Holds the task for at least `hold_for`, so that nobody takes it between signal and projection.
    A repeated review gets its receipt whatever became of the task.

    Raises NotFound, IdempotencyConflict, TaskClosed, TaskHeldByAnother, NotTheHolder, LeaseExpired.
    """
    wanted = locked_task(connection, task_id)
    # After the lock: of two equal submissions at once, the second finds what the first wrote.
    row = connection.execute(
        select(review_receipts).where(review_receipts.c.review_id == review_id)
    ).one_or_none()
    if row is not None:
        if (row.task_id, row.account_id, row.body_digest) != (task_id, account_id, body_digest):
            raise _used_before(review_id)
        return Receipt(
            review_id=review_id,
            task=wanted,
            account_id=account_id,
            created_at=row.created_at,
            acknowledged_at=row.acknowledged_at,
            repeated=True,
        )
    check_holder(wanted, account_id)
    check_lease(connection, wanted)
    created_at: Timestamp | None = connection.execute(
        insert(review_receipts)
        .values(
            review_id=review_id, task_id=task_id, account_id=account_id, body_digest=body_digest
        )
        .on_conflict_do_nothing(index_elements=["review_id"])
        .returning(review_receipts.c.created_at)
    ).scalar_one_or_none()
    if created_at is None:  # taken meanwhile, for another task
        raise _used_before(review_id)
    connection.execute(
        update(tasks)
        .where(tasks.c.task_id == task_id)
        .values(lease_until=func.greatest(tasks.c.lease_until, func.now() + hold_for))
    )
    return Receipt(
        review_id=review_id,
        task=wanted,
        account_id=account_id,
        created_at=created_at,
        acknowledged_at=None,
        repeated=False,
    )


def acknowledge(connection: Connection, review_id: ReviewId) -> None:
    """Notes that Temporal has the review. The shard's decision may have come first: it stands."""
    receipt = connection.execute(
        select(review_receipts.c.task_id, review_receipts.c.account_id).where(
            review_receipts.c.review_id == review_id
        )
    ).one()
    # Task before receipt, as the projection of reviews locks them: otherwise the two would
    # sometimes wait for each other.
    locked_task(connection, receipt.task_id)
    connection.execute(
        update(review_receipts)
        .where(review_receipts.c.review_id == review_id)
        .values(acknowledged_at=func.coalesce(review_receipts.c.acknowledged_at, func.now()))
    )
    connection.execute(
        update(tasks)
        .where(
            tasks.c.task_id == receipt.task_id,
            tasks.c.holder == receipt.account_id,
            tasks.c.status == TaskStatus.CLAIMED,
            # A decision that came first is not waited for: the task would stay so for ever.
            ~exists().where(reviews.c.review_id == review_id),
        )
        .values(status=TaskStatus.SUBMITTED.value, review_id=review_id)
    )


def _used_before(review_id: ReviewId) -> IdempotencyConflict:
    return IdempotencyConflict(
        "this review id was used before, for another answer",
        hint="send a new answer under a new review id",
        review_id=review_id,
    )
