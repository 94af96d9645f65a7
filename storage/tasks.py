"""Tasks as the shards open and close them, and what a person needs to work on one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Row,
    Text,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from domain.canonical import Sha256
from domain.errors import NotFound
from domain.ids import AccountId, PoolId, RecordId, ReviewId, RoundId, TaskId, Timestamp
from domain.records import Content, Json
from domain.rounds import RoundPlan
from domain.tasks import TaskClosing, TaskKind, TaskOpening
from storage.documents import plain_text
from storage.participations import forget_participations, standing_receipt
from storage.plans import plan_of
from storage.tables import (
    batch_records,
    lanes,
    records,
    review_receipts,
    rounds,
    superseded_records,
    tasks,
)
from storage.visibility import CLEARED, cleared, everything, visible


class TaskStatus(StrEnum):
    OPEN = "open"
    CLAIMED = "claimed"
    SUBMITTED = "submitted"
    """Temporal has the answer; the shard has not decided on it yet."""
    DONE = "done"
    CLOSED = "closed"
    """Nobody's answer is wanted any more."""


@dataclass(frozen=True, kw_only=True)
class Task:
    task_id: TaskId
    round_id: RoundId
    shard: int
    record_id: RecordId
    pool_id: PoolId
    ordinal: int
    kind: TaskKind
    slot: int
    lane: int
    look: int
    """Which time the round looks at the record."""
    status: TaskStatus
    priority: int
    deadline: Timestamp | None
    holder: AccountId | None
    lease_until: Timestamp | None
    review_id: ReviewId | None
    close_reason: str | None


@dataclass(frozen=True, kw_only=True)
class TaskDetail:
    """A task with the record as the round's snapshot has it, whatever was imported since."""

    task: Task
    content: Content
    metadata: dict[str, Json]
    content_digest: Sha256
    plan: RoundPlan


@dataclass(frozen=True, kw_only=True)
class Backlog:
    kind: TaskKind
    status: TaskStatus
    tasks: int


# Made once: building a statement takes longer than running it, and every claim asks these.
_SEEN = tasks.c.level <= CLEARED
_TASK = select(tasks).where(tasks.c.task_id == bindparam("task_id"), _SEEN)
_IN_BATCH = and_(
    batch_records.c.round_id == tasks.c.round_id,
    batch_records.c.record_id == tasks.c.record_id,
)
_DETAIL = (
    select(*tasks.c, batch_records.c.content_digest, records.c.content, records.c.metadata)
    .join(batch_records, _IN_BATCH)
    .outerjoin(
        records,
        and_(
            records.c.pool_id == tasks.c.pool_id,
            records.c.record_id == tasks.c.record_id,
            records.c.content_digest == batch_records.c.content_digest,
        ),
    )
    .where(tasks.c.task_id == bindparam("task_id"), _SEEN)
)
_BEFORE = (
    select(superseded_records.c.content, superseded_records.c.metadata)
    .join(
        tasks,
        and_(
            superseded_records.c.pool_id == tasks.c.pool_id,
            superseded_records.c.record_id == tasks.c.record_id,
        ),
    )
    .join(batch_records, _IN_BATCH)
    .where(
        tasks.c.task_id == bindparam("task_id"),
        _SEEN,
        superseded_records.c.content_digest == batch_records.c.content_digest,
    )
    .order_by(superseded_records.c.superseded_at.desc())
    .limit(1)
)


def open_tasks(
    connection: Connection,
    *,
    round_id: RoundId,
    shard: int,
    openings: Iterable[TaskOpening],
    deadline: Timestamp | None = None,
    at: Timestamp | None = None,
    look: int = 1,
) -> int:
    """Opens the tasks that are not there yet, or were closed before, and says how many.

    In a round that has ended nothing is opened: what was on its way when Temporal ended it comes
    late. `deadline` is that of openings that name none. The batch must be stored, and its lanes, of
    which the tasks have their priority.
    """
    rows = [
        {
            "task_id": opening.task_id,
            "round_id": round_id,
            "shard": shard,
            "record_id": opening.record_id,
            "pool_id": select(rounds.c.pool_id)
            .where(rounds.c.round_id == round_id)
            .scalar_subquery(),
            "ordinal": opening.ordinal,
            "kind": opening.kind.value,
            "slot": opening.slot,
            "lane": opening.lane,
            "look": look,
            "priority": select(lanes.c.priority + opening.urgency)
            .where(lanes.c.round_id == round_id, lanes.c.lane == opening.lane)
            .scalar_subquery(),
            "urgency": opening.urgency,
            "deadline": opening.deadline or deadline,
            "opened_at": at or func.now(),
        }
        for opening in openings
    ]
    if not rows or _has_ended(connection, round_id):
        return 0
    statement = insert(tasks).values(rows)
    new = statement.excluded
    reopened = {
        "status": TaskStatus.OPEN.value,
        "holder": None,
        "lease_until": None,
        "suspended_until": None,
        "review_id": None,
        "closed_at": None,
        "close_reason": None,
        **{name: new[name] for name in ("priority", "urgency", "deadline", "opened_at")},
    }
    return connection.execute(
        statement.on_conflict_do_update(
            index_elements=["task_id"],
            set_=reopened,
            # A projection that comes late, a second time, opens nothing that was closed since.
            where=and_(tasks.c.status == TaskStatus.CLOSED, tasks.c.closed_at < new.opened_at),
        )
    ).rowcount


def _has_ended(connection: Connection, round_id: RoundId) -> bool:
    ended = select(rounds.c.closed_at.is_not(None)).where(rounds.c.round_id == round_id)
    return bool(connection.scalar(ended))


def close_tasks(
    connection: Connection, closings: Iterable[TaskClosing], *, at: Timestamp | None = None
) -> int:
    """Closes tasks that have no accepted answer and says how many.

    Whoever held one without having answered had no part in the record.
    """
    by_reason: dict[str, list[TaskId]] = {}
    for closing in closings:
        by_reason.setdefault(closing.reason, []).append(closing.task_id)
    # A projection that comes late, a second time, closes nothing that was opened since.
    since = tasks.c.opened_at <= at if at else true()
    return sum(
        _close(
            connection,
            and_(tasks.c.task_id == func.any(literal(ids, ARRAY(Text))), since),
            reason,
            at,
        )
        for reason, ids in sorted(by_reason.items())
    )


def close_all_tasks(
    connection: Connection, round_id: RoundId, *, reason: str, at: Timestamp | None = None
) -> int:
    """Closes every task of the round that has no accepted answer and says how many."""
    return _close(connection, tasks.c.round_id == round_id, reason, at)


def _close(
    connection: Connection, which: ColumnElement[bool], reason: str, at: Timestamp | None
) -> int:
    unanswered = and_(
        which,
        tasks.c.status.in_([TaskStatus.OPEN, TaskStatus.CLAIMED, TaskStatus.SUBMITTED]),
    )
    rows = connection.execute(
        select(tasks.c.round_id, tasks.c.record_id, tasks.c.holder)
        .where(unanswered)
        .order_by(tasks.c.task_id)
        .with_for_update()
    ).all()
    answered = standing_receipt().where(
        review_receipts.c.task_id == tasks.c.task_id,
        review_receipts.c.account_id == tasks.c.holder,
    )
    connection.execute(
        update(tasks)
        .where(unanswered)
        .values(
            status=TaskStatus.CLOSED.value,
            holder=case((exists(answered), tasks.c.holder)),
            lease_until=None,
            closed_at=at or func.now(),
            close_reason=plain_text(reason),
        )
    )
    forget_participations(connection, [(row.round_id, row.record_id, row.holder) for row in rows])
    return len(rows)


def find_task(connection: Connection, task_id: TaskId) -> Task:
    """The task. Raises NotFound."""
    row = connection.execute(_TASK, _asked(connection, task_id)).one_or_none()
    if row is None:
        raise NotFound("no such task", task_id=task_id)
    return task(row)


def get_task(connection: Connection, task_id: TaskId) -> TaskDetail:
    """The task with its record and its round. Raises NotFound."""
    asked = _asked(connection, task_id)
    row = connection.execute(_DETAIL, asked).one_or_none()
    if row is None:
        raise NotFound("no such task", task_id=task_id)
    record: Any = row
    if record.content is None:  # imported anew since the round began
        record = connection.execute(_BEFORE, asked).one_or_none()
        if record is None:
            raise NotFound("no such task", task_id=task_id)
    return TaskDetail(
        task=task(row),
        content=Content(json.loads(record.content)),
        metadata=json.loads(record.metadata),
        content_digest=Sha256(row.content_digest),
        plan=plan_of(connection, row.round_id),
    )


def backlog(connection: Connection, round_id: RoundId) -> list[Backlog]:
    """How many tasks of the round may be seen, of each kind and status."""
    rows = connection.execute(
        select(tasks.c.kind, tasks.c.status, func.count().label("tasks"))
        .where(tasks.c.round_id == round_id, visible(connection, tasks))
        .group_by(tasks.c.kind, tasks.c.status)
        .order_by(tasks.c.kind, tasks.c.status)
    )
    return [
        Backlog(kind=TaskKind(row.kind), status=TaskStatus(row.status), tasks=row.tasks)
        for row in rows
    ]


def live_shards(connection: Connection, round_id: RoundId) -> list[int]:
    """The round's shards that still wait for somebody's answer, whoever asks: see `shards_of`."""
    waiting = tasks.c.status.not_in([TaskStatus.DONE, TaskStatus.CLOSED])
    return _shards(connection, and_(tasks.c.round_id == round_id, waiting))


def shards_of(connection: Connection, round_id: RoundId) -> list[int]:
    """All shards of the round, those included that wait for nobody any more.

    Whoever asks: what is decided about a round reaches the shards of records that they do not see.
    """
    return _shards(connection, tasks.c.round_id == round_id)


def _shards(connection: Connection, which: ColumnElement[bool]) -> list[int]:
    query = select(tasks.c.shard).distinct().where(which).order_by(tasks.c.shard)
    with everything(connection):
        return list(connection.scalars(query))


def _asked(connection: Connection, task_id: TaskId) -> dict[str, object]:
    return {"task_id": task_id, "cleared": cleared(connection)}


# -- what claims and submissions build on -----------------------------------------------------


def task(row: Row[*tuple[object, ...]]) -> Task:
    return Task(
        task_id=row.task_id,
        round_id=row.round_id,
        shard=row.shard,
        record_id=row.record_id,
        pool_id=row.pool_id,
        ordinal=row.ordinal,
        kind=TaskKind(row.kind),
        slot=row.slot,
        lane=row.lane,
        look=row.look,
        status=TaskStatus(row.status),
        priority=row.priority,
        deadline=row.deadline,
        holder=row.holder,
        lease_until=row.lease_until,
        review_id=row.review_id,
        close_reason=row.close_reason,
    )
