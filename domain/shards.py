"""The rules of a shard: what each record needs next, decided from what people have said so far.

A `Shard` is fed messages and the passing of the deadline, in order, with workflow time. It answers
with decisions (in its ledger) and with changes for the read model (`drain`). It does no I/O and
reads no clock, so that the same messages give the same outcomes wherever they are replayed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from domain.accounts import check_adjudicator
from domain.errors import LabelwrightError
from domain.ids import RecordId, TaskId, Timestamp, adjudication_task_id, review_task_id
from domain.ledger import Ledger
from domain.messages import malformed
from domain.minutes import Minutes
from domain.outcomes import How, Outcome
from domain.progress import Given, RecordProgress, ShardRules, ShardState
from domain.reviews import (
    DeadlineExtended,
    Submission,
    Verdict,
    VerdictKind,
    check_submission,
    check_verdict,
)
from domain.tasks import Projection, TaskKind, TaskOpening

MAX_EXTENSION = 366 * 86_400.0
"""Seconds that one message may move a deadline by."""


LATEST_DEADLINE = Timestamp("9000-01-01")
"""A year more than this, and a few others, would be past the last day that dates know."""


class _Refused(Exception):
    """The message changes nothing; the text says why."""


class Shard:
    """The state machine of one shard."""

    def __init__(self, rules: ShardRules, state: ShardState) -> None:
        self.rules = rules
        self.deadline = state.deadline
        self._minutes = Minutes(rules, state)
        self._progress = {each.record.record_id: each for each in state.progress}

    # -- what happens to it ---------------------------------------------------------------

    def open(self, at: Timestamp) -> None:
        """Opens the review slots of every record."""
        for record_id, progress in self._progress.items():
            opened = [
                self._opening(progress, task, TaskKind.REVIEW, slot)
                for slot, task in enumerate(self._tasks_of(progress, TaskKind.REVIEW))
            ]
            self._minutes.open_tasks(opened)
            tasks = tuple(each.task_id for each in opened)
            self._progress[record_id] = replace(progress, open_tasks=tasks)
        self._minutes.shard_opened(len(self._progress), self.deadline, at)

    def review(self, message: Submission, at: Timestamp) -> None:
        """Accepts a review into its slot, or records why it changes nothing."""
        if (why_not := malformed(message)) is not None:
            self._minutes.set_aside(message, at, why=why_not)
            return
        try:
            progress = self._slot_of(message, TaskKind.REVIEW)
            if any(given.account_id == message.actor.account_id for given in progress.reviews):
                raise _Refused("this reviewer has already reviewed the record")
            verdict = self._verdict_of(message)
        except _Refused as refusal:
            self._minutes.refuse(TaskKind.REVIEW, message, at, why=str(refusal))
            return
        given = Given(
            review_id=message.review_id,
            account_id=message.actor.account_id,
            slot_task=message.task_id,
            verdict=verdict,
            sequence=self._minutes.accept(TaskKind.REVIEW, message, verdict, at),
        )
        progress = replace(
            progress,
            open_tasks=tuple(task for task in progress.open_tasks if task != message.task_id),
            reviews=(*progress.reviews, given),
        )
        self._progress[message.record_id] = progress
        if len(progress.reviews) >= self.rules.reviews_per_record:
            self._weigh(progress, at)

    def adjudicate(self, message: Submission, at: Timestamp) -> None:
        """Settles a record by its adjudicator's verdict, or records why nothing changes."""
        if (why_not := malformed(message)) is not None:
            self._minutes.set_aside(message, at, why=why_not)
            return
        try:
            progress = self._slot_of(message, TaskKind.ADJUDICATION)
            reviewers = [given.account_id for given in progress.reviews]
            check_adjudicator(message.actor.account_id, reviewers=reviewers)
            verdict = self._verdict_of(message)
            if verdict.kind is VerdictKind.ESCALATE:
                raise _Refused("an adjudication settles the record; it cannot escalate")
        except (_Refused, LabelwrightError) as refusal:
            self._minutes.refuse(TaskKind.ADJUDICATION, message, at, why=str(refusal))
            return
        self._minutes.accept(TaskKind.ADJUDICATION, message, verdict, at)
        siding = sum(given.verdict.answer == verdict.answer for given in progress.reviews)
        confidence = round((siding + 1) / (len(progress.reviews) + 1), 6)
        self._conclude(progress, verdict, How.ADJUDICATION, at, label_confidence=confidence)

    def extend_deadline(self, message: DeadlineExtended, at: Timestamp) -> None:
        """Moves the deadline, by which open records stay open longer, or records why it stays."""
        refusal = self._extension_refusal(message)
        if refusal is None:
            moved = datetime.fromisoformat(self.deadline) + timedelta(seconds=message.seconds)
            self.deadline = Timestamp(moved.isoformat())
        self._minutes.deadline_message(message, self.deadline, at, refusal=refusal)

    def deadline_passed(self, at: Timestamp) -> None:
        """Holds every record that nobody has settled; never labels it silently."""
        unsettled = [each for each in self._progress.values() if each.outcome is None]
        self._minutes.deadline_passed(len(unsettled), at)
        for progress in unsettled:
            self._minutes.close_tasks(progress.open_tasks, reason="deadline")
            self._conclude(progress, None, How.DEADLINE, at, label_confidence=None)

    def withdraw(self, at: Timestamp, *, reason: str) -> None:
        """Closes every open task without concluding anything: the round was cancelled."""
        for record_id, progress in self._progress.items():
            self._minutes.close_tasks(progress.open_tasks, reason=reason)
            self._progress[record_id] = replace(progress, open_tasks=())
        self._minutes.shard_withdrawn(at, reason=reason)

    # -- what it says ---------------------------------------------------------------------

    @property
    def ledger(self) -> Ledger:
        return self._minutes.ledger

    @property
    def refused(self) -> int:
        """Messages that changed nothing."""
        return self._minutes.refused

    @property
    def settled(self) -> bool:
        return all(each.outcome is not None for each in self._progress.values())

    @property
    def outcomes(self) -> list[Outcome]:
        return [each.outcome for each in self._progress.values() if each.outcome is not None]

    @property
    def given(self) -> list[tuple[RecordId, Given]]:
        """Every accepted review, by record."""
        return [
            (record_id, given)
            for record_id, each in self._progress.items()
            for given in each.reviews
        ]

    @property
    def state(self) -> ShardState:
        return ShardState(
            progress=tuple(self._progress.values()),
            deadline=self.deadline,
            seen=self._minutes.seen,
            refused=self.refused,
            ledger_head=self.ledger.head,
            ledger_length=self.ledger.length,
        )

    def drain(self, at: Timestamp) -> Projection:
        """What has changed since the last call, for the read model."""
        return self._minutes.drain(self.deadline, at)

    # -- how it decides -------------------------------------------------------------------

    def _weigh(self, progress: RecordProgress, at: Timestamp) -> None:
        """All reviews are in: agreement settles the record, anything else is adjudicated."""
        answers = Counter(given.verdict.answer for given in progress.reviews)
        agreed = progress.reviews[0].verdict
        if len(answers) == 1 and agreed.kind is not VerdictKind.ESCALATE:
            self._conclude(progress, agreed, How.AGREEMENT, at, label_confidence=1.0)
            return
        [task] = self._tasks_of(progress, TaskKind.ADJUDICATION)
        self._progress[progress.record.record_id] = replace(progress, open_tasks=(task,))
        self._minutes.adjudication_opened(
            self._opening(progress, task, TaskKind.ADJUDICATION, 0),
            answers,
            at,
            why="escalated" if len(answers) == 1 else "the reviewers differ",
        )

    def _conclude(
        self,
        progress: RecordProgress,
        verdict: Verdict | None,
        how: How,
        at: Timestamp,
        *,
        label_confidence: float | None,
    ) -> None:
        outcome = Outcome(
            record_id=progress.record.record_id,
            verdict=verdict,
            how=how,
            label_confidence=label_confidence,
            reviews=len(progress.reviews),
            look=self.rules.look,
        )
        self._progress[outcome.record_id] = replace(progress, open_tasks=(), outcome=outcome)
        self._minutes.concluded(outcome, at)

    def _slot_of(self, message: Submission, kind: TaskKind) -> RecordProgress:
        """The record that the message's task belongs to, if that task is still open."""
        if self._minutes.has_seen(message.review_id):
            raise _Refused("duplicate: a message with this review id was handled before")
        progress = self._progress.get(message.record_id)
        if progress is None:
            raise _Refused("the record is not in this shard")
        if message.task_id not in self._tasks_of(progress, kind):
            raise _Refused(f"the task is not an {kind} of this record")
        if progress.outcome is not None:
            raise _Refused("late: the record is settled")
        if message.task_id not in progress.open_tasks:
            raise _Refused("the task has its answer")
        return progress

    def _verdict_of(self, message: Submission) -> Verdict:
        try:
            check_submission(message.confidence, message.rationale, message.seconds)
            return check_verdict(message.verdict, self.rules.schema)
        except LabelwrightError as error:
            raise _Refused(error.message) from None

    def _extension_refusal(self, message: DeadlineExtended) -> str | None:
        if (why_not := malformed(message)) is not None:
            return why_not
        if message.round_id != self.rules.round_id:
            return "the message is about another round"
        if self._minutes.has_seen(message.request_id):
            return "duplicate: a message with this request id was handled before"
        if not 0.0 < message.seconds <= MAX_EXTENSION:
            return "a deadline moves later, by a year at the most"
        if self.deadline > LATEST_DEADLINE:
            return "the deadline is far enough away"
        return None

    def _tasks_of(self, progress: RecordProgress, kind: TaskKind) -> Collection[TaskId]:
        round_id, shard, ordinal = self.rules.round_id, self.rules.shard, progress.record.ordinal
        if kind is TaskKind.ADJUDICATION:
            return [adjudication_task_id(round_id, shard, ordinal)]
        return [
            review_task_id(round_id, shard, ordinal, slot)
            for slot in range(self.rules.reviews_per_record)
        ]

    def _opening(
        self, progress: RecordProgress, task: TaskId, kind: TaskKind, slot: int
    ) -> TaskOpening:
        return TaskOpening(
            task_id=task,
            record_id=progress.record.record_id,
            ordinal=progress.record.ordinal,
            kind=kind,
            slot=slot,
            lane=progress.record.lane,
        )
