"""Who works on which task: claims, leases, releases."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import cache

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Integer,
    Interval,
    Select,
    Text,
    any_,
    bindparam,
    case,
    cast,
    column,
    exists,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from domain.errors import (
    DutiesNotSeparate,
    LeaseExpired,
    NotFound,
    NotQualified,
    NotTheHolder,
    TaskClosed,
    TaskHeldByAnother,
    TaskSuspended,
)
from domain.ids import AccountId, RoundId, TaskId, Timestamp
from domain.tasks import TaskKind
from storage.lanes import lane, suits
from storage.participations import (
    Person,
    barred,
    forget_participations,
    free,
    has_other_part,
    has_other_slot,
    offered,
    same_work,
    standing_receipt,
)
from storage.profiles import get_profile
from storage.tables import lanes, participations, review_receipts, tasks
from storage.tasks import Task, TaskStatus, task
from storage.visibility import CLEARED, cleared, visible

URGENT = timedelta(days=1)
"""A deadline that is nearer comes before every fairness between rounds."""

# Made once: building a statement takes longer than running it, and every claim runs these.
# Parameters are not named as columns are: SQLAlchemy would set such a column in an UPDATE.
_PERSON = bindparam("person", type_=Text)
_HELD = (
    select(tasks)
    .where(
        tasks.c.holder == _PERSON,
        tasks.c.status == TaskStatus.CLAIMED,
        tasks.c.lease_until > func.now(),
        tasks.c.level <= CLEARED,
    )
    .order_by(tasks.c.priority.desc(), tasks.c.deadline, tasks.c.ordinal, tasks.c.task_id)
    .limit(bindparam("limit", type_=Integer))
)
_ONE_AT_A_TIME = select(
    func.pg_advisory_xact_lock(func.hashtextextended(bindparam("lock", type_=Text), 0))
)
_TAKEN_PART = (
    insert(participations)
    .values(
        round_id=bindparam("round"),
        record_id=bindparam("record"),
        account_id=_PERSON,
        part=bindparam("duty"),
    )
    .on_conflict_do_nothing(index_elements=["round_id", "record_id", "account_id"])
    .cte("taken_part")
)
_TAKE = (
    update(tasks)
    .where(tasks.c.task_id == bindparam("task"))
    .values(
        status=TaskStatus.CLAIMED.value,
        holder=_PERSON,
        # Whoever was given the task for a day keeps it so long, whenever they open it.
        lease_until=func.greatest(
            case((tasks.c.holder == _PERSON, tasks.c.lease_until)),
            func.now() + bindparam("lease", type_=Interval),
        ),
        suspended_until=None,
    )
    .returning(tasks)
    .add_cte(_TAKEN_PART)
)


def claim_task(
    connection: Connection,
    account_id: AccountId,
    *,
    kinds: Collection[TaskKind],
    lease: timedelta,
    round_id: RoundId | None = None,
    queue: str | None = None,
    skip: Sequence[TaskId] = (),
) -> Task | None:
    """Takes the best task that this person may do, for `lease`; none when there is none.

    The higher priority comes first, then deadlines of less than a day. Beyond that rounds share
    people's time: every hour each person has another order of preference among them. Within a
    round the earlier deadline and the earlier record come first.
    """
    one_claim_at_a_time(connection, account_id)
    best = next_task(connection, account_id, kinds=kinds, round_id=round_id, queue=queue, skip=skip)
    return None if best is None else take(connection, best, account_id, lease)


def next_task(
    connection: Connection,
    account_id: AccountId,
    *,
    kinds: Collection[TaskKind],
    round_id: RoundId | None = None,
    queue: str | None = None,
    skip: Sequence[TaskId] = (),
) -> Task | None:
    """What `claim_task` would take, untaken: until this transaction ends, nobody else takes it."""
    row = connection.execute(
        _best_task(),
        {
            "person": account_id,
            "kinds": [kind.value for kind in kinds],
            "round": round_id,
            "queue": queue,
            "skip": list(skip),
            "cleared": cleared(connection),
        },
    ).one_or_none()
    return None if row is None else task(row)


@cache
def _best_task() -> Select[*tuple[object, ...]]:
    """The first task of each lane that suits the person, one probe of an index each, then the best.

    Ranking looks at what is free, locks nothing and asks nothing of the person; the lanes are then
    gone through in that order until one has a task that is for them and that nobody else is taking
    at this moment. Built once: putting it together takes longer than PostgreSQL needs for it.
    """
    person = bindparam("person", type_=Text)
    wanted = (
        func.unnest(bindparam("kinds", type_=ARRAY(Text)))
        .table_valued(column("kind", Text))
        .render_derived("wanted")
    )
    round_id, queue = bindparam("round", type_=Text), bindparam("queue", type_=Text)
    order = (tasks.c.priority.desc(), tasks.c.deadline, tasks.c.ordinal, tasks.c.task_id)
    first = (
        select(tasks.c.priority, tasks.c.deadline, tasks.c.ordinal)
        .where(
            tasks.c.round_id == lanes.c.round_id,
            tasks.c.lane == lanes.c.lane,
            tasks.c.kind == wanted.c.kind,
            tasks.c.level <= CLEARED,
            free(),
        )
        .order_by(*order)
        .limit(1)
        .lateral("first")
    )
    ranked = (
        select(lanes.c.round_id, lanes.c.lane, wanted.c.kind)
        .select_from(lanes)
        .join(wanted, true())
        .join(first, true())
        .where(
            lanes.c.open,
            suits(person, wanted.c.kind),
            or_(round_id.is_(None), lanes.c.round_id == round_id),
            or_(queue.is_(None), lanes.c.queue == queue),
        )
        .order_by(
            first.c.priority.desc(),
            (first.c.deadline < func.now() + URGENT).desc().nulls_last(),
            _preference(person),
            first.c.deadline,
            first.c.ordinal,
        )
        .cte("ranked")
        .prefix_with("MATERIALIZED")
    )
    best = (
        select(tasks)
        .where(
            tasks.c.round_id == ranked.c.round_id,
            tasks.c.lane == ranked.c.lane,
            tasks.c.kind == ranked.c.kind,
            tasks.c.level <= CLEARED,
            offered(person),
            ~_left_out(),
            ~barred(person),
        )
        .order_by(*order)
        .limit(1)
        .with_for_update(skip_locked=True)
        .lateral("best")
    )
    return select(best).select_from(ranked.join(best, true())).limit(1)


def _left_out() -> ColumnElement[bool]:
    """Whether the caller wants nothing of the task's record now, in whatever slot."""
    named = tasks.alias("named")
    return exists(
        select(1)
        .where(named.c.task_id == any_(bindparam("skip", type_=ARRAY(Text))), same_work(named))
        .correlate(tasks)
    )


def _preference(person: Person) -> ColumnElement[int]:
    hour = cast(func.date_trunc("hour", func.now()), Text)
    return func.hashtextextended(func.concat(person, "/", lanes.c.round_id, "/", hour), 0)


def claim_named(
    connection: Connection, account_id: AccountId, task_id: TaskId, lease: timedelta
) -> Task:
    """Takes this task, or renews the claim on it.

    Raises NotFound, TaskClosed, TaskHeldByAnother, TaskSuspended, DutiesNotSeparate or
    NotQualified.
    """
    one_claim_at_a_time(connection, account_id)
    wanted = locked_task(connection, task_id)
    check_unanswered(wanted)
    if wanted.holder != account_id:
        if wanted.status is TaskStatus.CLAIMED:
            check_lapsed(connection, wanted)
        check_not_suspended(connection, wanted)
        check_suited(connection, account_id, wanted)
    check_part(connection, account_id, wanted)
    return take(connection, wanted, account_id, lease)


def check_not_suspended(connection: Connection, wanted: Task) -> None:
    """Raises TaskSuspended while the task is put off."""
    until = connection.scalar(
        select(tasks.c.suspended_until).where(
            tasks.c.task_id == wanted.task_id, tasks.c.suspended_until > func.now()
        )
    )
    if until is not None:
        raise TaskSuspended(
            f"this task is put off until {until}",
            hint="take the next task, or have a lead resume this one",
            task_id=wanted.task_id,
        )


def check_suited(connection: Connection, account_id: AccountId, wanted: Task) -> None:
    """Raises NotQualified when the task's lane demands what the person does not bring."""
    suited = suits(account_id, wanted.kind).label("suited")
    row = connection.execute(
        select(lanes, suited).where(
            lanes.c.round_id == wanted.round_id, lanes.c.lane == wanted.lane
        )
    ).one()
    if row.suited:
        return
    missing = get_profile(connection, account_id).lacks(lane(row).requirement)
    raise NotQualified(
        "this task needs " + ", ".join(missing)
        if missing
        else "your answers under this label schema are not counted on at the moment",
        hint="an admin can change the profile" if missing else "a lead can say why",
        task_id=wanted.task_id,
    )


def check_part(connection: Connection, account_id: AccountId, wanted: Task) -> None:
    """Raises DutiesNotSeparate when the person has another part in the task's record."""
    here = tasks.c.task_id == wanted.task_id
    if connection.scalar(select(exists().where(here, has_other_part(account_id)))):
        did = "adjudicated" if wanted.kind is TaskKind.REVIEW else "reviewed"
        raise DutiesNotSeparate(
            f"you {did} this record, so its {wanted.kind} is another person's",
            task_id=wanted.task_id,
        )
    if connection.scalar(select(exists().where(here, has_other_slot(account_id)))):
        raise DutiesNotSeparate(
            "you already have a review of this record; the other one is another person's",
            task_id=wanted.task_id,
        )


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
    if is_answered(connection, held):
        raise TaskClosed("an answer to this task is on its way", task_id=task_id)
    give_up(connection, held)


def give_up(connection: Connection, held: Task, *, until: Timestamp | None = None) -> None:
    """Takes a locked task from whoever holds it; nobody is offered it before `until`."""
    connection.execute(
        update(tasks)
        .where(tasks.c.task_id == held.task_id)
        .values(status=TaskStatus.OPEN.value, holder=None, lease_until=None, suspended_until=until)
    )
    forget_participations(connection, [(held.round_id, held.record_id, held.holder)])


def held_tasks(connection: Connection, account_id: AccountId, *, limit: int = 20) -> list[Task]:
    """The tasks that this person holds on a live lease, the most urgent first."""
    asked = {"person": account_id, "limit": limit, "cleared": cleared(connection)}
    rows = connection.execute(_HELD, asked)
    return [task(row) for row in rows]


# -- checks that submissions share ------------------------------------------------------------


def is_answered(connection: Connection, wanted: Task, *, by: AccountId | None = None) -> bool:
    """Whether an answer to the task, of this person or of anybody, stands or is on its way."""
    receipt = standing_receipt().where(review_receipts.c.task_id == wanted.task_id)
    if by is not None:
        receipt = receipt.where(review_receipts.c.account_id == by)
    return bool(connection.scalar(select(exists(receipt))))


def locked_task(connection: Connection, task_id: TaskId) -> Task:
    """The task, which nobody else changes until this transaction ends. Raises NotFound."""
    row = connection.execute(
        select(tasks)
        .where(tasks.c.task_id == task_id, visible(connection, tasks))
        .with_for_update()
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


def one_claim_at_a_time(connection: Connection, account_id: AccountId) -> None:
    """Until the transaction ends, nobody else claims anything for this person."""
    # Two claims of one person at once could each miss the slot that the other is about to take.
    connection.execute(_ONE_AT_A_TIME, {"lock": f"claim/{account_id}"})


def take(connection: Connection, wanted: Task, account_id: AccountId, lease: timedelta) -> Task:
    """Claims a locked task; the constraint on duties is the last word."""
    row = connection.execute(
        _TAKE,
        {
            "round": wanted.round_id,
            "record": wanted.record_id,
            "person": account_id,
            "duty": wanted.kind.value,
            "task": wanted.task_id,
            "lease": lease,
        },
    ).one()
    if wanted.holder is not None and wanted.holder != account_id:
        forget_participations(connection, [(wanted.round_id, wanted.record_id, wanted.holder)])
    return task(row)
