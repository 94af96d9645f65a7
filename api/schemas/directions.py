"""What people send about a task besides an answer to it, and what they get back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import UUID4, AfterValidator, AwareDatetime, ConfigDict, Field

from api.schemas.body import Body, Name, Reason
from domain.directing import Direction
from domain.ids import AccountId, RecordId, RoundId, TaskId, Timestamp
from domain.tasks import TaskKind
from storage.tasks import TaskStatus
from storage.waiting import WaitingTask

_ID = "0b9f8a1e-3c55-4f0b-9d1c-6a0c5f4e2d10"


def _said(reason: str) -> str:
    if not reason.strip():
        raise ValueError("say why: the reason goes into the ledger")
    return reason


class DirectionBody(Body):
    """Of resuming, skipping and withdrawing: nothing but why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"request_id": _ID, "reason": "I know the person who wrote it"}]
        }
    )

    request_id: UUID4
    """Made by the client. Sent again with the same body, it has one effect."""
    reason: Annotated[Reason, Field(min_length=1), AfterValidator(_said)]


class DelegationBody(DirectionBody):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"request_id": _ID, "to_account": "Ann", "reason": "she wrote the manual"}]
        }
    )

    to_account: str = Field(max_length=100)
    """Id or name of the account that the task is given to."""


class ForwardingBody(DirectionBody):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"request_id": _ID, "to_queue": "experts", "reason": "a legal question"}]
        }
    )

    to_queue: Name
    """A queue of the round's routing, or `general`."""


class SuspensionBody(DirectionBody):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "request_id": _ID,
                    "until": "2026-03-02T08:00:00Z",
                    "reason": "the supplier answers on Monday",
                }
            ]
        }
    )

    until: AwareDatetime
    """Later than now, and before the task's deadline."""


@dataclass(frozen=True, kw_only=True)
class Directed:
    """Temporal has the decision; the shard takes it, or writes down why not."""

    task_id: TaskId
    round_id: RoundId
    direction: Direction
    request_id: str
    received_at: Timestamp
    to_account: AccountId | None = None
    to_lane: int | None = None
    to_queue: str | None = None
    until: Timestamp | None = None


@dataclass(frozen=True, kw_only=True)
class WaitingTaskView:
    """A task that nobody has answered yet."""

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

    @classmethod
    def of(cls, task: WaitingTask) -> WaitingTaskView:
        return cls(
            task_id=task.task_id,
            record_id=task.record_id,
            kind=task.kind,
            status=task.status,
            queue=task.queue,
            priority=task.priority,
            deadline=task.deadline,
            holder=task.holder,
            holder_name=task.holder_name,
            lease_until=task.lease_until,
            suspended_until=task.suspended_until,
            skips=task.skips,
        )
