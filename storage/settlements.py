"""What a shard's decision on a review means for the task that it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import Connection, and_, case, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.ids import ReviewId, Timestamp
from domain.tasks import ReviewStatus
from storage.participations import forget_participations
from storage.tables import participations, reviews, tasks

HELD_AFTER_UNDO = timedelta(minutes=15)
"""How long a task stays with whoever took their answer to it back."""


def retract_reviews(
    connection: Connection,
    retractions: Mapping[ReviewId, ReviewStatus],
    *,
    at: Timestamp | None,
) -> list[ReviewId]:
    """Marks reviews that do not stand any more; returns those that were accepted until now."""
    retracted: list[ReviewId] = []
    for status in sorted({*retractions.values()}):
        wanted = [review_id for review_id, each in retractions.items() if each is status]
        retracted += connection.scalars(
            update(reviews)
            .where(reviews.c.review_id.in_(wanted), reviews.c.status == ReviewStatus.ACCEPTED)
            .values(status=status.value, retracted_at=at)
            .returning(reviews.c.review_id)
        )
    return retracted


def give_back_undone(
    connection: Connection, changed: Sequence[ReviewId], *, at: Timestamp | None
) -> None:
    """Gives each task whose answer was undone to whoever had given it, for another answer."""
    connection.execute(
        update(tasks)
        .where(
            reviews.c.review_id.in_(changed),
            reviews.c.status == ReviewStatus.UNDONE,
            tasks.c.review_id == reviews.c.review_id,
            tasks.c.status.in_(["submitted", "done"]),
        )
        .values(
            status=case((tasks.c.holder.is_(None), "open"), else_="claimed"),
            lease_until=case((tasks.c.holder.is_not(None), func.now() + HELD_AFTER_UNDO)),
            review_id=None,
            opened_at=at or func.now(),
            closed_at=None,
        )
    )


def settle_corrections(connection: Connection, new: Sequence[ReviewId]) -> None:
    """Shows a correction as the answer of the task that the corrected review had answered."""
    connection.execute(
        update(tasks)
        .where(
            reviews.c.review_id.in_(new),
            reviews.c.status == ReviewStatus.ACCEPTED,
            reviews.c.corrects.is_not(None),
            tasks.c.task_id == reviews.c.task_id,
            tasks.c.status == "done",
        )
        .values(review_id=reviews.c.review_id, closed_at=reviews.c.decided_at)
    )


def settle_accepted(connection: Connection, new: Sequence[ReviewId]) -> None:
    """Gives each answered task to whoever answered it, whoever may hold it by now."""
    accepted = and_(
        reviews.c.review_id.in_(new),
        reviews.c.status == ReviewStatus.ACCEPTED,
        tasks.c.task_id == reviews.c.task_id,
        tasks.c.status != "done",
    )
    parts = select(tasks.c.round_id, tasks.c.record_id, reviews.c.account_id, tasks.c.kind)
    connection.execute(
        insert(participations)
        .from_select(["round_id", "record_id", "account_id", "part"], parts.where(accepted))
        .on_conflict_do_nothing(index_elements=["round_id", "record_id", "account_id"])
    )
    replaced = connection.execute(
        select(tasks.c.round_id, tasks.c.record_id, tasks.c.holder).where(
            accepted, tasks.c.holder != reviews.c.account_id
        )
    )
    former = [(row.round_id, row.record_id, row.holder) for row in replaced]
    other = tasks.alias("other")
    has_part = exists().where(
        participations.c.round_id == tasks.c.round_id,
        participations.c.record_id == tasks.c.record_id,
        participations.c.account_id == reviews.c.account_id,
        participations.c.part == tasks.c.kind,
    )
    has_other_slot = exists().where(
        other.c.round_id == tasks.c.round_id,
        other.c.shard == tasks.c.shard,
        other.c.record_id == tasks.c.record_id,
        other.c.task_id != tasks.c.task_id,
        other.c.holder == reviews.c.account_id,
    )
    connection.execute(
        update(tasks)
        .where(accepted)
        .values(
            status="done",
            # History is the truth: what the constraints forbid here is shown without a holder.
            holder=case((and_(has_part, ~has_other_slot), reviews.c.account_id)),
            lease_until=None,
            review_id=reviews.c.review_id,
            closed_at=reviews.c.decided_at,
        )
    )
    forget_participations(connection, former)


def reopen_refused(connection: Connection, new: Sequence[ReviewId]) -> None:
    """Gives back each task that still shows a refused review as its answer."""
    refused = connection.execute(
        select(tasks.c.task_id, tasks.c.round_id, tasks.c.record_id, tasks.c.holder).where(
            reviews.c.review_id.in_(new),
            reviews.c.status == ReviewStatus.REFUSED,
            tasks.c.review_id == reviews.c.review_id,
            tasks.c.status == "submitted",
        )
    ).all()
    connection.execute(
        update(tasks)
        .where(tasks.c.task_id.in_([row.task_id for row in refused]))
        .values(status="open", holder=None, lease_until=None, review_id=None)
    )
    forget_participations(
        connection, [(row.round_id, row.record_id, row.holder) for row in refused]
    )
