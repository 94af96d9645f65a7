"""What people decide about a task besides answering it, in the terms of WS-HumanTask.

Such a decision is a message like any other: signed, in history, in the ledger, then in the queues.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.accounts import Actor
from domain.canonical import added
from domain.ids import AccountId, RecordId, RoundId, TaskId, Timestamp
from domain.records import Json


class Direction(StrEnum):
    DELEGATE = "delegate"
    """The task is another person's from now on."""
    FORWARD = "forward"
    """The task waits in another queue; what its record demands stays demanded."""
    SUSPEND = "suspend"
    """Nobody is offered the task until a given time."""
    RESUME = "resume"
    SKIP = "skip"
    """This person passes the task by; others are offered it."""
    WITHDRAW = "withdraw"
    """The record is held as it is: no answer is wanted any more."""


DIRECTED = {
    Direction.DELEGATE: "task_delegated",
    Direction.FORWARD: "task_forwarded",
    Direction.SUSPEND: "task_suspended",
    Direction.RESUME: "task_resumed",
    Direction.SKIP: "task_skipped",
    Direction.WITHDRAW: "task_withdrawn",
}
"""What the ledger calls each of them once it is taken."""


@dataclass(frozen=True, kw_only=True)
class TaskDirected:
    """Signal `direct`."""

    request_id: str
    round_id: RoundId
    task_id: TaskId
    record_id: RecordId
    direction: Direction
    reason: str
    actor: Actor
    submitted_at: Timestamp
    to_account: AccountId | None = None
    """With delegate."""
    to_lane: int | None = None
    """With forward: a lane of the round, in which the record's own demands hold too."""
    to_queue: str | None = None
    """With forward: the queue of that lane."""
    until: Timestamp | None = None
    """With suspend."""
    signature: str = ""
    audience: str = added(default="")
    """The workflow and signal that it was signed for: `audience_of`."""

    @property
    def told(self) -> dict[str, Json]:
        """Of which task it is, and to whom, where or until when it goes, as far as it says."""
        return {
            name: value
            for name in ("task_id", "to_account", "to_lane", "to_queue", "until")
            if (value := getattr(self, name)) is not None
        }


@dataclass(frozen=True, kw_only=True)
class DirectedTask:
    """A direction that a shard has taken."""

    message: TaskDirected
    sequence: int
    """Place of the decision in the shard's ledger."""
    decided_at: Timestamp
