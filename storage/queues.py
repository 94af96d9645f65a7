"""What the queues hold for a person, counted only as far as anybody wants to know."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    distinct,
    exists,
    func,
    not_,
    select,
    true,
    tuple_,
)
from sqlalchemy.sql.selectable import NamedFromClause

from domain.ids import AccountId, RoundId, Timestamp
from domain.profiles import Standing
from domain.routing import Lane
from domain.tasks import TaskKind
from storage.lanes import brings, lane, suits
from storage.participations import barred, free, offered, same_work
from storage.tables import lanes, participations, standings, task_skips, tasks
from storage.tasks import TaskStatus
from storage.visibility import visible

COUNTED = 100
"""Counts end here: 100 stands for 100 or more."""

_LOOKED_AT = 7 * COUNTED
"""Tasks: a record has at most seven open at once."""

_LANES_TOLD = 20


@dataclass(frozen=True, kw_only=True)
class Unsuited:
    """A lane with open tasks whose demands the person does not meet."""

    round_id: RoundId
    lane: Lane
    suited: bool
    """The profile would suit it; the person's standing does not."""
    standing: Standing


@dataclass(frozen=True, kw_only=True)
class QueueFacts:
    """What the queues hold for one person, so that "nothing to do" can say why."""

    claimable: int
    """Records with a task that the person may take now."""
    barred: int
    """Open, but the person already has a part in the record."""
    passed_by: int
    """Free, but the person has skipped them, or they are put off."""
    claimed_by_others: int
    next_lapse: Timestamp | None
    """When the first of those leases runs out, if its holder stays away."""
    mine: int
    unsuited: list[Unsuited]


def queue_facts(
    connection: Connection,
    account_id: AccountId,
    kinds: Collection[TaskKind],
    *,
    round_id: RoundId | None = None,
    queue: str | None = None,
) -> QueueFacts:
    """What the queues of these kinds hold for this person, in one round or queue or in all."""
    here: list[ColumnElement[bool]] = [lanes.c.open]
    if round_id is not None:
        here.append(lanes.c.round_id == round_id)
    if queue is not None:
        here.append(lanes.c.queue == queue)
    wanted = and_(tasks.c.kind.in_([kind.value for kind in kinds]), visible(connection, tasks))
    live = tasks.c.status.in_([TaskStatus.OPEN, TaskStatus.CLAIMED])
    held = and_(wanted, tasks.c.status == TaskStatus.CLAIMED, not_(free()))
    may_work = suits(
        account_id, TaskKind.REVIEW if TaskKind.REVIEW in kinds else TaskKind.ADJUDICATION
    )
    suited = [*here, may_work]
    part = participations.alias("part")
    passed, skip = tasks.alias("passed"), task_skips.alias("skip")
    my_part = and_(
        part.c.round_id == tasks.c.round_id,
        part.c.record_id == tasks.c.record_id,
        part.c.account_id == account_id,
    )
    my_skip = and_(skip.c.task_id == passed.c.task_id, skip.c.account_id == account_id)
    offer = _in_lane(live, wanted, offered(account_id), not_(barred(account_id)))
    others, next_lapse = _leases(connection, held, account_id, suited)
    return QueueFacts(
        claimable=_records(
            connection,
            tuple_(offer.c.round_id, offer.c.shard, offer.c.record_id),
            lanes.join(offer, true()),
            suited,
        ),
        barred=_records(
            connection,
            _RECORD,
            _LANED.join(part, my_part),
            [*suited, live, wanted, offered(account_id), barred(account_id)],
        ),
        passed_by=_records(
            connection,
            _RECORD,
            _LANED.join(passed, same_work(passed)).join(skip, my_skip),
            [*suited, live, wanted, free()],
        )
        + _records(connection, _RECORD, _LANED, [*suited, live, wanted, free(), _put_off()]),
        claimed_by_others=others,
        next_lapse=next_lapse,
        mine=_records(connection, _RECORD, _LANED, [*here, held, tasks.c.holder == account_id]),
        unsuited=_unsuited(connection, account_id, [*here, not_(may_work)], wanted),
    )


_LANED = lanes.join(tasks, and_(tasks.c.round_id == lanes.c.round_id, tasks.c.lane == lanes.c.lane))
_RECORD = tuple_(tasks.c.round_id, tasks.c.shard, tasks.c.record_id)


def _in_lane(*which: ColumnElement[bool]) -> NamedFromClause:
    """The first tasks of a lane that are so, and no more of them than anybody counts."""
    return (
        select(tasks.c.round_id, tasks.c.shard, tasks.c.record_id)
        .where(tasks.c.round_id == lanes.c.round_id, tasks.c.lane == lanes.c.lane, *which)
        .limit(_LOOKED_AT)
        .lateral("offer")
    )


def _put_off() -> ColumnElement[bool]:
    return tasks.c.suspended_until > func.now()


def _records(
    connection: Connection,
    record: ColumnElement[Any],
    within: FromClause,
    which: Iterable[ColumnElement[bool]],
) -> int:
    """How many records are so, up to COUNTED."""
    found = (
        select(record.label("record"))
        .select_from(within)
        .where(*which)
        .limit(_LOOKED_AT)
        .subquery()
    )
    count = connection.execute(select(func.count(distinct(found.c.record)))).scalar_one()
    return min(count, COUNTED)


def _leases(
    connection: Connection,
    held: ColumnElement[bool],
    account_id: AccountId,
    suited: Iterable[ColumnElement[bool]],
) -> tuple[int, Timestamp | None]:
    """How many tasks other people hold, up to COUNTED, and when the first lease runs out."""
    others = (
        select(tasks.c.lease_until)
        .select_from(_LANED)
        .where(held, tasks.c.holder != account_id, *suited)
        .order_by(tasks.c.lease_until)
        .limit(COUNTED)
        .subquery()
    )
    row = connection.execute(select(func.count(), func.min(others.c.lease_until))).one()
    return row[0], row[1]


def _unsuited(
    connection: Connection,
    account_id: AccountId,
    which: Iterable[ColumnElement[bool]],
    wanted: ColumnElement[bool],
) -> list[Unsuited]:
    waiting = exists().where(
        tasks.c.round_id == lanes.c.round_id, tasks.c.lane == lanes.c.lane, wanted, free()
    )
    standing = (
        select(standings.c.standing)
        .where(standings.c.account_id == account_id, standings.c.schema_name == lanes.c.schema_name)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            lanes,
            brings(account_id).label("suited"),
            func.coalesce(standing, Standing.UNTRIED.value).label("standing"),
        )
        .where(*which, waiting)
        .order_by(lanes.c.round_id, lanes.c.lane)
        .limit(_LANES_TOLD)
    )
    return [
        Unsuited(
            round_id=row.round_id,
            lane=lane(row),
            suited=row.suited,
            standing=Standing(row.standing),
        )
        for row in rows
    ]
