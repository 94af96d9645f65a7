"""The rules of a shard: what each record needs next, decided from what people have said so far.

A `Shard` is fed messages and the passing of the deadline, in order, with workflow time. It answers
with decisions (in its ledger) and with changes for the read model (`drain`). It does no I/O and
reads no clock, so that the same messages give the same outcomes wherever they are replayed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.accounts import SYSTEM, Actor, check_adjudicator
from domain.canonical import Sha256
from domain.errors import LabelwrightError
from domain.ids import (
    AccountId,
    RecordId,
    ReviewId,
    RoundId,
    TaskId,
    Timestamp,
    adjudication_task_id,
    review_task_id,
)
from domain.labels import LabelSchema
from domain.ledger import GENESIS, Decision, Ledger
from domain.messages import malformed
from domain.outcomes import How, Outcome
from domain.records import Json
from domain.reviews import (
    DeadlineExtended,
    Submission,
    Verdict,
    VerdictKind,
    check_submission,
    check_verdict,
    signed_part,
)
from domain.tasks import (
    ProjectedReview,
    Projection,
    ReviewStatus,
    TaskClosing,
    TaskKind,
    TaskOpening,
)

MAX_EXTENSION = 366 * 86_400.0
"""Seconds that one message may move a deadline by."""


@dataclass(frozen=True, kw_only=True)
class ShardRecord:
    ordinal: int
    record_id: RecordId


@dataclass(frozen=True, kw_only=True)
class Given:
    """An accepted review, as much of it as the rules need."""

    review_id: ReviewId
    account_id: AccountId
    slot_task: TaskId
    verdict: Verdict
    sequence: int


@dataclass(frozen=True, kw_only=True)
class RecordProgress:
    """Where one record stands."""

    record: ShardRecord
    open_tasks: tuple[TaskId, ...] = ()
    reviews: tuple[Given, ...] = ()
    outcome: Outcome | None = None


@dataclass(frozen=True, kw_only=True)
class ShardState:
    """All that a run hands to the next one when its history has grown too long."""

    progress: tuple[RecordProgress, ...]
    deadline: Timestamp
    seen: tuple[str, ...] = ()
    """Ids of every message handled so far, so that a repeated one is known as such."""
    refused: int = 0
    ledger_head: Sha256 = GENESIS
    ledger_length: int = 0


@dataclass(frozen=True, kw_only=True)
class ShardRules:
    """What a round decided beforehand for all its shards."""

    round_id: RoundId
    shard: int
    look: int
    schema: LabelSchema
    reviews_per_record: int


@dataclass
class _Changes:
    opened: list[TaskOpening] = field(default_factory=list)
    closed: list[TaskClosing] = field(default_factory=list)
    reviews: list[ProjectedReview] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    deadline_moved: bool = False


class _Refused(Exception):
    """The message changes nothing; the text says why."""


class Shard:
    """The state machine of one shard."""

    def __init__(self, rules: ShardRules, state: ShardState) -> None:
        self.rules = rules
        self.deadline = state.deadline
        self.ledger = Ledger(head=state.ledger_head, length=state.ledger_length)
        self.refused = state.refused
        self._progress = {each.record.record_id: each for each in state.progress}
        self._seen = dict.fromkeys(state.seen)
        self._changes = _Changes()

    # -- what happens to it ---------------------------------------------------------------

    def open(self, at: Timestamp) -> None:
        """Opens the review slots of every record."""
        for progress in list(self._progress.values()):
            self._open_slots(progress, range(self.rules.reviews_per_record))
        self._decide(
            "shard_opened",
            at,
            subject=f"shard {self.rules.shard}",
            detail={
                "look": self.rules.look,
                "records": len(self._progress),
                "reviews_per_record": self.rules.reviews_per_record,
                "deadline": self.deadline,
            },
        )

    def review(self, message: Submission, at: Timestamp) -> None:
        """Accepts a review into its slot, or records why it changes nothing."""
        if self._malformed(message, at):
            return
        try:
            progress = self._slot_of(message, TaskKind.REVIEW)
            if any(given.account_id == message.actor.account_id for given in progress.reviews):
                raise _Refused("this reviewer has already reviewed the record")
            verdict = self._check(message)
        except _Refused as refusal:
            self._refuse("review", message, at, str(refusal))
            return
        sequence = self._accept("review", message, verdict, at)
        given = Given(
            review_id=message.review_id,
            account_id=message.actor.account_id,
            slot_task=message.task_id,
            verdict=verdict,
            sequence=sequence,
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
        if self._malformed(message, at):
            return
        try:
            progress = self._slot_of(message, TaskKind.ADJUDICATION)
            reviewers = [given.account_id for given in progress.reviews]
            check_adjudicator(message.actor.account_id, reviewers=reviewers)
            verdict = self._check(message)
            if verdict.kind is VerdictKind.ESCALATE:
                raise _Refused("an adjudication settles the record; it cannot escalate")
        except (_Refused, LabelwrightError) as refusal:
            self._refuse("adjudication", message, at, str(refusal))
            return
        self._accept("adjudication", message, verdict, at)
        siding = sum(given.verdict.answer == verdict.answer for given in progress.reviews)
        self._conclude(
            replace(progress, open_tasks=()),
            Outcome(
                record_id=message.record_id,
                verdict=verdict,
                how=How.ADJUDICATION,
                label_confidence=round((siding + 1) / (len(progress.reviews) + 1), 6),
                reviews=len(progress.reviews),
                look=self.rules.look,
            ),
            at,
        )

    def extend_deadline(self, message: DeadlineExtended, at: Timestamp) -> None:
        """Moves the deadline, by which open records stay open longer, or records why it stays."""
        detail: dict[str, Json] = {"seconds": message.seconds, **_provenance(message)}
        if (why_not := malformed(message)) is not None:
            detail["refusal"] = why_not
        elif message.round_id != self.rules.round_id:
            detail["refusal"] = "the message is about another round"
        elif message.request_id in self._seen:
            detail["refusal"] = "duplicate: a message with this request id was handled before"
        elif not 0.0 < message.seconds <= MAX_EXTENSION:
            detail["refusal"] = "a deadline moves later, by a year at the most"
        else:
            moved = datetime.fromisoformat(self.deadline) + timedelta(seconds=message.seconds)
            self.deadline = Timestamp(moved.isoformat())
            detail["deadline"] = self.deadline
            self._changes.deadline_moved = True
        self._seen[message.request_id] = None
        self._decide(
            "deadline_extension_refused" if "refusal" in detail else "deadline_extended",
            at,
            actor=message.actor,
            subject=f"shard {self.rules.shard}",
            detail=detail,
            reason=message.reason,
        )

    def deadline_passed(self, at: Timestamp) -> None:
        """Holds every record that nobody has settled; never labels it silently."""
        open_records = [each for each in self._progress.values() if each.outcome is None]
        self._decide(
            "deadline_passed",
            at,
            subject=f"shard {self.rules.shard}",
            detail={"unsettled": len(open_records)},
        )
        for progress in open_records:
            for task in progress.open_tasks:
                self._changes.closed.append(TaskClosing(task_id=task, reason="deadline"))
            outcome = Outcome(
                record_id=progress.record.record_id,
                verdict=None,
                how=How.DEADLINE,
                label_confidence=None,
                reviews=len(progress.reviews),
                look=self.rules.look,
            )
            self._conclude(replace(progress, open_tasks=()), outcome, at)

    def withdraw(self, at: Timestamp, *, reason: str) -> None:
        """Closes every open task without concluding anything: the round was cancelled."""
        for record_id, progress in self._progress.items():
            for task in progress.open_tasks:
                self._changes.closed.append(TaskClosing(task_id=task, reason=reason))
            self._progress[record_id] = replace(progress, open_tasks=())
        self._decide("shard_withdrawn", at, subject=f"shard {self.rules.shard}", reason=reason)

    # -- what it says ---------------------------------------------------------------------

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
            seen=tuple(self._seen),
            refused=self.refused,
            ledger_head=self.ledger.head,
            ledger_length=self.ledger.length,
        )

    def drain(self, at: Timestamp) -> Projection:
        """What has changed since the last call, for the read model."""
        changes, self._changes = self._changes, _Changes()
        return Projection(
            round_id=self.rules.round_id,
            shard=self.rules.shard,
            at=at,
            deadline=self.deadline,
            opened=tuple(changes.opened),
            closed=tuple(changes.closed),
            reviews=tuple(changes.reviews),
            outcomes=tuple(changes.outcomes),
            deadline_moved=changes.deadline_moved,
        )

    # -- how it decides -------------------------------------------------------------------

    def _weigh(self, progress: RecordProgress, at: Timestamp) -> None:
        """All reviews are in: agreement settles the record, anything else is adjudicated."""
        answers = Counter(given.verdict.answer for given in progress.reviews)
        agreed = progress.reviews[0].verdict
        if len(answers) == 1 and agreed.kind is not VerdictKind.ESCALATE:
            outcome = Outcome(
                record_id=progress.record.record_id,
                verdict=agreed,
                how=How.AGREEMENT,
                label_confidence=1.0,
                reviews=len(progress.reviews),
                look=self.rules.look,
            )
            self._conclude(progress, outcome, at)
            return
        task = adjudication_task_id(self.rules.round_id, self.rules.shard, progress.record.ordinal)
        self._changes.opened.append(
            TaskOpening(
                task_id=task,
                record_id=progress.record.record_id,
                ordinal=progress.record.ordinal,
                kind=TaskKind.ADJUDICATION,
                slot=0,
            )
        )
        self._progress[progress.record.record_id] = replace(progress, open_tasks=(task,))
        self._decide(
            "adjudication_opened",
            at,
            subject=progress.record.record_id,
            detail={"answers": dict(sorted(answers.items()))},
            reason="escalated" if len(answers) == 1 else "the reviewers differ",
        )

    def _conclude(self, progress: RecordProgress, outcome: Outcome, at: Timestamp) -> None:
        self._progress[outcome.record_id] = replace(progress, outcome=outcome)
        self._changes.outcomes.append(outcome)
        self._decide(
            "outcome_reached",
            at,
            subject=outcome.record_id,
            detail={
                "answer": outcome.verdict.answer if outcome.verdict else None,
                "how": outcome.how,
                "label_confidence": outcome.label_confidence,
                "look": outcome.look,
            },
        )

    def _slot_of(self, message: Submission, kind: TaskKind) -> RecordProgress:
        """The record that the message's task belongs to, if that task is still open."""
        if message.review_id in self._seen:
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

    def _tasks_of(self, progress: RecordProgress, kind: TaskKind) -> Iterable[TaskId]:
        round_id, shard, ordinal = self.rules.round_id, self.rules.shard, progress.record.ordinal
        if kind is TaskKind.ADJUDICATION:
            return (adjudication_task_id(round_id, shard, ordinal),)
        return (
            review_task_id(round_id, shard, ordinal, slot)
            for slot in range(self.rules.reviews_per_record)
        )

    def _check(self, message: Submission) -> Verdict:
        try:
            check_submission(message.confidence, message.rationale, message.seconds)
            return check_verdict(message.verdict, self.rules.schema)
        except LabelwrightError as error:
            raise _Refused(error.message) from None

    def _open_slots(self, progress: RecordProgress, slots: Iterable[int]) -> None:
        opened = [
            TaskOpening(
                task_id=review_task_id(
                    self.rules.round_id, self.rules.shard, progress.record.ordinal, slot
                ),
                record_id=progress.record.record_id,
                ordinal=progress.record.ordinal,
                kind=TaskKind.REVIEW,
                slot=slot,
            )
            for slot in slots
        ]
        self._changes.opened.extend(opened)
        self._progress[progress.record.record_id] = replace(
            progress,
            open_tasks=(*progress.open_tasks, *(each.task_id for each in opened)),
        )

    def _malformed(self, message: Submission, at: Timestamp) -> bool:
        """Writes a message down that cannot be ours; no table could hold it."""
        why_not = malformed(message)
        if why_not is not None:
            self.refused += 1
            self._decide(
                "message_malformed",
                at,
                actor=message.actor,
                subject=message.record_id,
                detail={"refusal": why_not, **_provenance(message)},
            )
        return why_not is not None

    def _accept(self, what: str, message: Submission, verdict: Verdict, at: Timestamp) -> int:
        sequence = self._record(what, ReviewStatus.ACCEPTED, message, at, refusal="")
        self._changes.reviews.append(
            ProjectedReview(
                message=replace(message, verdict=verdict)
                if verdict != message.verdict
                else message,
                kind=TaskKind(what),
                status=ReviewStatus.ACCEPTED,
                refusal="",
                sequence=sequence,
                decided_at=at,
                look=self.rules.look,
            )
        )
        return sequence

    def _refuse(self, what: str, message: Submission, at: Timestamp, refusal: str) -> None:
        duplicate = message.review_id in self._seen
        self.refused += 1
        sequence = self._record(what, ReviewStatus.REFUSED, message, at, refusal=refusal)
        if duplicate:
            return  # the row of the first one stands
        self._changes.reviews.append(
            ProjectedReview(
                message=message,
                kind=TaskKind(what),
                status=ReviewStatus.REFUSED,
                refusal=refusal,
                sequence=sequence,
                decided_at=at,
                look=self.rules.look,
            )
        )

    def _record(
        self, what: str, status: ReviewStatus, message: Submission, at: Timestamp, *, refusal: str
    ) -> int:
        self._seen[message.review_id] = None
        return self._decide(
            f"{what}_{status}",
            at,
            actor=message.actor,
            subject=message.record_id,
            detail={
                "review_id": message.review_id,
                "task_id": message.task_id,
                "answer": message.verdict.answer,
                "confidence": message.confidence,
                "seconds": message.seconds,
                "guideline": message.guideline,
                "submitted_at": message.submitted_at,
            }
            | ({"refusal": refusal} if refusal else {})
            | _provenance(message),
            reason=message.rationale,
        )

    def _decide(
        self,
        kind: str,
        at: Timestamp,
        *,
        subject: str,
        actor: Actor = SYSTEM,
        detail: dict[str, Json] | None = None,
        reason: str = "",
    ) -> int:
        decision = Decision(
            kind=kind, at=at, actor=actor, subject=subject, detail=detail or {}, reason=reason
        )
        return self.ledger.append(decision).sequence


def _provenance(message: Submission | DeadlineExtended) -> dict[str, Json]:
    return {"message_digest": signed_part(message), "signature": message.signature}
