"""A review's way into the workflow: first a receipt, then the signal, then the acknowledgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import (
    ARRAY,
    Connection,
    Interval,
    Text,
    any_,
    bindparam,
    exists,
    func,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from domain.canonical import Sha256
from domain.errors import IdempotencyConflict
from domain.ids import AccountId, ReviewId, TaskId, Timestamp
from storage.claims import check_holder, check_lease, locked_task
from storage.participations import free
from storage.tables import review_receipts, reviews, tasks
from storage.tasks import Task, TaskStatus, task
from storage.visibility import CLEARED, cleared

# Made once: building a statement takes longer than running it, and every answer runs these.
# Parameters are not named as columns are: SQLAlchemy would set such a column in each UPDATE.

_HOLD_UNTIL = func.now() + bindparam("hold_for", type_=Interval)
_HELD = (
    select(tasks)
    .where(
        tasks.c.task_id == bindparam("task"),
        tasks.c.holder == bindparam("author"),
        tasks.c.status == TaskStatus.CLAIMED,
        tasks.c.level <= CLEARED,
        ~free(),
    )
    .with_for_update()
    .cte("held")
)
_HELD_LONGER = (
    update(tasks)
    .where(tasks.c.task_id == _HELD.c.task_id, tasks.c.lease_until < _HOLD_UNTIL)
    .values(lease_until=_HOLD_UNTIL)
    .cte("held_longer")
)
_RECEIVED = (
    insert(review_receipts)
    .from_select(
        ["review_id", "task_id", "account_id", "body_digest"],
        select(
            bindparam("review", type_=Text),
            _HELD.c.task_id,
            bindparam("author", type_=Text),
            bindparam("body", type_=Text),
        ),
    )
    # Of two equal submissions at once, the second waits here and then finds what the first wrote.
    .on_conflict_do_nothing(index_elements=["review_id"])
    .returning(review_receipts.c.created_at)
    .cte("received")
)
_BEGIN = (
    select(*_HELD.c, _RECEIVED.c.created_at.label("received_at"))
    .outerjoin_from(_HELD, _RECEIVED, true())
    .add_cte(_HELD_LONGER)
)
"""Holds the task for who holds it already, and writes the receipt if there is none."""

_RECEIPT = select(review_receipts).where(review_receipts.c.review_id == bindparam("review_id"))

_REVIEW_IDS = any_(bindparam("review_ids", type_=ARRAY(Text)))
_LOCK_TASKS = (
    select(tasks.c.task_id)
    .where(
        tasks.c.task_id.in_(
            select(review_receipts.c.task_id).where(review_receipts.c.review_id == _REVIEW_IDS)
        )
    )
    .order_by(tasks.c.task_id)
    .with_for_update()
)
_ACKNOWLEDGED = (
    update(review_receipts)
    .where(review_receipts.c.review_id == _REVIEW_IDS)
    .values(acknowledged_at=func.coalesce(review_receipts.c.acknowledged_at, func.now()))
    .returning(review_receipts.c.review_id, review_receipts.c.task_id, review_receipts.c.account_id)
    .cte("acknowledged")
)
_ACKNOWLEDGE = (
    update(tasks)
    .where(
        tasks.c.task_id == _ACKNOWLEDGED.c.task_id,
        tasks.c.holder == _ACKNOWLEDGED.c.account_id,
        tasks.c.status == TaskStatus.CLAIMED,
        # A decision that came first is not waited for: the task would stay so for ever.
        ~exists().where(reviews.c.review_id == _ACKNOWLEDGED.c.review_id),
    )
    .values(status=TaskStatus.SUBMITTED.value, review_id=_ACKNOWLEDGED.c.review_id)
)


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
    row = connection.execute(
        _BEGIN,
        {
            "task": task_id,
            "author": account_id,
            "review": review_id,
            "body": body_digest,
            "hold_for": hold_for,
            "cleared": cleared(connection),
        },
    ).one_or_none()
    if row is not None and row.received_at is not None:
        return Receipt(
            review_id=review_id,
            task=task(row),
            account_id=account_id,
            created_at=row.received_at,
            acknowledged_at=None,
            repeated=False,
        )
    # It is not as it should be for a first time: once more, step by step, to say what it is.
    wanted = locked_task(connection, task_id)
    before = connection.execute(_RECEIPT, {"review_id": review_id}).one_or_none()
    if before is not None:
        if (before.task_id, before.account_id, before.body_digest) != (
            task_id,
            account_id,
            body_digest,
        ):
            raise _used_before(review_id)
        return Receipt(
            review_id=review_id,
            task=wanted,
            account_id=account_id,
            created_at=before.created_at,
            acknowledged_at=before.acknowledged_at,
            repeated=True,
        )
    check_holder(wanted, account_id)
    check_lease(connection, wanted)
    # What stood in the way has gone since, and with the lock nothing else can come.
    return begin_submission(
        connection,
        review_id=review_id,
        task_id=task_id,
        account_id=account_id,
        body_digest=body_digest,
        hold_for=hold_for,
    )


def acknowledge(connection: Connection, review_ids: Sequence[ReviewId]) -> None:
    """Notes that Temporal has these reviews. A decision of the shard may have come first: it
    stands."""
    received = {"review_ids": list(review_ids)}
    # Tasks before receipts and in one order, as the projection of reviews locks them: otherwise
    # the two would sometimes wait for each other. In a statement of its own, so that the next one
    # sees what was decided while this one waited.
    connection.execute(_LOCK_TASKS, received)
    connection.execute(_ACKNOWLEDGE, received)


def _used_before(review_id: ReviewId) -> IdempotencyConflict:
    return IdempotencyConflict(
        "this review id was used before, for another answer",
        hint="send a new answer under a new review id",
        review_id=review_id,
    )
