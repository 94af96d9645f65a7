"""What the read model has yet to be shown, and only that: what was done and undone since is not.

Its order is that of a `Projection`: what is closed and opened again, concluded and withdrawn,
between two of them comes to what stands at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from domain.directing import DirectedTask
from domain.gold import GoldJudged
from domain.ids import RecordId, ReviewId, RoundId, TaskId, Timestamp
from domain.notices import Notice
from domain.outcomes import Outcome
from domain.tasks import (
    MovedDeadline,
    ProjectedReview,
    Projection,
    Retraction,
    ReviewStatus,
    TaskClosing,
    TaskOpening,
    Urgency,
)

Value = TypeVar("Value", Timestamp, int)


@dataclass
class Changes:
    _opened: dict[TaskId, TaskOpening] = field(default_factory=dict)
    _closed: dict[TaskId, TaskClosing] = field(default_factory=dict)
    _reviews: dict[ReviewId, ProjectedReview] = field(default_factory=dict)
    _retracted: dict[ReviewId, Retraction] = field(default_factory=dict)
    _outcomes: dict[RecordId, Outcome] = field(default_factory=dict)
    _withdrawn: dict[RecordId, None] = field(default_factory=dict)
    _deadlines: dict[RecordId, Timestamp] = field(default_factory=dict)
    _urgencies: dict[RecordId, int] = field(default_factory=dict)
    _judged: dict[ReviewId, GoldJudged] = field(default_factory=dict)
    _directed: list[DirectedTask] = field(default_factory=list)
    _notices: list[Notice] = field(default_factory=list)

    def open(self, openings: Iterable[TaskOpening]) -> None:
        for opening in openings:
            if self._closed.pop(opening.task_id, None) is None:
                self._opened[opening.task_id] = opening

    def close(self, tasks: Iterable[TaskId], *, reason: str) -> None:
        for task in tasks:
            if self._opened.pop(task, None) is None:
                self._closed[task] = TaskClosing(task_id=task, reason=reason)

    def review(self, review: ProjectedReview) -> None:
        self._reviews[review.message.review_id] = review

    def judge(self, judged: GoldJudged) -> None:
        self._judged[judged.review_id] = judged

    def retract(self, review_id: ReviewId, status: ReviewStatus) -> None:
        self._judged.pop(review_id, None)
        shown = self._reviews.get(review_id)
        if shown is None:
            self._retracted[review_id] = Retraction(review_id=review_id, status=status)
        else:
            self._reviews[review_id] = replace(shown, status=status)

    def conclude(self, outcome: Outcome) -> None:
        self._withdrawn.pop(outcome.record_id, None)
        self._outcomes[outcome.record_id] = outcome

    def withdraw(self, record_id: RecordId) -> None:
        self._outcomes.pop(record_id, None)
        self._withdrawn[record_id] = None

    def move_deadline(self, record_id: RecordId, deadline: Timestamp) -> None:
        self._deadlines[record_id] = deadline

    def hurry(self, record_id: RecordId, urgency: int) -> None:
        self._urgencies[record_id] = urgency

    def direct(self, directed: DirectedTask) -> None:
        self._directed.append(directed)

    def tell(self, notice: Notice) -> None:
        self._notices.append(notice)

    def projection(self, *, round_id: RoundId, shard: int, look: int, at: Timestamp) -> Projection:
        return Projection(
            round_id=round_id,
            shard=shard,
            look=look,
            at=at,
            opened=tuple(self._opened.values()),
            closed=tuple(self._closed.values()),
            reviews=tuple(self._reviews.values()),
            retracted=tuple(self._retracted.values()),
            outcomes=tuple(self._outcomes.values()),
            withdrawn=tuple(self._withdrawn),
            deadlines=tuple(
                MovedDeadline(deadline=deadline, records=records)
                for deadline, records in _by_value(self._deadlines)
            ),
            urgencies=tuple(
                Urgency(urgency=urgency, records=records)
                for urgency, records in _by_value(self._urgencies)
            ),
            judged=tuple(self._judged.values()),
            directed=tuple(self._directed),
            notices=tuple(self._notices),
        )


def _by_value(values: dict[RecordId, Value]) -> Iterable[tuple[Value, tuple[RecordId, ...]]]:
    records: dict[Value, list[RecordId]] = {}
    for record_id, value in values.items():
        records.setdefault(value, []).append(record_id)
    return [(value, tuple(each)) for value, each in sorted(records.items())]
