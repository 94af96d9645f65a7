"""What a shard's decision on a review means for the task that it answers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, and_, case, exists, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.ids import ReviewId
from domain.tasks import ReviewStatus
from storage.participations import forget_participations
from storage.tables import participations, reviews, tasks


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
