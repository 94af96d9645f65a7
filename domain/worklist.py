"""Where each record of a shard stands, and which tasks are open for it because of that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from domain.admission import tasks_of, undo_until
from domain.ids import RecordId, TaskId, Timestamp
from domain.minutes import Minutes
from domain.outcomes import How, Outcome
from domain.progress import Given, RecordProgress, ShardRules
from domain.reviews import Verdict
from domain.schedule import Schedule
from domain.tasks import TaskKind, TaskOpening
from domain.weighing import Conclusion, Need, side_with, weigh, weigh_gold


class Worklist:
    """The records of a shard. What changes here is in the minutes."""

    def __init__(
        self,
        rules: ShardRules,
        progress: Iterable[RecordProgress],
        minutes: Minutes,
        schedule: Schedule,
    ) -> None:
        self._rules = rules
        self._minutes = minutes
        self._schedule = schedule
        self._progress = {each.record.record_id: each for each in progress}

    # -- where they stand -----------------------------------------------------------------

    def get(self, record_id: RecordId) -> RecordProgress | None:
        return self._progress.get(record_id)

    @property
    def all(self) -> tuple[RecordProgress, ...]:
        return tuple(self._progress.values())

    @property
    def unsettled(self) -> list[RecordProgress]:
        return [each for each in self._progress.values() if each.outcome is None]

    @property
    def outcomes(self) -> list[Outcome]:
        return [each.outcome for each in self._progress.values() if each.outcome is not None]

    @property
    def given(self) -> list[tuple[RecordId, Given]]:
        return [
            (record, given) for record, each in self._progress.items() for given in each.reviews
        ]

    @property
    def undo_until(self) -> Timestamp | None:
        """Until when something that settled a record may be taken back."""
        moments = (undo_until(each, self._rules) for each in self._progress.values())
        return max((moment for moment in moments if moment is not None), default=None)

    # -- how they get on ------------------------------------------------------------------

    def keep(self, progress: RecordProgress) -> None:
        self._progress[progress.record.record_id] = progress

    def weigh(self, progress: RecordProgress, at: Timestamp) -> None:
        """Brings tasks and outcome of the record to what its answers come to now.

        What an adjudicator has settled stands, whatever its reviewers say afterwards.
        """
        if progress.adjudication is not None and progress.outcome is not None:
            self.keep(progress)
            return
        match self._weighed(progress):
            case Conclusion() as conclusion:
                self._conclude(progress, conclusion, at)
            case Need() as need:
                self._ask(progress, need, at)

    def _weighed(self, progress: RecordProgress) -> Conclusion | Need:
        wanted = self._rules.wanted(progress.record)
        if progress.record.expected is not None:
            return weigh_gold(progress.reviews, wanted=wanted)
        if progress.adjudication is not None:
            return side_with(progress.reviews, progress.adjudication.verdict)
        return weigh(progress.reviews, wanted=wanted, rules=self._rules.reviewing)

    def hold(self, unsettled: Iterable[RecordProgress], how: How, at: Timestamp) -> None:
        """Ends these records without a label; never labels one silently.

        One whose answer is known is no part of the dataset, not even as held.
        """
        for progress in unsettled:
            ending = how if progress.record.expected is None else How.GOLD
            self._settle(progress, _outcome(progress, self._rules.look, how=ending), at)

    def withdraw(self, *, reason: str) -> None:
        """Closes every open task and concludes nothing."""
        for progress in self.all:
            self._minutes.close_tasks(progress.open_tasks, reason=reason)
            self.keep(replace(progress, open_tasks=()))

    def _conclude(self, progress: RecordProgress, conclusion: Conclusion, at: Timestamp) -> None:
        outcome = _outcome(
            progress,
            self._rules.look,
            how=conclusion.how,
            verdict=conclusion.verdict,
            label_confidence=conclusion.label_confidence,
        )
        if outcome == progress.outcome:
            self.keep(progress)
        else:
            self._settle(progress, outcome, at)

    def _settle(self, progress: RecordProgress, outcome: Outcome, at: Timestamp) -> None:
        self._minutes.close_tasks(progress.open_tasks, reason=_REASONS.get(outcome.how, "settled"))
        self._minutes.concluded(outcome, at)
        self.keep(replace(progress, open_tasks=(), outcome=outcome))

    def _ask(self, progress: RecordProgress, need: Need, at: Timestamp) -> None:
        """Opens the tasks that are needed and closes those that are not any more."""
        if progress.outcome is not None:
            self._minutes.outcome_withdrawn(progress.outcome, at)
        answered = {given.slot_task for given in progress.reviews}
        slots = tasks_of(progress, TaskKind.REVIEW, self._rules)
        wanted = [task for task in slots if task not in answered][: need.reviews]
        if need.adjudication:
            wanted += tasks_of(progress, TaskKind.ADJUDICATION, self._rules)
        opened = [
            self._opening(progress, task) for task in wanted if task not in progress.open_tasks
        ]
        unwanted = [task for task in progress.open_tasks if task not in wanted]
        self._minutes.open_tasks(opened)
        self._minutes.close_tasks(unwanted, reason="no answer is needed any more")
        self._explain(progress, need, opened, unwanted, at)
        self.keep(replace(progress, open_tasks=tuple(wanted), outcome=None))

    def _explain(
        self,
        progress: RecordProgress,
        need: Need,
        opened: Iterable[TaskOpening],
        unwanted: Iterable[TaskId],
        at: Timestamp,
    ) -> None:
        """Writes down what is asked beyond the reviews that every record gets."""
        for opening in opened:
            if opening.kind is TaskKind.ADJUDICATION:
                answers = Counter(given.verdict.answer for given in progress.reviews)
                self._minutes.adjudication_opened(opening, answers, at, why=need.adjudication)
            elif opening.slot >= self._rules.wanted(progress.record):
                self._minutes.extra_review_opened(opening, at)
        adjudications = tasks_of(progress, TaskKind.ADJUDICATION, self._rules)
        if any(task in adjudications for task in unwanted):
            self._minutes.adjudication_withdrawn(progress, at)

    def _opening(self, progress: RecordProgress, task: TaskId) -> TaskOpening:
        slots = tasks_of(progress, TaskKind.REVIEW, self._rules)
        reviewed = task in slots
        return TaskOpening(
            task_id=task,
            record_id=progress.record.record_id,
            ordinal=progress.record.ordinal,
            kind=TaskKind.REVIEW if reviewed else TaskKind.ADJUDICATION,
            slot=slots.index(task) if reviewed else 0,
            lane=progress.record.lane,
            deadline=progress.deadline,
            urgency=self._schedule.urgency(progress.escalated),
        )


_REASONS = {
    How.DEADLINE: "deadline",
    How.CLOSED_EARLY: "reviewing was closed",
    How.WITHDRAWN: "withdrawn",
}
"""Why the open tasks of a record are closed with it."""


def _outcome(
    progress: RecordProgress,
    look: int,
    *,
    how: How,
    verdict: Verdict | None = None,
    label_confidence: float | None = None,
) -> Outcome:
    return Outcome(
        record_id=progress.record.record_id,
        verdict=verdict,
        how=how,
        label_confidence=label_confidence,
        reviews=len(progress.reviews),
        look=look,
    )
