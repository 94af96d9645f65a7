"""How a round gets on: what waits and for how long, how fast answers come, what has been concluded.

Each figure is one pass over the rows of one round, over what the reader may see.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import Connection, and_, func, select, union_all

from domain.ids import PoolId, RoundId, Timestamp
from domain.records import KnownRole
from domain.tasks import ReviewStatus, TaskKind
from storage.tables import batch_records, lanes, outcomes, records, reviews, rounds, tasks
from storage.tables.columns import Instant
from storage.tasks import TaskStatus
from storage.visibility import visible

AGES = (timedelta(hours=1), timedelta(days=1), timedelta(days=3))
"""Limits between the ages that waiting tasks are counted by."""
BINS = 10
"""Of label confidence, from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class QueueBacklog:
    """What waits in one queue, for one kind of task."""

    queue: str
    kind: TaskKind
    by_age: tuple[int, ...]
    """Tasks that are open or claimed: younger than each of `AGES`, and older than all."""
    claimed: int
    oldest: Timestamp
    deadline: Timestamp | None
    """The nearest one."""

    @property
    def waiting(self) -> int:
        return sum(self.by_age)


@dataclass(frozen=True, kw_only=True)
class HourOfAnswers:
    hour: Timestamp
    """Its beginning."""
    answers: int


@dataclass(frozen=True, kw_only=True)
class ArmYield:
    """What the records of one arm have brought so far."""

    arm: str
    concluded: int
    labelled: int
    """Concluded with a label."""
    compared: int
    """Labelled, and the model had said something."""
    mistaken: int
    """Of those: the model had said something else."""
    reviews: int
    """Answers that the concluded records took."""


def backlog_by_queue(
    connection: Connection, round_id: RoundId, *, at: datetime
) -> list[QueueBacklog]:
    """What waits, the queue with the oldest task first."""
    since = [at - limit for limit in AGES]
    ages = [
        tasks.c.opened_at > since[0],
        *(tasks.c.opened_at.between(older, newer) for newer, older in pairwise(since)),
        tasks.c.opened_at < since[-1],
    ]
    rows = connection.execute(
        select(
            lanes.c.queue,
            tasks.c.kind,
            func.count().filter(tasks.c.status == TaskStatus.CLAIMED.value).label("claimed"),
            func.min(tasks.c.opened_at).label("oldest"),
            func.min(tasks.c.deadline).label("deadline"),
            *(func.count().filter(age).label(f"age_{place}") for place, age in enumerate(ages)),
        )
        .join(lanes, and_(lanes.c.round_id == tasks.c.round_id, lanes.c.lane == tasks.c.lane))
        .where(
            tasks.c.round_id == round_id,
            tasks.c.status.in_([TaskStatus.OPEN.value, TaskStatus.CLAIMED.value]),
            visible(connection, tasks),
        )
        .group_by(lanes.c.queue, tasks.c.kind)
        .order_by(func.min(tasks.c.opened_at), lanes.c.queue, tasks.c.kind)
    )
    return [
        QueueBacklog(
            queue=row.queue,
            kind=TaskKind(row.kind),
            by_age=tuple(
                row._mapping[f"age_{place}"]  # noqa: SLF001 -- its public name
                for place in range(len(AGES) + 1)
            ),
            claimed=row.claimed,
            oldest=row.oldest,
            deadline=row.deadline,
        )
        for row in rows
    ]


def answers_by_hour(
    connection: Connection, round_id: RoundId, *, since: datetime
) -> list[HourOfAnswers]:
    """Accepted answers in each hour in which there were any, from the earliest."""
    hour = func.date_trunc("hour", reviews.c.submitted_at, type_=Instant()).label("hour")
    rows = connection.execute(
        select(hour, func.count().label("answers"))
        .where(
            reviews.c.round_id == round_id,
            reviews.c.status == ReviewStatus.ACCEPTED.value,
            reviews.c.submitted_at >= since,
            visible(connection, reviews),
        )
        .group_by(hour)
        .order_by(hour)
    )
    return [HourOfAnswers(hour=row.hour, answers=row.answers) for row in rows]


def answers_since(connection: Connection, round_id: RoundId, since: datetime) -> int:
    """Accepted answers that came later."""
    counted = connection.scalar(
        select(func.count()).where(
            reviews.c.round_id == round_id,
            reviews.c.status == ReviewStatus.ACCEPTED.value,
            reviews.c.submitted_at >= since,
            visible(connection, reviews),
        )
    )
    return counted or 0


def first_opened(connection: Connection, round_id: RoundId) -> Timestamp | None:
    """When the round's first tasks were opened."""
    first: Timestamp | None = connection.scalar(
        select(func.min(tasks.c.opened_at)).where(
            tasks.c.round_id == round_id, visible(connection, tasks)
        )
    )
    return first


def median_seconds(connection: Connection, round_id: RoundId) -> float | None:
    """How long people looked at a record, at the median; none before the first answer."""
    middle = func.percentile_cont(0.5).within_group(reviews.c.seconds)
    return connection.scalar(
        select(middle).where(
            reviews.c.round_id == round_id,
            reviews.c.status == ReviewStatus.ACCEPTED.value,
            visible(connection, reviews),
        )
    )


def label_confidence(connection: Connection, round_id: RoundId) -> list[int]:
    """Records with a label by how many of the answers gave it: `BINS` bins from 0 to 1."""
    place = func.least(func.width_bucket(outcomes.c.label_confidence, 0.0, 1.0, BINS), BINS).label(
        "place"
    )
    rows = connection.execute(
        select(place, func.count().label("records"))
        .where(
            outcomes.c.round_id == round_id,
            outcomes.c.label.is_not(None),
            outcomes.c.label_confidence.is_not(None),
            visible(connection, outcomes),
        )
        .group_by(place)
    )
    counted = {row.place: row.records for row in rows}
    return [counted.get(place, 0) for place in range(1, BINS + 1)]


def labels_of_round(connection: Connection, round_id: RoundId) -> dict[str, int]:
    """Records of the round by the label that was concluded."""
    rows = connection.execute(
        select(outcomes.c.label, func.count().label("records"))
        .where(
            outcomes.c.round_id == round_id,
            outcomes.c.label.is_not(None),
            visible(connection, outcomes),
        )
        .group_by(outcomes.c.label)
    )
    return {row.label: row.records for row in rows}


def labels_before(
    connection: Connection, pool_id: PoolId, dataset: str, *, before: datetime
) -> dict[str, int]:
    """What was labelled when the round was asked for: records to train on, and what earlier rounds
    of the dataset concluded."""
    known = (
        select(records.c.label, func.count().label("records"))
        .where(
            records.c.pool_id == pool_id,
            records.c.role == KnownRole.TRAIN.value,
            records.c.label.is_not(None),
            visible(connection, records),
        )
        .group_by(records.c.label)
    )
    earlier = (
        select(outcomes.c.label, func.count())
        .join(rounds, rounds.c.round_id == outcomes.c.round_id)
        .where(
            rounds.c.dataset == dataset,
            rounds.c.phase == "closed",
            rounds.c.closed_at < before,
            outcomes.c.label.is_not(None),
            visible(connection, outcomes),
        )
        .group_by(outcomes.c.label)
    )
    both = union_all(known, earlier).subquery()
    rows = connection.execute(
        select(both.c.label, func.sum(both.c.records).label("records")).group_by(both.c.label)
    )
    return {row.label: int(row.records) for row in rows}


def pairs_of_answers(connection: Connection, round_id: RoundId) -> dict[tuple[str, str], int]:
    """How often two people who reviewed the same record said this and that, in both orders."""
    one, other = reviews.alias("one"), reviews.alias("other")
    rows = connection.execute(
        select(one.c.answer.label("first"), other.c.answer.label("second"), func.count().label("n"))
        .join(
            other,
            and_(
                other.c.round_id == one.c.round_id,
                other.c.record_id == one.c.record_id,
                other.c.shard == one.c.shard,
                other.c.account_id != one.c.account_id,
            ),
        )
        .where(
            one.c.round_id == round_id,
            visible(connection, one),
            *(
                each
                for side in (one, other)
                for each in (
                    side.c.kind == TaskKind.REVIEW.value,
                    side.c.status == ReviewStatus.ACCEPTED.value,
                )
            ),
        )
        .group_by(one.c.answer, other.c.answer)
    )
    return {
        (row.first.removeprefix("label:"), row.second.removeprefix("label:")): row.n for row in rows
    }


def yields(connection: Connection, round_id: RoundId) -> list[ArmYield]:
    """What each arm's records have brought, by arm."""
    labelled = outcomes.c.label.is_not(None)
    compared = and_(labelled, batch_records.c.predicted.is_not(None))
    rows = connection.execute(
        select(
            batch_records.c.arm,
            func.count().label("concluded"),
            func.count().filter(labelled).label("labelled"),
            func.count().filter(compared).label("compared"),
            func.count()
            .filter(and_(compared, outcomes.c.label != batch_records.c.predicted))
            .label("mistaken"),
            func.sum(outcomes.c.reviews).label("reviews"),
        )
        .join(
            outcomes,
            and_(
                outcomes.c.round_id == batch_records.c.round_id,
                outcomes.c.record_id == batch_records.c.record_id,
            ),
        )
        .where(batch_records.c.round_id == round_id, visible(connection, batch_records))
        .group_by(batch_records.c.arm)
        .order_by(batch_records.c.arm)
    )
    return [
        ArmYield(
            arm=row.arm,
            concluded=row.concluded,
            labelled=row.labelled,
            compared=row.compared,
            mistaken=row.mistaken,
            reviews=int(row.reviews or 0),
        )
        for row in rows
    ]
