"""A shard, its tables and the people at them, without the processes between: what the API and the
worker do, call by call, so that each of them can be broken off anywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sqlalchemy import Connection, func, select, update

from domain.canonical import digest
from domain.errors import LabelwrightError
from domain.ids import AccountId, RecordId, ReviewId, RoundId, TaskId, Timestamp
from domain.moments import later, seconds_between
from domain.progress import ShardRecord, ShardRules
from domain.reviewing import ReviewRules
from domain.reviews import ClosingRequested, DeadlineExtended, Submission, UndoRequested
from domain.shards import Shard
from domain.tasks import Projection, TaskKind
from storage import claims, corrections, reviews, submissions
from storage.participations import free
from storage.projection import project_shard
from storage.submissions import Receipt
from storage.tables import review_receipts, tasks
from storage.tables import reviews as review_rows
from tests.reviewing_model import ADJUDICATION, Message, Model, Rules
from tests.storage.samples import BOTH, LEASE, NOON, record, schema

RULES = Rules(wanted=2, extra=1, min_confidence=0.5, undo_seconds=60.0)
ROUND = RoundId("r1")
RECORDS = 2
SECONDS = 3_600.0
Found = TypeVar("Found")
Handled = tuple[Timestamp, tuple[Message, ...]]
"""What a workflow task took from the inbox, and when; nothing: time had passed."""


def _rules() -> ShardRules:
    return ShardRules(
        round_id=ROUND,
        shard=0,
        look=1,
        schema=schema(),
        reviews_per_record=RULES.wanted,
        review_seconds=SECONDS,
        reviewing=ReviewRules(
            extra_reviews=RULES.extra,
            min_confidence=RULES.min_confidence,
            undo_seconds=RULES.undo_seconds,
            remind_at=(0.5,),
        ),
    )


@dataclass
class Reviewing:
    connection: Connection
    model: Model = field(init=False)
    shard: Shard = field(init=False)
    seconds: float = 0.0
    inbox: list[Message] = field(default_factory=list)
    """Signals that Temporal has and the shard has not handled."""
    handled: list[Handled] = field(default_factory=list)
    projections: list[Projection] = field(default_factory=list)
    sent: dict[ReviewId, Submission] = field(default_factory=dict)
    """Every answer that got a receipt."""
    unacknowledged: list[ReviewId] = field(default_factory=list)
    """Their clients do not know yet what became of them."""
    promised: set[ReviewId] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.model = Model(map(record, range(RECORDS)), RULES, seconds=SECONDS)
        self.shard = _opened()
        self.project()

    @property
    def at(self) -> Timestamp:
        return later(NOON, self.seconds)

    # -- what a request does -----------------------------------------------------------------

    def ask(self, request: Callable[[], Found]) -> Found | LabelwrightError:
        """What a request answers; one that is refused leaves nothing behind."""
        try:
            with self.connection.begin_nested():
                return request()
        except LabelwrightError as error:
            return error

    def claim(self, who: AccountId) -> TaskId | None:
        found = claims.claim_task(self.connection, who, kinds=BOTH, lease=LEASE)
        return None if found is None else found.task_id

    def lapse(self, task_id: TaskId) -> None:
        """As if the lease had been given long ago: within a transaction the clock stands still."""
        past = func.now() - LEASE
        self.connection.execute(
            update(tasks)
            .where(tasks.c.task_id == task_id, tasks.c.status == "claimed")
            .values(lease_until=past)
        )

    def begin(self, submission: Submission) -> Receipt | LabelwrightError:
        """The receipt of an answer, before it is signalled."""
        body = digest(replace(submission, submitted_at=NOON))
        who = submission.actor.account_id

        def correction(earlier: ReviewId) -> Receipt:
            return corrections.begin_correction(
                self.connection,
                review_id=submission.review_id,
                corrects=corrections.find_receipt(self.connection, earlier, who),
                body_digest=body,
            )

        def answer() -> Receipt:
            return submissions.begin_submission(
                self.connection,
                review_id=submission.review_id,
                task_id=submission.task_id,
                account_id=who,
                body_digest=body,
                hold_for=LEASE,
            )

        earlier = submission.corrects
        receipt = self.ask(answer if earlier is None else lambda: correction(earlier))
        if isinstance(receipt, Receipt) and not receipt.repeated:
            self.sent[submission.review_id] = submission
            self.unacknowledged.append(submission.review_id)
        return receipt

    def acknowledge(self, review_id: ReviewId) -> None:
        submissions.acknowledge(self.connection, [review_id])
        self.unacknowledged.remove(review_id)
        self.promised.add(review_id)

    def send_again(self, review_id: ReviewId) -> None:
        """As a client does that got no answer: it gets one, and its answer counts once."""
        receipt = self.begin(self.sent[review_id])
        assert isinstance(receipt, Receipt), receipt
        assert receipt.repeated
        if receipt.acknowledged_at is None:
            self.inbox.append(self.sent[review_id])
        if review_id in self.unacknowledged:
            self.acknowledge(review_id)

    # -- what the worker does -----------------------------------------------------------------

    def work(self, most: int) -> None:
        """Handles what has come in, or the passing of time, and shows what came of it."""
        self.seconds += 1.0
        taken, self.inbox = self.inbox[:most], self.inbox[most:]
        self.handled.append((self.at, tuple(taken)))
        _handle(self.shard, self.at, taken)
        for message in taken:
            asked = seconds_between(NOON, message.submitted_at)
            self.model.hear(message, self.seconds, asked=asked)
        if not taken:
            self.model.time_passes(self.seconds)
        self.project()

    def project(self) -> None:
        """Tells the tables; the first attempt dies with its transaction, and then one of an earlier
        projection, which was given up, comes through after all."""
        projection = self.shard.drain(self.at)
        self.projections.append(projection)
        with self.connection.begin_nested() as broken_off:
            project_shard(self.connection, projection)
            broken_off.rollback()
        project_shard(self.connection, projection)
        for earlier in self.projections[-3:-1]:
            self.project_again(earlier)

    def project_again(self, projection: Projection) -> None:
        project_shard(self.connection, projection)

    def replay(self) -> None:
        """Another worker goes on, from the history alone."""
        replayed = _opened()
        replayed.drain(NOON)
        for at, taken in self.handled:
            _handle(replayed, at, taken)
            replayed.drain(at)
        assert replayed.state == self.shard.state
        self.shard = replayed

    def hand_over(self) -> None:
        self.shard = Shard(self.shard.rules, self.shard.state)

    # -- what must hold -----------------------------------------------------------------------

    def claimable(self, who: AccountId, *, surely: bool = False) -> set[TaskId]:
        """What this person may take now. An answer that was refused settles nothing for good: what
        may be offered after one is not `surely` so."""
        rows = self.connection.execute(select(tasks, free().label("free"))).all()
        allowed = set()
        for row in rows:
            given = [
                (each.task_id, self.model.status.get(each.review_id, "on its way"))
                for each in self.sent.values()
                if each.actor.account_id == who and each.record_id == row.record_id
            ]
            held = {each.task_id for each in rows if each.holder == who} - {row.task_id}
            held = {each for each in held if _record_part(each) == _record_part(row.task_id)}
            answered = {task for task, status in given if status not in {"refused", "undone"}}
            parts = {task for task, status in given if surely or status != "refused"} | held
            other_kind = {task for task in parts if _kind(task) is not _kind(row.task_id)}
            if row.free and not held and not answered - {row.task_id} and not other_kind:
                allowed.add(row.task_id)
        return allowed

    def check(self) -> None:
        """The tables say what the model says, and no rule about people is broken."""
        rows = self.connection.execute(select(tasks)).all()
        waiting = {
            (RecordId(row.record_id), row.task_id.rpartition(".")[2])
            for row in rows
            if row.status in {"open", "claimed", "submitted"}
        }
        assert waiting == self.model.open_tasks
        holders = [(row.record_id, row.holder) for row in rows if row.holder is not None]
        assert len(holders) == len(set(holders)), "somebody has two tasks of one record"
        shown = reviews.reviews_of(self.connection, self.shard.rules.round_id)
        assert {each.review_id: each.status.value for each in shown} == self.model.status
        parts: dict[tuple[str, str], set[TaskKind]] = {}
        for each in shown:
            if each.status != "refused":
                parts.setdefault((each.record_id, each.account_id), set()).add(each.kind)
        assert all(len(kinds) == 1 for kinds in parts.values()), "who reviewed adjudicates"
        for record_id in self.model.records:
            standing = [
                each.account_id
                for each in shown
                if each.record_id == record_id
                and each.kind is TaskKind.REVIEW
                and each.status == "accepted"
            ]
            assert len(standing) == len(set(standing)) <= RULES.wanted + RULES.extra
        concluded = reviews.outcomes_of(self.connection, self.shard.rules.round_id)
        assert {
            each.outcome.record_id: (
                each.outcome.how.value,
                each.outcome.verdict and each.outcome.verdict.answer,
            )
            for each in concluded
        } == self.model.outcomes

    def check_nothing_lost(self) -> None:
        """What was promised is in the history and in the tables, once; there is nothing else."""
        in_history = {
            message.review_id
            for _, taken in self.handled
            for message in taken
            if isinstance(message, Submission)
        }
        rows = self.connection.scalars(select(review_rows.c.review_id)).all()
        receipts = self.connection.execute(select(review_receipts)).all()
        assert self.promised == in_history == set(rows)
        assert len(rows) == len(set(rows))
        assert {row.review_id for row in receipts if row.acknowledged_at} == self.promised

    def check_nothing_stuck(self, newcomer: AccountId) -> None:
        """Once every lease has run out, somebody new gets a task of each record that has any."""
        for task_id in self.connection.scalars(select(tasks.c.task_id)).all():
            self.lapse(task_id)
        taken = []
        while (task_id := self.claim(newcomer)) is not None:
            taken.append(_record_part(task_id))
        waiting = {record_id for record_id, _ in self.model.open_tasks}
        assert len(taken) == len(set(taken)) == len(waiting)


def _opened() -> Shard:
    records = [ShardRecord(ordinal=n, record_id=record(n)) for n in range(RECORDS)]
    return Shard.opened(_rules(), records, NOON)


def _handle(shard: Shard, at: Timestamp, taken: Sequence[Message]) -> None:
    for message in taken:
        match message:
            case Submission() if _kind(message.task_id) is TaskKind.ADJUDICATION:
                shard.adjudicate(message, at)
            case Submission():
                shard.review(message, at)
            case UndoRequested():
                shard.undo(message, at)
            case DeadlineExtended():
                shard.extend_deadline(message, at)
            case ClosingRequested():
                shard.close(message, at)
    if not taken:
        shard.time_passed(at)


def _kind(task_id: TaskId) -> TaskKind:
    return TaskKind.ADJUDICATION if task_id.endswith(ADJUDICATION) else TaskKind.REVIEW


def _record_part(task_id: TaskId) -> str:
    return task_id.rpartition(".")[0]
