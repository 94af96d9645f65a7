"""What a shard takes back, the read model takes back too, however late a projection comes again."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Connection, Engine, select

from domain.ids import ReviewId, Timestamp
from domain.moments import later
from domain.progress import ShardRecord, ShardRules
from domain.reviewing import Escalation, ReviewRules
from domain.reviews import DeadlineExtended, Submission, UndoRequested, Verdict, VerdictKind
from domain.shards import Shard
from domain.tasks import Projection, TaskKind
from storage import reviews
from storage.claims import claim_named
from storage.projection import project_shard
from storage.tables import participations, tasks
from storage.tables import reviews as review_table
from tests.storage.samples import LEASE, NOON, actor, make_round, person, record, schema

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
    accounts: list[str]
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


@pytest.fixture
def projected(engine: Engine, connection: Connection) -> Projected:
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


def task(ordinal: int, slot: int) -> str:
    return f"r1.0.{ordinal}.review-{slot}"


def test_an_answer_that_is_taken_back_leaves_the_task_with_its_author(
    projected: Projected,
) -> None:
    ann = projected.accounts[0]
    claim_named(projected.connection, ann, task(0, 0), LEASE)  # type: ignore[arg-type]
    projected.review(0, 0, 0, "billing")
    projected.project()
    projected.undo(0, 0, "0/review-0/0")
    projected.project()
    row = projected.connection.execute(select(tasks).where(tasks.c.task_id == task(0, 0))).one()
    assert (row.status, row.holder, row.review_id) == ("claimed", ann, None)
    [review] = reviews.reviews_of(projected.connection, projected.shard.rules.round_id)
    assert (review.status, review.retracted_at) == ("undone", projected.at)
    projected.check()


def test_who_took_an_answer_back_keeps_their_part_in_the_record(projected: Projected) -> None:
    ann = projected.accounts[0]
    claim_named(projected.connection, ann, task(0, 0), LEASE)  # type: ignore[arg-type]
    projected.review(0, 0, 0, "billing")
    projected.project()
    projected.undo(0, 0, "0/review-0/0")
    projected.project()
    parts = projected.connection.scalars(
        select(participations.c.part).where(participations.c.account_id == ann)
    )
    assert parts.all() == [TaskKind.REVIEW]


@pytest.mark.parametrize("seed", range(8))
def test_after_anything_in_any_order_the_tables_say_what_the_shard_says(
    projected: Projected, seed: int
) -> None:
    """Now and then an earlier projection comes again, as from an attempt that was given up."""
    chance = random.Random(seed)
    given: list[tuple[int, int, str]] = []
    for _ in range(60):
        ordinal, slot, who = chance.randrange(RECORDS), chance.randrange(3), chance.randrange(4)
        label = chance.choice(["billing", "other"])
        named = f"{len(projected.shard.state.seen)}"
        match chance.choice("rrrrraauuuucext"):
            case "r":
                projected.review(ordinal, slot, who, label, review_id=named)
                given.append((ordinal, who, named))
            case "a":
                projected.adjudicate(ordinal, who, label)
                given.append((ordinal, who, f"{ordinal}/adjudication/{who}"))
            case "u" if given:
                projected.undo(*chance.choice(given))
            case "c" if given:
                ordinal, who, earlier = chance.choice(given)
                projected.review(ordinal, slot, who, label, review_id=named, corrects=earlier)
                given.append((ordinal, who, named))
            case "e":
                projected.extend()
            case "t":
                projected.rest(chance.choice([10.0, 120.0, 600.0]))
        if chance.random() < 0.6:
            projected.project()
            before = projected.rows()
            project_shard(projected.connection, chance.choice(projected.projections))
            assert projected.rows() == before
            projected.check()
