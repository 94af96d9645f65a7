"""The rules of a shard: what each record needs next, decided from what people have said so far.

A `Shard` is fed messages and the passing of time, in order, with workflow time. It answers with
decisions (in its ledger) and with changes for the read model (`drain`). It does no I/O and reads no
clock, so that the same messages give the same outcomes wherever they are replayed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from domain.admission import (
    Refused,
    check_adjudication,
    check_correction,
    check_review,
    check_undo,
    closing_refusal,
    extension_refusal,
)
from domain.directing import Direction, TaskDirected
from domain.direction_rules import check_direction
from domain.gold import Paused
from domain.ids import AccountId, RecordId, Timestamp
from domain.journal import Message
from domain.ledger import Ledger
from domain.messages import malformed
from domain.minutes import Minutes
from domain.moments import later
from domain.outcomes import How, Outcome
from domain.progress import Given, RecordProgress, ShardRecord, ShardRules, ShardState
from domain.reviews import (
    ClosingRequested,
    DeadlineExtended,
    Submission,
    UndoRequested,
)
from domain.schedule import Schedule
from domain.tasks import Projection, TaskKind
from domain.worklist import Worklist


class Shard:
    """The state machine of one shard."""

    def __init__(self, rules: ShardRules, state: ShardState) -> None:
        self.rules = rules
        self._opened_at = state.opened_at
        self._closed_early = state.closed_early
        self._ended = False
        self._answered_by = set(state.answered_by)
        self._minutes = Minutes(rules, state)
        self._schedule = Schedule(rules.reviewing, state.opened_at)
        self._records = Worklist(rules, state.progress, self._minutes, self._schedule)

    @classmethod
    def opened(cls, rules: ShardRules, records: Iterable[ShardRecord], at: Timestamp) -> Shard:
        """A new shard, with every review slot of every record open."""
        progress = tuple(
            RecordProgress(record=record, deadline=rules.deadline(record, at)) for record in records
        )
        shard = cls(rules, ShardState(progress=progress, opened_at=at))
        for each in progress:
            shard._records.weigh(each, at)
        shard._minutes.shard_opened(len(progress), shard.deadline, at)
        return shard

    # -- what people say ------------------------------------------------------------------

    def review(self, message: Submission, at: Timestamp) -> None:
        """Accepts a review or a correction, or records why it changes nothing."""
        self._admit(TaskKind.REVIEW, message, at)

    def adjudicate(self, message: Submission, at: Timestamp) -> None:
        """Settles a record by its adjudicator's verdict, or records why nothing changes."""
        self._admit(TaskKind.ADJUDICATION, message, at)

    def undo(self, message: UndoRequested, at: Timestamp) -> None:
        """Takes an answer back, or records why it stands. Its author holds the task again."""
        if (why_not := malformed(message)) is not None:
            self._minutes.set_aside(message, at, why=why_not)
            return
        try:
            if message.round_id != self.rules.round_id:
                raise Refused("the message is about another round")
            progress = self._known(message.request_id, message.record_id)
            given = check_undo(progress, message, self.rules, at)
            self._check_not_over()
        except Refused as refusal:
            self._minutes.undo_refused(message, at, why=str(refusal))
            return
        adjudicated = given is progress.adjudication
        kind = TaskKind.ADJUDICATION if adjudicated else TaskKind.REVIEW
        self._minutes.undone(kind, given, message, at)
        self._records.weigh(progress.taken_back(given), at)

    def direct(self, message: TaskDirected, at: Timestamp) -> None:
        """Has a task go another way, or records why it stays as it is."""
        if (why_not := malformed(message)) is not None:
            self._minutes.set_aside(message, at, why=why_not)
            return
        try:
            if message.round_id != self.rules.round_id:
                raise Refused("the message is about another round")
            progress = self._known(message.request_id, message.record_id)
            check_direction(progress, message, self.rules, at)
        except Refused as refusal:
            self._minutes.direction_refused(message, at, why=str(refusal))
            return
        self._minutes.directed(message, at)
        if message.direction is Direction.WITHDRAW:
            self._records.hold([progress], How.WITHDRAWN, at)

    def extend_deadline(self, message: DeadlineExtended, at: Timestamp) -> None:
        """Moves the deadline of every record, or records why they stay."""
        refusal = extension_refusal(message, self.rules, self.deadline)
        refusal = refusal or self._repeated(message.request_id)
        if refusal is None:
            for progress in self._records.all:
                moved = replace(progress, deadline=later(progress.deadline, message.seconds))
                self._records.keep(moved)
                self._minutes.deadline_moved(moved)
        self._minutes.deadline_message(message, self.deadline, at, refusal=refusal)

    def close(self, message: ClosingRequested, at: Timestamp) -> None:
        """Holds what nobody has settled, or records why reviewing goes on."""
        refusal = closing_refusal(message, self.rules) or self._repeated(message.request_id)
        unsettled = self._records.unsettled
        self._minutes.closing_message(message, len(unsettled), at, refusal=refusal)
        if refusal is None:
            self._closed_early = True
            self._records.hold(unsettled, How.CLOSED_EARLY, at)

    def end(self) -> None:
        """What it has come to stands from here on: nobody takes back or corrects anything."""
        self._ended = True

    def withdraw(self, at: Timestamp, *, reason: str) -> None:
        """Closes every open task without concluding anything: the round was cancelled."""
        self.end()
        self._records.withdraw(reason=reason)
        self._minutes.shard_withdrawn(at, reason=reason)

    def reviewers_paused(self, paused: Iterable[Paused], at: Timestamp) -> None:
        """Writes down who is paused because of their answers to gold, and has it told."""
        for each in paused:
            self._minutes.reviewer_paused(each, at)

    def forged(self, signal: str, message: Message, at: Timestamp, *, why: str) -> None:
        """Writes down a message that nobody whom we know has signed, and leaves it at that.

        Not even its id is remembered, or it would bar the message that bears it rightly.
        """
        self._minutes.forged(signal, message, at, why=why)

    # -- what time brings -----------------------------------------------------------------

    @property
    def next_due(self) -> Timestamp | None:
        """When to tell the shard that time has passed; none once it waits for nothing."""
        return self._schedule.next_due(self._records.unsettled) or self._undo_until

    def time_passed(self, at: Timestamp) -> None:
        """Reminds and escalates what is due by now, and holds records whose deadline is over."""
        self._remind(at)
        self._escalate(at)
        overdue = [each for each in self._records.unsettled if each.deadline <= at]
        if overdue:
            self._minutes.deadline_passed(len(overdue), at)
            self._records.hold(overdue, How.DEADLINE, at)

    def finished(self, at: Timestamp) -> bool:
        """Whether every record is settled, and nothing that settled one can be taken back."""
        if not self.settled:
            return False
        until = self._undo_until
        return until is None or until <= at

    # -- what it says ---------------------------------------------------------------------

    @property
    def ledger(self) -> Ledger:
        return self._minutes.ledger

    @property
    def refused(self) -> int:
        """Messages that changed nothing."""
        return self._minutes.refused

    @property
    def deadline(self) -> Timestamp:
        """The last of its records' deadlines."""
        return max((each.deadline for each in self._records.all), default=self._opened_at)

    @property
    def settled(self) -> bool:
        return not self._records.unsettled

    @property
    def outcomes(self) -> list[Outcome]:
        return self._records.outcomes

    @property
    def given(self) -> list[tuple[RecordId, Given]]:
        """Every review that stands, by record."""
        return self._records.given

    @property
    def answered_by(self) -> tuple[AccountId, ...]:
        """Everybody who reviewed or adjudicated here, whether or not the answer stands; sorted."""
        return tuple(sorted(self._answered_by))

    @property
    def state(self) -> ShardState:
        return ShardState(
            progress=self._records.all,
            opened_at=self._opened_at,
            closed_early=self._closed_early,
            seen=self._minutes.seen,
            refused=self.refused,
            answered_by=self.answered_by,
            ledger_head=self.ledger.head,
            ledger_length=self.ledger.length,
        )

    def drain(self, at: Timestamp) -> Projection:
        """What has changed since the last call, for the read model."""
        return self._minutes.drain(at)

    # -- how it decides -------------------------------------------------------------------

    def _admit(self, kind: TaskKind, message: Submission, at: Timestamp) -> None:
        """Weighs the record anew with an answer that counts; writes down why another does not."""
        if (why_not := malformed(message)) is not None:
            self._minutes.set_aside(message, at, why=why_not)
            return
        before: Given | None = None
        try:
            progress = self._known(message.review_id, message.record_id)
            if kind is TaskKind.ADJUDICATION:
                verdict = check_adjudication(progress, message, self.rules)
            elif message.corrects is None:
                verdict = check_review(progress, message, self.rules)
            else:
                before, verdict = check_correction(progress, message, self.rules, at)
                self._check_not_over()
        except Refused as refusal:
            self._minutes.refuse(kind, message, at, why=str(refusal))
            return
        given = Given(
            review_id=message.review_id,
            account_id=message.actor.account_id,
            slot_task=message.task_id,
            verdict=verdict,
            sequence=self._minutes.accept(kind, message, verdict, at),
            at=at,
            confidence=message.confidence,
            corrects=message.corrects,
        )
        self._answered_by.add(given.account_id)
        if progress.record.expected is not None:
            correct = verdict.label == progress.record.expected
            self._minutes.gold_answered(progress.record.record_id, given, correct=correct, at=at)
        if kind is TaskKind.ADJUDICATION:
            self._records.weigh(progress.adjudicated(given), at)
        elif before is None:
            self._records.weigh(progress.reviewed(given), at)
        else:
            self._records.weigh(progress.corrected(before, given), at)

    def _known(self, message_id: str, record_id: RecordId) -> RecordProgress:
        """The record that a message is about, if it is the first with its id. Raises Refused."""
        if (repeated := self._repeated(message_id)) is not None:
            raise Refused(repeated)
        progress = self._records.get(record_id)
        if progress is None:
            raise Refused("the record is not in this shard")
        return progress

    def _repeated(self, message_id: str) -> str | None:
        if self._minutes.has_seen(message_id):
            return "duplicate: a message with this id was handled before"
        return None

    def _check_not_over(self) -> None:
        if self._closed_early:
            raise Refused("late: reviewing was closed")
        if self._ended:
            raise Refused("late: reviewing has ended")

    @property
    def _undo_until(self) -> Timestamp | None:
        return None if self._closed_early else self._records.undo_until

    def _waiting(self, at: Timestamp) -> list[RecordProgress]:
        return [each for each in self._records.unsettled if at < each.deadline]

    def _remind(self, at: Timestamp) -> None:
        """Of several reminders that are due at once, the last one is sent."""
        due: dict[int, list[RecordProgress]] = {}
        for progress in self._waiting(at):
            reminded = self._schedule.reminders_due(progress, at)
            if reminded > progress.reminded:
                self._records.keep(replace(progress, reminded=reminded))
                due.setdefault(reminded - 1, []).append(progress)
        for place, records in sorted(due.items()):
            self._minutes.reminded(self._schedule.shares[place], records, at)

    def _escalate(self, at: Timestamp) -> None:
        steps = self._schedule.steps_due(at)
        due: dict[int, list[RecordProgress]] = {}
        for progress in self._waiting(at):
            for place in range(progress.escalated, steps):
                due.setdefault(place, []).append(progress)
            if progress.escalated < steps:
                self._records.keep(replace(progress, escalated=steps))
                self._minutes.hurried(progress, self._schedule.urgency(steps))
        for place, records in sorted(due.items()):
            self._minutes.escalated(self._schedule.steps[place], records, at)
