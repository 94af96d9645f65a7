"""Tasks that wait for somebody's answer: until when, how urgently, and of which records."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Text,
    and_,
    func,
    literal,
    select,
    tuple_,
    update,
)

from domain.ids import AccountId, RecordId, RoundId, TaskId, Timestamp
from domain.tasks import MovedDeadline, TaskKind, Urgency
from storage.tables import accounts, lanes, task_skips, tasks
from storage.tasks import TaskStatus
from storage.visibility import visible

_WAITING = tasks.c.status.not_in(["done", "closed"])


@dataclass(frozen=True, kw_only=True)
class WaitingTask:
    """A task without an answer, as those who run rounds see it."""

    task_id: TaskId
    record_id: RecordId
    kind: TaskKind
    status: TaskStatus
    queue: str
    priority: int
    deadline: Timestamp | None
    holder: AccountId | None
    holder_name: str | None
    lease_until: Timestamp | None
    suspended_until: Timestamp | None
    skips: int
    """How many people have passed it by."""


def waiting_tasks(
    connection: Connection, round_id: RoundId, *, after: TaskId | None = None, limit: int = 100
) -> list[WaitingTask]:
    """The round's tasks that wait, in the order of the batch, from the one that follows `after`."""
    place = tuple_(tasks.c.ordinal, tasks.c.task_id)
    skips = (
        select(func.count())
        .where(task_skips.c.task_id == tasks.c.task_id)
        .scalar_subquery()
        .label("skips")
    )
    in_lane = and_(lanes.c.round_id == tasks.c.round_id, lanes.c.lane == tasks.c.lane)
    query = (
        select(tasks, lanes.c.queue, accounts.c.name.label("holder_name"), skips)
        .select_from(
            tasks.join(lanes, in_lane).outerjoin(accounts, accounts.c.account_id == tasks.c.holder)
        )
        .where(tasks.c.round_id == round_id, _WAITING, visible(connection, tasks))
        .order_by(tasks.c.ordinal, tasks.c.task_id)
        .limit(limit)
    )
    if after is not None:
        last = tasks.alias("last")
        seen = visible(connection, last)
        ordinal = select(last.c.ordinal).where(last.c.task_id == after, seen).scalar_subquery()
        query = query.where(place > tuple_(ordinal, literal(after)))
    return [
        WaitingTask(
            task_id=row.task_id,
            record_id=row.record_id,
            kind=TaskKind(row.kind),
            status=TaskStatus(row.status),
            queue=row.queue,
            priority=row.priority,
            deadline=row.deadline,
            holder=row.holder,
            holder_name=row.holder_name,
            lease_until=row.lease_until,
            suspended_until=row.suspended_until,
            skips=row.skips,
        )
        for row in connection.execute(query)
    ]


def move_deadlines(
    connection: Connection, *, round_id: RoundId, shard: int, moved: Iterable[MovedDeadline]
) -> None:
    """Shows the records' deadlines on all of their tasks: one that is done may wait again.

    Deadlines only move later.
    """
    for each in moved:
        connection.execute(
            update(tasks)
            .where(_of_records(round_id, shard, each.records), tasks.c.deadline < each.deadline)
            .values(deadline=each.deadline)
        )


def hurry(
    connection: Connection, *, round_id: RoundId, shard: int, urgencies: Iterable[Urgency]
) -> None:
    """Raises the priority of the records' tasks by what escalations have added since."""
    for each in urgencies:
        connection.execute(
            update(tasks)
            .where(_of_records(round_id, shard, each.records), tasks.c.urgency < each.urgency)
            .values(
                priority=tasks.c.priority + each.urgency - tasks.c.urgency, urgency=each.urgency
            )
        )


def waiting_records(
    connection: Connection, record_ids: Collection[RecordId], *, round_id: RoundId, shard: int
) -> set[RecordId]:
    """Those of the records of which a task of the shard still waits for an answer."""
    if not record_ids:
        return set()
    wanted = and_(_of_records(round_id, shard, record_ids), _WAITING)
    return set(connection.scalars(select(tasks.c.record_id).where(wanted).distinct()))


def _of_records(round_id: RoundId, shard: int, records_: Iterable[RecordId]) -> ColumnElement[bool]:
    return and_(
        tasks.c.round_id == round_id,
        tasks.c.shard == shard,
        tasks.c.record_id == func.any(literal(list(records_), ARRAY(Text))),
    )
