"""A pool, and a round of it, with one record of each level: everything that may give one away."""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from domain.ids import PoolId, RecordId, RoundId, TaskId, review_task_id
from domain.outcomes import How, Outcome
from domain.reviews import Submission, Verdict, VerdictKind
from domain.routing import Clearance, Lane, Requirement
from domain.selections import Selection
from domain.tasks import ProjectedReview, ReviewStatus, TaskKind, TaskOpening
from storage import lanes, pools, reviews, rounds, tasks
from storage.accounts import Account
from storage.rounds import BatchRow
from tests.storage.samples import (
    NOON,
    ONE_O_CLOCK,
    POOL,
    actor,
    import_lines,
    make_pool,
    person,
    plan,
)

R1 = RoundId("r1")
LEVELS = tuple(Clearance)


def secret(level: Clearance) -> RecordId:
    return RecordId(f"t-{level}")


def task_of(level: Clearance) -> TaskId:
    return review_task_id(R1, 0, level.level, 0)


def make_secrets(engine: Engine) -> Account:
    """Of each level a record, with a task, a review and an outcome; who gave the reviews."""
    make_pool(engine)
    import_lines(engine, [line(level, level.value) for level in LEVELS])
    with engine.begin() as connection:
        author = person(connection, "Ada")
        rounds.create_round(connection, plan())
        lanes.put_lanes(connection, R1, map(lane, LEVELS), schema="topics")
        rounds.put_batch(connection, R1, [row(connection, level) for level in LEVELS])
        tasks.open_tasks(
            connection,
            round_id=R1,
            shard=0,
            openings=[opening(level) for level in LEVELS],
            deadline=ONE_O_CLOCK,
            at=NOON,
        )
        reviews.project_reviews(
            connection,
            round_id=R1,
            shard=0,
            decided=[given(level, author, sequence=level.level) for level in LEVELS],
        )
        reviews.project_outcomes(
            connection,
            round_id=R1,
            shard=0,
            outcomes_=[outcome(level) for level in LEVELS],
            at=ONE_O_CLOCK,
        )
    return author


def line(level: Clearance, sensitivity: str, **more: object) -> dict[str, object]:
    return {
        "id": secret(level),
        "text": f"a {level} text",
        "sensitivity": sensitivity,
        **more,
    }


def lane(level: Clearance) -> Lane:
    return Lane(number=level.level, requirement=Requirement(clearance=level))


def row(connection: Connection, level: Clearance, *, lane: int | None = None) -> BatchRow:
    record = pools.get_record(connection, PoolId(POOL), secret(level))
    return BatchRow(
        selection=Selection(
            ordinal=level.level,
            record_id=record.record_id,
            arm="random",
            rank=level.level,
            score=None,
            propensity=0.5,
            reason="random",
        ),
        content_digest=record.content_digest,
        shard=0,
        lane=level.level if lane is None else lane,
    )


def opening(level: Clearance, *, lane: int | None = None, slot: int = 0) -> TaskOpening:
    return TaskOpening(
        task_id=review_task_id(R1, 0, level.level, slot),
        record_id=secret(level),
        ordinal=level.level,
        kind=TaskKind.REVIEW,
        slot=slot,
        lane=level.level if lane is None else lane,
    )


def given(level: Clearance, author: Account, *, sequence: int) -> ProjectedReview:
    return ProjectedReview(
        message=Submission(
            review_id=f"rev-{level}",  # type: ignore[arg-type]
            task_id=task_of(level),
            record_id=secret(level),
            verdict=Verdict(kind=VerdictKind.LABEL, label="billing"),
            confidence=0.9,
            rationale=f"why the {level} one",
            seconds=3.5,
            guideline="plain@1",
            actor=actor(author.account_id),
            submitted_at=NOON,
        ),
        kind=TaskKind.REVIEW,
        status=ReviewStatus.ACCEPTED,
        refusal="",
        sequence=sequence,
        decided_at=ONE_O_CLOCK,
        look=1,
    )


def outcome(level: Clearance) -> Outcome:
    return Outcome(
        record_id=secret(level),
        verdict=Verdict(kind=VerdictKind.LABEL, label="billing"),
        how=How.AGREEMENT,
        label_confidence=1.0,
        reviews=1,
        look=1,
    )
