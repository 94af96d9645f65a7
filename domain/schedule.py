"""When a shard has to act of itself: reminders, escalations and deadlines of its records.

Each is counted, record by record, so that it happens once at the most, however late it is noticed
and however often a run hands over to the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from domain.ids import Timestamp
from domain.moments import later, seconds_between
from domain.progress import RecordProgress
from domain.reviewing import Escalation, ReviewRules


@dataclass(frozen=True, kw_only=True)
class Step:
    """One time that an escalation is due."""

    seconds: float
    """From the opening of the shard."""
    escalation: Escalation


class Schedule:
    """The moments of one shard, by the rules of its round."""

    def __init__(self, rules: ReviewRules, opened_at: Timestamp) -> None:
        self.shares = rules.remind_at
        self.steps = sorted(_steps(rules.escalations), key=lambda step: step.seconds)
        self._opened_at = opened_at

    def next_due(self, unsettled: Iterable[RecordProgress]) -> Timestamp | None:
        """The first moment at which something is due for one of them."""
        # Most records of a shard stand alike: their moments are worked out once.
        alike = {(each.deadline, each.reminded, each.escalated): each for each in unsettled}
        return min(map(self._next_of, alike.values()), default=None)

    def reminders_due(self, progress: RecordProgress, at: Timestamp) -> int:
        """How many of the shares have passed, those of earlier reminders included."""
        passed = sum(self._reminder(progress, share) <= at for share in self.shares)
        # A deadline that was moved can make a reminder that was sent lie ahead again.
        return max(passed, progress.reminded)

    def steps_due(self, at: Timestamp) -> int:
        """How many steps of the escalation chains are due by now, those taken included."""
        waited = seconds_between(self._opened_at, at)
        return sum(step.seconds <= waited for step in self.steps)

    def urgency(self, escalated: int) -> int:
        """What so many steps have added to a task's priority."""
        return sum(step.escalation.raises for step in self.steps[:escalated])

    def _next_of(self, progress: RecordProgress) -> Timestamp:
        moments = [progress.deadline]
        moments += [self._reminder(progress, share) for share in self.shares[progress.reminded :]]
        moments += [
            later(self._opened_at, step.seconds) for step in self.steps[progress.escalated :]
        ]
        return min(moments)

    def _reminder(self, progress: RecordProgress, share: float) -> Timestamp:
        return later(self._opened_at, share * seconds_between(self._opened_at, progress.deadline))


def _steps(escalations: Iterable[Escalation]) -> Iterable[Step]:
    for escalation in escalations:
        for time in range(escalation.times):
            hours = escalation.after_hours + time * (escalation.every_hours or 0.0)
            yield Step(seconds=3600.0 * hours, escalation=escalation)
