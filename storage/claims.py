"""Who works on which task: claims, leases, releases, and what a queue holds for a person."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, and_, case, distinct, exists, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from domain.errors import (
    DutiesNotSeparate,
    LeaseExpired,
    NotFound,
    NotTheHolder,
    TaskClosed,
    TaskHeldByAnother,
)
from domain.ids import AccountId, RoundId, TaskId, Timestamp
from domain.tasks import TaskKind
from storage.participations import (
    barred,
    forget_participations,
    free,
    has_other_part,
    has_other_slot,
    standing_receipt,
)
from storage.tables import participations, review_receipts, tasks
from storage.tasks import Task, TaskStatus, task


@dataclass(frozen=True, kw_only=True)
class QueueFacts:
    """What the queue holds for one person, so that "nothing to do" can say why."""

    claimable: int
    """Open, or held on a lapsed lease, and this person may take them: one slot of a record."""
    barred: int
    """Open, but this person already has a part in the record."""
    claimed_by_others: int
    next_lapse: Timestamp | None
    """When the first of those leases runs out, if its holder stays away."""
    mine: int


def claim_task(
    connection: Connection,
    account_id: AccountId,
    *,
    kinds: Collection[TaskKind],
    lease: timedelta,
    round_id: RoundId | None = None,
    skip: Sequence[TaskId] = (),
) -> Task | None:
    """Takes the most urgent task that this person may do, for `lease`; none when there is none."""
    _one_claim_at_a_time(connection, account_id)
    wanted = (
        select(tasks)
        .where(
            free(),
            tasks.c.kind.in_([kind.value for kind in kinds]),
            tasks.c.task_id.not_in(skip),
            ~barred(account_id),
        )
        .order_by(tasks.c.priority.desc(), tasks.c.deadline, tasks.c.ordinal, tasks.c.task_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if round_id is not None:
        wanted = wanted.where(tasks.c.round_id == round_id)
    row = connection.execute(wanted).one_or_none()
    return None if row is None else _take(connection, task(row), account_id, lease)


def claim_named(
    connection: Connection, account_id: AccountId, task_id: TaskId, lease: timedelta
) -> Task:
    """Takes this task, or renews the claim on it.

    Raises NotFound, TaskClosed, TaskHeldByAnother or DutiesNotSeparate.
    """
    _one_claim_at_a_time(connection, account_id)
    wanted = locked_task(connection, task_id)
    check_unanswered(wanted)
    if wanted.status is TaskStatus.CLAIMED and wanted.holder != account_id:
        check_lapsed(connection, wanted)
    here = tasks.c.task_id == task_id
    if connection.scalar(select(exists().where(here, has_other_part(account_id)))):
        did = "adjudicated" if wanted.kind is TaskKind.REVIEW else "reviewed"
        raise DutiesNotSeparate(
            f"you {did} this record, so its {wanted.kind} is another person's",
            task_id=task_id,
        )
    if connection.scalar(select(exists().where(here, has_other_slot(account_id)))):
        raise DutiesNotSeparate(
            "you already have a review of this record; the other one is another person's",
            task_id=task_id,
        )
    return _take(connection, wanted, account_id, lease)


def renew_lease(
    connection: Connection, account_id: AccountId, task_id: TaskId, lease: timedelta
) -> Task:
    """Extends the lease of whoever holds the task.

    Raises NotFound, TaskClosed, TaskHeldByAnother or NotTheHolder.
    """
    held = locked_task(connection, task_id)
    check_holder(held, account_id)
    row = connection.execute(
        update(tasks)
        .where(tasks.c.task_id == task_id)
        .values(lease_until=func.greatest(tasks.c.lease_until, func.now() + lease))
        .returning(tasks)
    ).one()
    return task(row)


def release_task(connection: Connection, account_id: AccountId, task_id: TaskId) -> None:
    """Gives the task back to the queue.

    Raises NotFound, TaskClosed, TaskHeldByAnother or NotTheHolder.
    """
    held = locked_task(connection, task_id)
    check_holder(held, account_id)
    answer_on_its_way = standing_receipt().where(review_receipts.c.task_id == task_id)
    if connection.scalar(select(exists(answer_on_its_way))):
        raise TaskClosed("an answer to this task is on its way", task_id=task_id)
    former = connection.execute(
        update(tasks)
        .where(tasks.c.task_id == task_id)
        .values(status=TaskStatus.OPEN.value, holder=None, lease_until=None)
        .returning(tasks.c.round_id, tasks.c.record_id)
    ).one()
    forget_participations(connection, [(former.round_id, former.record_id, account_id)])


def held_tasks(connection: Connection, account_id: AccountId, *, limit: int = 20) -> list[Task]:
    """The tasks that this person holds on a live lease, the most urgent first."""
    rows = connection.execute(
        select(tasks)
        .where(
            tasks.c.holder == account_id,
            tasks.c.status == TaskStatus.CLAIMED,
            tasks.c.lease_until > func.now(),
        )
        .order_by(tasks.c.priority.desc(), tasks.c.deadline, tasks.c.ordinal, tasks.c.task_id)
        .limit(limit)
    )
    return [task(row) for row in rows]


def queue_facts(
    connection: Connection, account_id: AccountId, kinds: Collection[TaskKind]
) -> QueueFacts:
    """What the queue of these kinds holds for this person."""
    # Joined rather than asked for each task: a queue may hold tens of thousands.
    part = participations.alias("part")
    is_barred = case(
        (part.c.part.is_(None), False),
        (part.c.part != tasks.c.kind, True),
        else_=has_other_slot(account_id),
    )
    queue = (
        select(
            tuple_(tasks.c.round_id, tasks.c.shard, tasks.c.record_id).label("record"),
            free().label("free"),
            and_(free(), is_barred).label("barred"),
            (tasks.c.holder == account_id).label("mine"),
            tasks.c.lease_until,
        )
        .outerjoin(
            part,
            and_(
                part.c.round_id == tasks.c.round_id,
                part.c.record_id == tasks.c.record_id,
                part.c.account_id == account_id,
            ),
        )
        .where(
            tasks.c.status.in_([TaskStatus.OPEN, TaskStatus.CLAIMED]),
            tasks.c.kind.in_([kind.value for kind in kinds]),
        )
        .cte("queue")
        .prefix_with("MATERIALIZED")
    )
    held_by_others = and_(~queue.c.free, ~queue.c.mine)
    row = connection.execute(
        select(
            func.count(distinct(queue.c.record))
            .filter(queue.c.free, ~queue.c.barred)
            .label("claimable"),
            func.count().filter(queue.c.barred).label("barred"),
            func.count().filter(held_by_others).label("claimed_by_others"),
            func.min(queue.c.lease_until).filter(held_by_others).label("next_lapse"),
            func.count().filter(~queue.c.free, queue.c.mine).label("mine"),
        )
    ).one()
    return QueueFacts(
        claimable=row.claimable,
        barred=row.barred,
        claimed_by_others=row.claimed_by_others,
        next_lapse=row.next_lapse,
        mine=row.mine,
    )


# -- checks that submissions share ------------------------------------------------------------


def locked_task(connection: Connection, task_id: TaskId) -> Task:
    """The task, which nobody else changes until this transaction ends. Raises NotFound."""
    row = connection.execute(
        select(tasks).where(tasks.c.task_id == task_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound("no such task", task_id=task_id)
    return task(row)


def check_unanswered(wanted: Task) -> None:
    """Raises TaskClosed when the task has its answer, or needs none any more."""
    if wanted.status in {TaskStatus.SUBMITTED, TaskStatus.DONE}:
        raise TaskClosed("this task has its answer", task_id=wanted.task_id)
    if wanted.status is TaskStatus.CLOSED:
        raise TaskClosed(
            "this task is closed: no answer is wanted any more",
            hint="take the next task",
            task_id=wanted.task_id,
            reason=wanted.close_reason,
        )


def check_holder(held: Task, account_id: AccountId) -> None:
    """Raises TaskClosed, TaskHeldByAnother or NotTheHolder unless this person has the claim."""
    check_unanswered(held)
    if held.holder is None:
        raise NotTheHolder(
            "nobody holds this task: the lease ran out or the task was given back",
            hint="claim it again",
            task_id=held.task_id,
        )
    if held.holder != account_id:
        raise _held_by_another(held)


def check_lapsed(connection: Connection, held: Task) -> None:
    """Raises TaskHeldByAnother while the holder's lease lasts."""
    if not _lapsed(connection, held):
        raise _held_by_another(held)


def check_lease(connection: Connection, held: Task) -> None:
    """Raises LeaseExpired once the holder's lease has run out."""
    if _lapsed(connection, held):
        raise LeaseExpired(
            "the lease on this task ran out",
            hint="your text is kept: claim the task again and send it once more",
            task_id=held.task_id,
            lease_until=held.lease_until,
        )


def _lapsed(connection: Connection, held: Task) -> bool:
    return bool(connection.scalar(select(exists().where(tasks.c.task_id == held.task_id, free()))))


def _held_by_another(held: Task) -> TaskHeldByAnother:
    return TaskHeldByAnother(
        "another person works on this task",
        hint="take the next task",
        task_id=held.task_id,
        lease_until=held.lease_until,
    )


def _one_claim_at_a_time(connection: Connection, account_id: AccountId) -> None:
    # Two claims of one person at once could each miss the slot that the other is about to take.
    lock = func.pg_advisory_xact_lock(func.hashtextextended(f"claim/{account_id}", 0))
    connection.execute(select(lock))


def _take(connection: Connection, wanted: Task, account_id: AccountId, lease: timedelta) -> Task:
    """Claims a locked task; the constraint on duties is the last word."""
    connection.execute(
        insert(participations)
        .values(
            round_id=wanted.round_id,
            record_id=wanted.record_id,
            account_id=account_id,
            part=wanted.kind.value,
        )
        .on_conflict_do_nothing(index_elements=["round_id", "record_id", "account_id"])
    )
    row = connection.execute(
        update(tasks)
        .where(tasks.c.task_id == wanted.task_id)
        .values(status=TaskStatus.CLAIMED.value, holder=account_id, lease_until=func.now() + lease)
        .returning(tasks)
    ).one()
    if wanted.holder is not None and wanted.holder != account_id:
        forget_participations(connection, [(wanted.round_id, wanted.record_id, wanted.holder)])
    return task(row)
