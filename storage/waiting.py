"""Tasks that wait for somebody's answer: until when, how urgently, and of which records."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import ARRAY, ColumnElement, Connection, Text, and_, func, literal, select, update

from domain.ids import RecordId, RoundId
from domain.tasks import MovedDeadline, Urgency
from storage.tables import tasks


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
    wanted = and_(
        _of_records(round_id, shard, record_ids), tasks.c.status.not_in(["done", "closed"])
    )
    return set(connection.scalars(select(tasks.c.record_id).where(wanted).distinct()))


def _of_records(round_id: RoundId, shard: int, records_: Iterable[RecordId]) -> ColumnElement[bool]:
    return and_(
        tasks.c.round_id == round_id,
        tasks.c.shard == shard,
        tasks.c.record_id == func.any(literal(list(records_), ARRAY(Text))),
    )
