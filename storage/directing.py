"""Tasks that people have go another way: handed on, put off, passed by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from sqlalchemy import Connection, exists, func, literal, select, true, update
from sqlalchemy.dialects.postgresql import insert

from domain.accounts import Role
from domain.announcements import assignment, passed_by
from domain.directing import DirectedTask, Direction, TaskDirected
from domain.errors import DutiesNotSeparate, NotQualified
from domain.ids import AccountId, RoundId, Timestamp
from domain.moments import seconds_between
from domain.notices import Notice
from domain.tasks import TaskKind
from storage.accounts import Account
from storage.claims import (
    check_part,
    check_suited,
    give_up,
    is_answered,
    locked_task,
    one_claim_at_a_time,
    take,
)
from storage.documents import plain_text
from storage.lanes import find_lane, may_go_to, suits
from storage.participations import barred, has_other_part, has_other_slot, same_work, skipped_by
from storage.profiles import get_profile
from storage.tables import accounts, lanes, task_directions, task_skips, tasks
from storage.tasks import Task, TaskStatus

DELEGATED_FOR = timedelta(days=1)
"""How long a task stays with whom it was given to, unless its deadline is nearer."""

HELD_BACK = timedelta(minutes=2)
"""A task that is handed on is nobody's until its shard has taken that."""

ROLES = {TaskKind.REVIEW: Role.REVIEWER, TaskKind.ADJUDICATION: Role.ADJUDICATOR}
"""Who may do a task of the kind, as far as roles go."""


def lock_delegates(connection: Connection, directed: Iterable[DirectedTask]) -> None:
    """Lets nobody to whom a task is given claim one meanwhile.

    Before any task is locked, as a claim does it: otherwise the two could wait for each other.
    """
    delegates = {each.message.to_account for each in directed if each.message.to_account}
    for delegate in sorted(delegates):
        one_claim_at_a_time(connection, delegate)


def project_directions(
    connection: Connection, directed: Iterable[DirectedTask], *, round_id: RoundId, shard: int
) -> list[Notice]:
    """Does what was decided about tasks, each decision once; returns what is to be told of it.

    A task that was answered meanwhile stays as it is.
    """
    said: list[Notice] = []
    for each in directed:
        if _note(connection, each, round_id, shard):
            said += _do(connection, each)
    return said


def let_go(connection: Connection, message: TaskDirected, holder: AccountId | None) -> None:
    """Takes the task from its `holder` at once, ahead of the shard that has still to decide.

    One that is handed on is offered to nobody meanwhile. Does nothing once the decision shows.
    """
    wanted = locked_task(connection, message.task_id)
    shown = exists().where(
        task_directions.c.task_id == message.task_id,
        task_directions.c.request_id == message.request_id,
    )
    if wanted.holder != holder or not _waits(connection, wanted):
        return
    if connection.scalar(select(shown)):
        return
    if message.direction is Direction.SKIP:
        _skip(connection, message, message.submitted_at)
        give_up(connection, wanted)
    elif message.direction in {Direction.DELEGATE, Direction.FORWARD, Direction.SUSPEND}:
        give_up(connection, wanted)
        connection.execute(
            update(tasks)
            .where(tasks.c.task_id == message.task_id)
            .values(suspended_until=func.now() + HELD_BACK)
        )


def check_delegate(connection: Connection, wanted: Task, delegate: Account, today: date) -> None:
    """Raises NotQualified or DutiesNotSeparate where the task cannot be given to this person."""
    name, here = delegate.name, tasks.c.task_id == wanted.task_id
    if delegate.disabled_at is not None or ROLES[wanted.kind] not in delegate.roles:
        raise NotQualified(f"{name} is no {ROLES[wanted.kind]}", hint="name another person")
    profile = get_profile(connection, delegate.account_id)
    if (absence := profile.away(today)) is not None:
        raise NotQualified(f"{name} is away until {absence.last}", hint="name another person")
    lane = find_lane(connection, wanted.round_id, wanted.lane)
    if missing := profile.lacks(lane.requirement):
        raise NotQualified(
            f"this task needs {', '.join(missing)}, which {name} does not bring",
            hint="name another person, or have an admin change the profile",
        )
    suited = select(suits(delegate.account_id, wanted.kind)).where(
        lanes.c.round_id == wanted.round_id, lanes.c.lane == wanted.lane
    )
    if not connection.scalar(suited):
        raise NotQualified(
            f"{name}'s answers under this label schema are not counted on at the moment",
            hint="name another person, or change the standing",
        )
    if connection.scalar(select(exists().where(here, has_other_part(delegate.account_id)))):
        did = "adjudicated" if wanted.kind is TaskKind.REVIEW else "reviewed"
        raise DutiesNotSeparate(f"{name} {did} this record, so its {wanted.kind} is another's")
    if connection.scalar(select(exists().where(here, has_other_slot(delegate.account_id)))):
        raise DutiesNotSeparate(f"{name} already has a review of this record")


def _note(connection: Connection, each: DirectedTask, round_id: RoundId, shard: int) -> bool:
    """Whether the decision is a new one."""
    message = each.message
    noted = connection.scalar(
        insert(task_directions)
        .values(
            round_id=round_id,
            shard=shard,
            sequence=each.sequence,
            request_id=plain_text(message.request_id),
            task_id=message.task_id,
            record_id=message.record_id,
            direction=message.direction.value,
            account_id=message.actor.account_id,
            reason=plain_text(message.reason),
            to_account=message.to_account,
            to_lane=message.to_lane,
            until=message.until,
            decided_at=each.decided_at,
        )
        .on_conflict_do_nothing(index_elements=["round_id", "shard", "sequence"])
        .returning(task_directions.c.sequence)
    )
    return noted is not None


def _do(connection: Connection, each: DirectedTask) -> list[Notice]:
    message = each.message
    wanted = locked_task(connection, message.task_id)
    waits = _waits(connection, wanted)
    match message.direction:
        case Direction.DELEGATE if waits:
            return _delegate(connection, each, wanted)
        case Direction.FORWARD:
            _forward(connection, message, wanted, waits=waits)
        case Direction.SUSPEND if waits:
            give_up(connection, wanted, until=message.until)
        case Direction.RESUME if waits:
            _resume(connection, wanted)
        case Direction.SKIP:
            _skip(connection, message, each.decided_at)
            if waits and wanted.holder == message.actor.account_id:
                give_up(connection, wanted)
            return _passed_by(connection, each, wanted)
    return []


def _waits(connection: Connection, wanted: Task) -> bool:
    """Whether nobody has answered the task, and its holder has no answer on the way."""
    waiting = wanted.status in {TaskStatus.OPEN, TaskStatus.CLAIMED}
    held = wanted.holder is not None
    return waiting and not (held and is_answered(connection, wanted, by=wanted.holder))


def _delegate(connection: Connection, each: DirectedTask, wanted: Task) -> list[Notice]:
    """Claims the task for the delegate; for everybody where they may not have it any more."""
    delegate, deadline = each.message.to_account, wanted.deadline
    if delegate is None:
        return []
    try:
        check_suited(connection, delegate, wanted)
        check_part(connection, delegate, wanted)
    except (NotQualified, DutiesNotSeparate):
        give_up(connection, wanted)
        return []
    left = DELEGATED_FOR
    if deadline is not None:
        left = min(left, timedelta(seconds=max(seconds_between(each.decided_at, deadline), 0.0)))
    take(connection, wanted, delegate, left)
    return [assignment(each)]


def _forward(connection: Connection, message: TaskDirected, wanted: Task, *, waits: bool) -> None:
    """A lane that demands less than the record's own is no way for it, whoever says so."""
    if message.to_lane is None or not may_go_to(
        connection, wanted.round_id, wanted.record_id, message.to_lane
    ):
        return
    connection.execute(
        update(tasks).where(tasks.c.task_id == wanted.task_id).values(lane=message.to_lane)
    )
    if waits:
        give_up(connection, wanted)


def _resume(connection: Connection, wanted: Task) -> None:
    connection.execute(
        update(tasks).where(tasks.c.task_id == wanted.task_id).values(suspended_until=None)
    )


def _skip(connection: Connection, message: TaskDirected, at: Timestamp) -> None:
    connection.execute(
        insert(task_skips)
        .values(
            task_id=message.task_id,
            account_id=message.actor.account_id,
            reason=plain_text(message.reason),
            skipped_at=at,
        )
        .on_conflict_do_nothing(index_elements=["task_id", "account_id"])
    )


def _passed_by(connection: Connection, each: DirectedTask, wanted: Task) -> list[Notice]:
    """What the leads are told once nobody is left who may do the task and has not skipped it."""
    person = accounts.c.account_id
    here = tasks.c.task_id == wanted.task_id
    in_lane = (lanes.c.round_id == tasks.c.round_id) & (lanes.c.lane == tasks.c.lane)
    left = (
        select(1)
        .select_from(tasks.join(lanes, in_lane).join(accounts, true()))
        .where(
            here,
            accounts.c.disabled_at.is_(None),
            literal(ROLES[wanted.kind].value) == func.any(accounts.c.roles),
            suits(person, wanted.kind),
            ~barred(person),
            ~skipped_by(person),
        )
    )
    if connection.scalar(select(exists(left))):
        return []
    passed = tasks.alias("passed")
    reasons = connection.scalars(
        select(task_skips.c.reason)
        .select_from(tasks.join(passed, same_work(passed)))
        .join(task_skips, task_skips.c.task_id == passed.c.task_id)
        .where(here)
        .order_by(task_skips.c.skipped_at)
    ).all()
    return [passed_by(each, reasons)]
