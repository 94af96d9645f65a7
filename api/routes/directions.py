"""What people decide about a task besides answering it, in the terms of WS-HumanTask."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from api.authentication import Caller, allowing
from api.directing import direct
from api.schemas.body import After, Limit, Page
from api.schemas.directions import (
    DelegationBody,
    Directed,
    DirectionBody,
    ForwardingBody,
    SuspensionBody,
    WaitingTaskView,
)
from api.state import Parts
from domain.accounts import Permission
from domain.directing import Direction
from domain.ids import RoundId, TaskId
from storage import rounds, waiting

router = APIRouter(prefix="/api/v1", tags=["tasks"])

Lead = Annotated[Caller, Depends(allowing(Permission.START_ROUND))]
Concerned = Annotated[
    Caller,
    Depends(allowing(Permission.REVIEW, Permission.ADJUDICATE, Permission.START_ROUND)),
]


@router.get("/rounds/{round_id}/tasks", summary="The tasks that wait, and who holds them")
async def list_tasks(
    round_id: str, caller: Lead, parts: Parts, after: After = None, limit: Limit = 100
) -> Page[WaitingTaskView]:
    """In the order of the batch."""
    del caller

    def read(connection: Connection) -> Page[WaitingTaskView]:
        known = rounds.get_round(connection, RoundId(round_id)).round_id
        found = waiting.waiting_tasks(
            connection, known, after=None if after is None else TaskId(after), limit=limit + 1
        )
        return Page(
            items=[WaitingTaskView.of(each) for each in found[:limit]],
            next=found[limit - 1].task_id if len(found) > limit else None,
        )

    return await parts.in_transaction(read)


@router.post("/tasks/{task_id}/delegation", status_code=202, summary="Give a task to a person")
async def delegate(task_id: str, body: DelegationBody, caller: Concerned, parts: Parts) -> Directed:
    """They hold it for a day, or until its deadline, and are told. They must be able to claim it
    themselves: qualified, there, and with no other part in the record."""
    return await direct(parts, caller, TaskId(task_id), Direction.DELEGATE, body)


@router.post("/tasks/{task_id}/forwarding", status_code=202, summary="Send a task to another queue")
async def forward(task_id: str, body: ForwardingBody, caller: Concerned, parts: Parts) -> Directed:
    """What the record demands of people is demanded there too, besides what the queue demands."""
    return await direct(parts, caller, TaskId(task_id), Direction.FORWARD, body)


@router.post("/tasks/{task_id}/suspension", status_code=202, summary="Put a task off")
async def suspend(task_id: str, body: SuspensionBody, caller: Concerned, parts: Parts) -> Directed:
    """Nobody is offered it until then. Its deadline stays."""
    return await direct(parts, caller, TaskId(task_id), Direction.SUSPEND, body)


@router.post("/tasks/{task_id}/resumption", status_code=202, summary="Have a task go on")
async def resume(task_id: str, body: DirectionBody, caller: Concerned, parts: Parts) -> Directed:
    return await direct(parts, caller, TaskId(task_id), Direction.RESUME, body)


@router.post("/tasks/{task_id}/skip", status_code=202, summary="Pass a task by")
async def skip(task_id: str, body: DirectionBody, caller: Concerned, parts: Parts) -> Directed:
    """You are not offered its record again, in whatever slot; others are. Those who run the round
    hear of it once everybody who may do the task has skipped it."""
    return await direct(parts, caller, TaskId(task_id), Direction.SKIP, body)


@router.post("/tasks/{task_id}/withdrawal", status_code=202, summary="Want no answer any more")
async def withdraw(task_id: str, body: DirectionBody, caller: Concerned, parts: Parts) -> Directed:
    """The record of the task is held, without a label, and its other open tasks are closed too."""
    return await direct(parts, caller, TaskId(task_id), Direction.WITHDRAW, body)
