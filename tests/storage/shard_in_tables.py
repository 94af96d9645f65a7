"""A shard beside the tables that it is shown in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from domain.directing import Direction, TaskDirected
from domain.ids import AccountId, ReviewId, TaskId, Timestamp
from domain.moments import later
from domain.progress import ShardRecord, ShardRules
from domain.reviewing import Escalation, ReviewRules
from domain.reviews import DeadlineExtended, Submission, UndoRequested, Verdict, VerdictKind
from domain.shards import Shard
from domain.tasks import Projection
from storage import reviews
from storage.projection import project_shard
from storage.tables import reviews as review_table
from storage.tables import tasks
from tests.storage.samples import NOON, actor, make_round, person, record, schema

RECORDS = 3
PEOPLE = ("Ann", "Bob", "Cid", "Eve")
RULES = ReviewRules(
    extra_reviews=1,
    undo_seconds=3_600.0,
    escalations=(Escalation(after_hours=0.05, roles=("admin",), every_hours=0.05, times=5),),
)


@dataclass
class Projected:
    """A shard and the tables that it is shown in."""

    connection: Connection
    shard: Shard
    accounts: list[AccountId]
    at: Timestamp = NOON
    projections: list[Projection] = field(default_factory=list)

    def project(self) -> None:
        projection = self.shard.drain(self.at)
        self.projections.append(projection)
        project_shard(self.connection, projection)

    def review(self, ordinal: int, slot: int, who: int, label: str, **more: str) -> None:
        self.at = later(self.at, 1.0)
        self.shard.review(self._answer(f"review-{slot}", ordinal, who, label, **more), self.at)

    def adjudicate(self, ordinal: int, who: int, label: str) -> None:
        self.at = later(self.at, 1.0)
        self.shard.adjudicate(self._answer("adjudication", ordinal, who, label), self.at)

    def undo(self, ordinal: int, who: int, review_id: str) -> None:
        self.at = later(self.at, 1.0)
        request = UndoRequested(
            request_id=f"undo {len(self.shard.state.seen)}",
            round_id=self.shard.rules.round_id,
            record_id=record(ordinal),
            review_id=ReviewId(review_id),
            actor=actor(self.accounts[who]),
            submitted_at=self.at,
        )
        self.shard.undo(request, self.at)

    def direct(self, ordinal: int, slot: int, what: Direction, who: int = 0, **more: Any) -> None:
        self.at = later(self.at, 1.0)
        rules = self.shard.rules
        usual: dict[Direction, dict[str, Any]] = {
            Direction.DELEGATE: {"to_account": self.accounts[who]},
            Direction.FORWARD: {"to_lane": 1, "to_queue": "experts"},
            Direction.SUSPEND: {"until": later(self.at, 60.0)},
        }
        request = TaskDirected(
            request_id=f"direct {len(self.shard.state.seen)}",
            round_id=rules.round_id,
            task_id=task(ordinal, slot),
            record_id=record(ordinal),
            direction=what,
            reason=more.pop("reason", "it is better so"),
            actor=actor(self.accounts[who]),
            submitted_at=self.at,
            **usual.get(what, {}) | more,
        )
        self.shard.direct(request, self.at)

    def task(self, ordinal: int, slot: int) -> Row[Any]:
        query = select(tasks).where(tasks.c.task_id == task(ordinal, slot))
        return self.connection.execute(query).one()

    def extend(self) -> None:
        self.at = later(self.at, 1.0)
        request = DeadlineExtended(
            request_id=f"more {len(self.shard.state.seen)}",
            round_id=self.shard.rules.round_id,
            seconds=60.0,
            reason="holidays",
            actor=actor("acc-team"),
            submitted_at=self.at,
        )
        self.shard.extend_deadline(request, self.at)

    def rest(self, seconds: float) -> None:
        self.at = later(self.at, seconds)
        self.shard.time_passed(self.at)

    def rows(self) -> list[object]:
        return [
            *self.connection.execute(select(tasks).order_by(tasks.c.task_id)).all(),
            *reviews.reviews_of(self.connection, self.shard.rules.round_id),
            *reviews.outcomes_of(self.connection, self.shard.rules.round_id),
        ]

    def check(self) -> None:
        """The tables say what the shard says."""
        state = self.shard.state
        shown = {row.task_id: row for row in self.connection.execute(select(tasks))}
        waiting = {task for task, row in shown.items() if row.status in {"open", "claimed"}}
        assert waiting == {task for each in state.progress for task in each.open_tasks}
        for each in state.progress:
            assert {shown[task].deadline for task in each.open_tasks} <= {each.deadline}
            assert {shown[task].priority for task in each.open_tasks} <= {each.escalated}
            answers = [*each.reviews, *([each.adjudication] if each.adjudication else [])]
            for given in answers:
                row = shown[given.slot_task]
                assert (row.status, row.review_id) == ("done", given.review_id)
        concluded = reviews.outcomes_of(self.connection, self.shard.rules.round_id)
        assert sorted((each.outcome for each in concluded), key=lambda each: each.record_id) == (
            sorted(self.shard.outcomes, key=lambda each: each.record_id)
        )
        standing = select(review_table.c.review_id).where(review_table.c.status == "accepted")
        assert set(self.connection.scalars(standing)) == {
            each.review_id for _, each in self.shard.given
        } | {each.adjudication.review_id for each in state.progress if each.adjudication}

    def _answer(self, task: str, ordinal: int, who: int, label: str, **more: str) -> Submission:
        rules = self.shard.rules
        named = more.get("review_id") or f"{ordinal}/{task}/{who}"
        corrects = more.get("corrects")
        return Submission(
            review_id=ReviewId(named),
            task_id=f"{rules.round_id}.0.{ordinal}.{task}",  # type: ignore[arg-type]
            record_id=record(ordinal),
            verdict=Verdict(kind=VerdictKind.LABEL, label=label),
            confidence=None,
            rationale="because",
            seconds=1.0,
            guideline="plain@1",
            actor=actor(self.accounts[who]),
            submitted_at=self.at,
            corrects=ReviewId(corrects) if corrects else None,
        )


def shard_in_tables(engine: Engine, connection: Connection) -> Projected:
    """A shard of a few records whose tasks are open, and four people."""
    made = make_round(engine, records=RECORDS, slots=0)
    rules = ShardRules(
        round_id=made.round_id,
        shard=0,
        look=1,
        schema=schema(),
        reviews_per_record=2,
        review_seconds=86_400.0,
        reviewing=RULES,
    )
    records = [ShardRecord(ordinal=n, record_id=record(n)) for n in range(RECORDS)]
    accounts = [person(connection, name).account_id for name in PEOPLE]
    shard = Shard.opened(rules, records, NOON)
    world = Projected(connection=connection, shard=shard, accounts=list(accounts))
    world.project()
    return world


def task(ordinal: int, slot: int) -> TaskId:
    return TaskId(f"r1.0.{ordinal}.review-{slot}")
