"""What reviewing a shard comes to, once more and as plainly as can be, to hold the product against.

Records, slots, who answered what. It hears messages in the order of history and shares no rule with
the product: only its messages and its words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from domain.ids import RecordId, ReviewId
from domain.reviews import (
    ClosingRequested,
    DeadlineExtended,
    Submission,
    UndoRequested,
    VerdictKind,
)

Message = Submission | UndoRequested | DeadlineExtended | ClosingRequested
Settled = tuple[str, str | None]
"""How, and the answer; none for a record that is held."""

ADJUDICATION = "adjudication"
HELD = {"deadline", "closed_early"}


@dataclass(frozen=True, kw_only=True)
class Rules:
    wanted: int = 2
    extra: int = 1
    min_confidence: float = 0.0
    undo_seconds: float = 60.0


@dataclass(frozen=True)
class Answer:
    message: Submission
    at: float

    @property
    def who(self) -> str:
        return self.message.actor.account_id


@dataclass
class Record:
    """One record: who has answered which of its slots, and what that comes to."""

    deadline: float
    slots: dict[int, Answer] = field(default_factory=dict)
    decision: Answer | None = None
    settled: Settled | None = None
    open: set[str] = field(default_factory=set)
    """Names of the tasks that wait for an answer."""
    judged: dict[str, set[str]] = field(default_factory=dict)
    """The kinds of answers that were ever accepted of a person."""

    def weigh(self, rules: Rules) -> None:
        if self.decision is not None and self.settled is not None:
            return
        self.settled = self._comes_to(rules)
        self.open = set() if self.settled else self._asks(rules)

    def hold(self, how: str) -> None:
        self.settled, self.open = (how, None), set()

    def _comes_to(self, rules: Rules) -> Settled | None:
        if self.decision is not None:
            return ("adjudication", self.decision.message.verdict.answer)
        agreed = self._agreed(rules)
        if self._escalated or agreed is None or self._sureness(agreed) < rules.min_confidence:
            return None
        return ("agreement" if len(self._answers) == 1 else "consensus", agreed)

    def _asks(self, rules: Rules) -> set[str]:
        free = [slot for slot in range(rules.wanted + rules.extra) if slot not in self.slots]
        missing = max(rules.wanted - len(self.slots), 0)
        if not missing and not self._escalated and self._agreed(rules) is None and free:
            return {f"review-{free[0]}"}
        asked = {f"review-{slot}" for slot in free[:missing]}
        return asked | {ADJUDICATION} if self._escalated or not missing else asked

    def _agreed(self, rules: Rules) -> str | None:
        """What as many say as were wanted, and more than say anything else."""
        votes = self._answers
        most = max(votes.values(), default=0)
        favoured = [answer for answer, count in votes.items() if count == most]
        enough = len(self.slots) >= rules.wanted <= most
        return favoured[0] if enough and len(favoured) == 1 else None

    @property
    def _answers(self) -> Counter[str]:
        return Counter(each.message.verdict.answer for each in self.slots.values())

    @property
    def _escalated(self) -> bool:
        return any(
            each.message.verdict.kind is VerdictKind.ESCALATE for each in self.slots.values()
        )

    def _sureness(self, answer: str) -> float:
        stated = [
            each.message.confidence
            for each in self.slots.values()
            if each.message.verdict.answer == answer and each.message.confidence is not None
        ]
        return sum(stated) / len(stated) if stated else 1.0


class Model:
    """A shard of these records, opened at second 0."""

    def __init__(self, records: Iterable[RecordId], rules: Rules, *, seconds: float) -> None:
        self.rules = rules
        self.records = {record_id: Record(deadline=seconds) for record_id in records}
        self.status: dict[ReviewId, str] = {}
        """Every answer that was heard: accepted, refused, undone or corrected."""
        self.closed = False
        self._heard: set[str] = set()
        for record in self.records.values():
            record.weigh(rules)

    def hear(self, message: Message, at: float, *, asked: float | None = None) -> None:
        """`asked` is when it was sent, if that was earlier."""
        heard_as = message.review_id if isinstance(message, Submission) else message.request_id
        if heard_as in self._heard:
            return
        self._heard.add(heard_as)
        match message:
            case Submission():
                counts = self._answer if message.corrects is None else self._correct
                self.status[message.review_id] = "accepted" if counts(message, at) else "refused"
            case UndoRequested():
                self._undo(message, at, at if asked is None else min(at, asked))
            case DeadlineExtended():
                for record in self.records.values():
                    record.deadline += message.seconds
            case ClosingRequested():
                self.closed = True
                self._hold_unsettled("closed_early")

    def time_passes(self, at: float) -> None:
        for record in self.records.values():
            if record.settled is None and record.deadline <= at:
                record.hold("deadline")

    @property
    def open_tasks(self) -> set[tuple[RecordId, str]]:
        return {(name, task) for name, each in self.records.items() for task in each.open}

    @property
    def outcomes(self) -> dict[RecordId, Settled]:
        return {name: each.settled for name, each in self.records.items() if each.settled}

    def _answer(self, message: Submission, at: float) -> bool:
        record, who = self.records[message.record_id], message.actor.account_id
        task = message.task_id.rpartition(".")[2]
        kind, _, slot = task.partition("-")
        standing = {each.who for each in record.slots.values()}
        others = record.judged.get(who, set()) - {kind}
        if task not in record.open or who in standing or others:
            return False
        record.judged.setdefault(who, set()).add(kind)
        record.open.discard(task)
        if kind == ADJUDICATION:
            record.decision = Answer(message, at)
        else:
            record.slots[int(slot)] = Answer(message, at)
        record.weigh(self.rules)
        return True

    def _correct(self, message: Submission, at: float) -> bool:
        record = self.records[message.record_id]
        found = [
            (slot, each)
            for slot, each in record.slots.items()
            if each.message.review_id == message.corrects
            and each.message.task_id == message.task_id
            and each.who == message.actor.account_id
        ]
        if not found or not self._alive(record, at):
            return False
        [(slot, before)] = found
        self.status[before.message.review_id] = "corrected"
        record.slots[slot] = Answer(message, at)
        record.weigh(self.rules)
        return True

    def _undo(self, message: UndoRequested, at: float, asked: float) -> None:
        record = self.records[message.record_id]
        # What an adjudicator has settled, nobody but the adjudicator takes back.
        standing = [record.decision] if record.decision else list(record.slots.values())
        found = [
            each
            for each in standing
            if each.message.review_id == message.review_id
            and each.who == message.actor.account_id
            and each.message.corrects is None
            and asked - each.at < self.rules.undo_seconds
        ]
        if not self.rules.undo_seconds or not found or not self._alive(record, at):
            return
        [answer] = found
        self.status[message.review_id] = "undone"
        if answer is record.decision:
            record.decision = None
            record.settled = None
        record.slots = {slot: each for slot, each in record.slots.items() if each is not answer}
        record.weigh(self.rules)

    def _alive(self, record: Record, at: float) -> bool:
        held = record.settled is not None and record.settled[0] in HELD
        return not self.closed and not held and at < record.deadline

    def _hold_unsettled(self, how: str) -> None:
        for record in self.records.values():
            if record.settled is None:
                record.hold(how)
