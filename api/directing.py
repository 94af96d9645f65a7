"""How a decision about a task becomes durable: checked, written down, signalled, and acted upon.

Whoever holds the task may hand it on or pass it by; whoever runs rounds may do that with any task,
and have one wait, go on or be withdrawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from api.authentication import Caller
from api.idempotency import Write, once
from api.schemas.directions import (
    DelegationBody,
    Directed,
    DirectionBody,
    ForwardingBody,
    SuspensionBody,
)
from api.state import State, now
from api.submitting import PERMISSIONS
from api.temporal import WorkflowEnded
from domain.accounts import Permission
from domain.directing import Direction, TaskDirected
from domain.errors import InvalidInput, NotAllowed, NotFound, TaskClosed
from domain.ids import AccountId, TaskId, Timestamp
from domain.routing import GENERAL
from storage import accounts, claims, directing, lanes, tasks
from storage.plans import plan_of
from storage.tables.columns import timestamp
from storage.tasks import Task

_OF_LEADS = {Direction.RESUME, Direction.WITHDRAW}
_SPOKEN = {
    Direction.RESUME: "have a suspended task go on",
    Direction.WITHDRAW: "withdraw a task",
}


@dataclass(frozen=True, kw_only=True)
class _Begun:
    """What was written down, about which task, and whether that is now."""

    directed: Directed
    task: Task
    first: bool


async def direct(
    parts: State, caller: Caller, task_id: TaskId, direction: Direction, body: DirectionBody
) -> Directed:
    """Has the task go another way, once for each request id.

    Raises NotFound, NotAllowed, NotTheHolder, TaskHeldByAnother, TaskClosed, NotQualified,
    DutiesNotSeparate, InvalidInput, IdempotencyConflict, TemporalUnavailable, DatabaseUnavailable.
    """
    begun = await parts.in_transaction(
        lambda connection: _begin(connection, caller, task_id, direction, body)
    )
    directed, task = begun.directed, begun.task
    message = TaskDirected(
        request_id=directed.request_id,
        round_id=task.round_id,
        task_id=task_id,
        record_id=task.record_id,
        direction=direction,
        reason=body.reason,
        actor=caller.actor,
        submitted_at=directed.received_at,
        to_account=directed.to_account,
        to_lane=directed.to_lane,
        to_queue=directed.to_queue,
        until=directed.until,
    )
    try:
        await parts.temporal.direct(task.round_id, task.shard, message)
    except WorkflowEnded as error:
        if begun.first:
            raise TaskClosed(
                "reviewing has ended, so this task waits for nobody", task_id=task_id
            ) from error
    if begun.first:
        await parts.in_transaction(
            lambda connection: directing.let_go(connection, message, task.holder)
        )
    return directed


def _begin(
    connection: Connection,
    caller: Caller,
    task_id: TaskId,
    direction: Direction,
    body: DirectionBody,
) -> _Begun:
    task = _known(connection, caller, task_id)
    first = False

    def make() -> Directed:
        nonlocal first, task
        first = True
        task = claims.locked_task(connection, task_id)
        _check_allowed(connection, caller, task, direction)
        directed = Directed(
            task_id=task_id,
            round_id=task.round_id,
            direction=direction,
            # Of two tasks of a shard that share a request id neither is the other's repetition.
            request_id=f"{direction}/{task_id}/{body.request_id}",
            received_at=now(),
        )
        return _with_destination(connection, directed, task, body)

    write = Write(
        caller=caller,
        route=f"tasks/{task_id}/{direction}",
        key=str(body.request_id),
        body=body,
    )
    directed = once(connection, write, Directed, make)
    return _Begun(directed=directed, task=task, first=first)


def _known(connection: Connection, caller: Caller, task_id: TaskId) -> Task:
    """Raises NotFound for a task that the caller neither does nor runs."""
    task = tasks.find_task(connection, task_id)
    if not (caller.may(Permission.START_ROUND) or caller.may(PERMISSIONS[task.kind])):
        raise NotFound("no such task", task_id=task_id)
    return task


def _check_allowed(
    connection: Connection, caller: Caller, task: Task, direction: Direction
) -> None:
    """Raises NotAllowed, NotTheHolder, TaskHeldByAnother or TaskClosed."""
    leads = caller.may(Permission.START_ROUND)
    if direction in _OF_LEADS and not leads:
        raise NotAllowed(
            f"only who runs rounds may {_SPOKEN[direction]}",
            hint="tell a lead; a task that you hold you may skip, delegate or forward",
        )
    claims.check_unanswered(task)
    if direction is Direction.SKIP or not leads:
        claims.check_holder(task, caller.account_id)
    if task.holder is not None and claims.is_answered(connection, task, by=task.holder):
        raise TaskClosed("an answer to this task is on its way", task_id=task.task_id)


def _with_destination(
    connection: Connection, directed: Directed, task: Task, body: DirectionBody
) -> Directed:
    """With the person, the lane or the time that the body names, if the task can go there."""
    match body:
        case DelegationBody():
            return replace(directed, to_account=_delegate(connection, task, body.to_account))
        case ForwardingBody():
            lane = _lane(connection, task, body.to_queue)
            return replace(directed, to_queue=body.to_queue, to_lane=lane)
        case SuspensionBody():
            return replace(directed, until=_until(task, timestamp(body.until)))
        case _:
            return directed


def _delegate(connection: Connection, task: Task, named: str) -> AccountId:
    delegate = accounts.find_account(connection, named)
    if delegate.account_id == task.holder:
        raise InvalidInput(f"{delegate.name} holds the task already", hint="name another person")
    directing.check_delegate(connection, task, delegate, datetime.now(UTC).date())
    return delegate.account_id


def _lane(connection: Connection, task: Task, queue: str) -> int:
    routing = plan_of(connection, task.round_id).routing
    there = {each.queue for each in lanes.list_lanes(connection, task.round_id)}
    queues = {GENERAL, *there, *(each.name for each in routing.queues)}
    if queue not in queues:
        raise InvalidInput(
            f"this round has no queue “{queue}”",
            hint="its queues are " + ", ".join(sorted(queues)),
        )
    own = lanes.own_lane(connection, task.round_id, task.record_id)
    lane = lanes.lane_in_queue(connection, task.round_id, own, routing.queue(queue))
    if lane.number == task.lane:
        raise InvalidInput(f"the task waits in “{queue}” already", hint="name another queue")
    return lane.number


def _until(task: Task, until: Timestamp) -> Timestamp:
    if until <= now():
        raise InvalidInput("a task is suspended until a time that is still to come")
    if task.deadline is not None and until >= task.deadline:
        raise InvalidInput(
            f"the task is due at {task.deadline}, before it would come back",
            hint="name an earlier time, or give the round more time first",
        )
    return until
