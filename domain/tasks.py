"""Tasks, and the changes that a shard asks the read model to make."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.directing import DirectedTask
from domain.gold import GoldJudged
from domain.ids import RecordId, ReviewId, RoundId, TaskId, Timestamp
from domain.notices import Notice
from domain.outcomes import Outcome
from domain.reviews import Submission


class TaskKind(StrEnum):
    REVIEW = "review"
    ADJUDICATION = "adjudication"


class ReviewStatus(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNDONE = "undone"
    """Its author took it back."""
    CORRECTED = "corrected"
    """A later review of its author has taken its place."""


RETRACTED = frozenset({ReviewStatus.UNDONE, ReviewStatus.CORRECTED})
"""Of reviews that were accepted and do not stand any more."""


@dataclass(frozen=True, kw_only=True)
class TaskOpening:
    task_id: TaskId
    record_id: RecordId
    ordinal: int
    kind: TaskKind
    slot: int
    lane: int = 0
    deadline: Timestamp | None = None
    urgency: int = 0
    """What escalations have added to the priority that its lane gives it."""


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
class Retraction:
    """A review that was accepted before and does not stand any more."""

    review_id: ReviewId
    status: ReviewStatus
    """Undone, so that its author holds the task again, or corrected."""


@dataclass(frozen=True, kw_only=True)
class MovedDeadline:
    deadline: Timestamp
    records: tuple[RecordId, ...]


@dataclass(frozen=True, kw_only=True)
class Urgency:
    """What escalations have added, by now, to the priority of the records' tasks."""

    urgency: int
    records: tuple[RecordId, ...]


@dataclass(frozen=True, kw_only=True)
class Projection:
    """What a shard has decided since the projection before, for queues and read model."""

    round_id: RoundId
    shard: int
    look: int
    at: Timestamp
    opened: tuple[TaskOpening, ...] = ()
    """A task that was closed may be opened again."""
    closed: tuple[TaskClosing, ...] = ()
    reviews: tuple[ProjectedReview, ...] = ()
    retracted: tuple[Retraction, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    withdrawn: tuple[RecordId, ...] = ()
    """Records whose outcome does not hold any more."""
    deadlines: tuple[MovedDeadline, ...] = ()
    urgencies: tuple[Urgency, ...] = ()
    judged: tuple[GoldJudged, ...] = ()
    directed: tuple[DirectedTask, ...] = ()
    notices: tuple[Notice, ...] = ()

    @property
    def empty(self) -> bool:
        changes = (
            self.opened,
            self.closed,
            self.reviews,
            self.retracted,
            self.outcomes,
            self.withdrawn,
            self.deadlines,
            self.urgencies,
            self.judged,
            self.directed,
            self.notices,
        )
        return not any(changes)
