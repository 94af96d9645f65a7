"""Tasks, and the changes that a shard asks the read model to make."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.ids import RecordId, RoundId, TaskId, Timestamp
from domain.notices import Notice
from domain.outcomes import Outcome
from domain.reviews import Submission


class TaskKind(StrEnum):
    REVIEW = "review"
    ADJUDICATION = "adjudication"


class ReviewStatus(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class TaskOpening:
    task_id: TaskId
    record_id: RecordId
    ordinal: int
    kind: TaskKind
    slot: int
    lane: int = 0


@dataclass(frozen=True, kw_only=True)
class TaskClosing:
    task_id: TaskId
    reason: str


@dataclass(frozen=True, kw_only=True)
class ProjectedReview:
    """A submission and what the shard made of it."""

    message: Submission
    kind: TaskKind
    status: ReviewStatus
    refusal: str
    sequence: int
    """Place of the decision in the shard's ledger."""
    decided_at: Timestamp
    look: int


@dataclass(frozen=True, kw_only=True)
class Projection:
    round_id: RoundId
    shard: int
    at: Timestamp
    deadline: Timestamp
    opened: tuple[TaskOpening, ...] = ()
    closed: tuple[TaskClosing, ...] = ()
    reviews: tuple[ProjectedReview, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    deadline_moved: bool = False
    notices: tuple[Notice, ...] = ()

    @property
    def empty(self) -> bool:
        changes = (
            self.opened,
            self.closed,
            self.reviews,
            self.outcomes,
            self.deadline_moved,
            self.notices,
        )
        return not any(changes)
