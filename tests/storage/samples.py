"""A small round with tasks, built through the functions under test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO

from sqlalchemy import Connection, Engine

from domain.accounts import Actor, Role
from domain.arms import Arm, ArmKind
from domain.canonical import Sha256, digest_bytes
from domain.ids import (
    AccountId,
    PoolId,
    RecordId,
    ReviewId,
    RoundId,
    TaskId,
    Timestamp,
    adjudication_task_id,
    review_task_id,
)
from domain.labels import LabelClass, LabelSchema
from domain.policy import SamplingPolicy
from domain.records import ContentKind
from domain.reviews import Submission, Verdict, VerdictKind
from domain.rounds import RoundPlan
from domain.routing import Lane
from domain.selections import Selection
from domain.tasks import ProjectedReview, ReviewStatus, TaskKind, TaskOpening
from storage import accounts, definitions, lanes, pools, rounds, tasks
from storage.accounts import Account
from storage.importing import ImportReport, import_records
from storage.pools import iterate_snapshot
from storage.readers import Format, Mapping, read_rows
from storage.rounds import BatchRow

NOON = Timestamp("2026-03-01T12:00:00.000000+00:00")
ONE_O_CLOCK = Timestamp("2026-03-01T13:00:00.000000+00:00")
POOL = PoolId("tickets")
LEASE = timedelta(minutes=15)
NO_LEASE = timedelta(0)
BOTH = frozenset(TaskKind)
BODY = Sha256("a" * 64)


def schema() -> LabelSchema:
    return LabelSchema(
        name="topics", version=1, classes=(LabelClass(label="billing"), LabelClass(label="other"))
    )


def plan(round_id: str = "r1") -> RoundPlan:
    return RoundPlan(
        round_id=RoundId(round_id),
        pool_id=POOL,
        kind=ContentKind.TEXT,
        dataset="tickets",
        policy=SamplingPolicy(
            name="plain",
            version=1,
            batch_size=1,
            arms=(Arm(name="random", kind=ArmKind.RANDOM, share=1.0),),
            seed=2**62 + 1,
        ),
        schema=schema(),
        guideline="plain@1",
        guideline_digest=Sha256("b" * 64),
        requested_by=actor("acc-team"),
        requested_at=NOON,
    )


def actor(account_id: str) -> Actor:
    return Actor(account_id=AccountId(account_id), name=account_id, authenticated_by="token")


def person(connection: Connection, name: str) -> Account:
    return accounts.create_account(connection, name=name, roles={Role.REVIEWER, Role.ADJUDICATOR})


def make_pool(engine: Engine, *, kind: ContentKind = ContentKind.TEXT) -> None:
    with engine.begin() as connection:
        pinned = definitions.put_schema(connection, schema(), AccountId("acc-team"))
        pools.create_pool(
            connection,
            POOL,
            kind=kind,
            schema=(pinned.name, pinned.version),
            created_by=AccountId("acc-team"),
        )


def import_lines(engine: Engine, rows: Sequence[object]) -> ImportReport:
    """Imports `rows` as JSON Lines into the pool."""
    file = BytesIO("".join(json.dumps(row) + "\n" for row in rows).encode())
    mapping = Mapping(kind=ContentKind.TEXT, label_column="label", role_column="role")
    return import_records(
        engine,
        POOL,
        read_rows(file, Format.JSON_LINES, mapping),
        schema=schema(),
        created_by=AccountId("acc-team"),
        file_name="tickets.jsonl",
    )


def make_round(engine: Engine, *, records: int = 1, slots: int = 2) -> RoundPlan:
    """A round whose batch is the whole pool, in one shard, with its review tasks open."""
    make_pool(engine)
    import_lines(engine, [{"id": f"t{n:04}", "text": f"text {n}"} for n in range(records)])
    made = plan()
    with engine.begin() as connection:
        rounds.create_round(connection, made)
        [table] = iterate_snapshot(connection, POOL, records)
        batch = [
            BatchRow(
                selection=Selection(
                    ordinal=ordinal,
                    record_id=RecordId(row["record_id"]),
                    arm="random",
                    rank=ordinal,
                    score=None,
                    propensity=0.5,
                    reason="random",
                ),
                content_digest=Sha256(row["content_digest"]),
                shard=0,
            )
            for ordinal, row in enumerate(table.to_pylist())
        ]
        lanes.put_lanes(connection, made.round_id, [Lane(number=0)], schema=made.schema.name)
        rounds.put_batch(connection, made.round_id, batch)
        open_slots(connection, range(records), range(slots))
    return made


def open_slots(connection: Connection, ordinals: Sequence[int], slots: Sequence[int]) -> int:
    return tasks.open_tasks(
        connection,
        round_id=RoundId("r1"),
        shard=0,
        openings=[
            TaskOpening(
                task_id=review_task(ordinal, slot),
                record_id=record(ordinal),
                ordinal=ordinal,
                kind=TaskKind.REVIEW,
                slot=slot,
            )
            for ordinal in ordinals
            for slot in slots
        ],
        deadline=ONE_O_CLOCK,
        at=NOON,
    )


def open_adjudication(connection: Connection, ordinal: int = 0) -> TaskId:
    task_id = adjudication_task_id(RoundId("r1"), 0, ordinal)
    tasks.open_tasks(
        connection,
        round_id=RoundId("r1"),
        shard=0,
        openings=[
            TaskOpening(
                task_id=task_id,
                record_id=record(ordinal),
                ordinal=ordinal,
                kind=TaskKind.ADJUDICATION,
                slot=0,
            )
        ],
        deadline=ONE_O_CLOCK,
        at=NOON,
    )
    return task_id


def record(ordinal: int = 0) -> RecordId:
    return RecordId(f"t{ordinal:04}")


def review_task(ordinal: int = 0, slot: int = 0) -> TaskId:
    return review_task_id(RoundId("r1"), 0, ordinal, slot)


def decided(
    review_id: str,
    *,
    by: AccountId,
    task_id: TaskId | None = None,
    status: ReviewStatus = ReviewStatus.ACCEPTED,
    sequence: int = 1,
    rationale: str = "",
) -> ProjectedReview:
    """A review as the shard decided on it."""
    return ProjectedReview(
        message=Submission(
            review_id=ReviewId(review_id),
            task_id=task_id or review_task(),
            record_id=record(),
            verdict=Verdict(kind=VerdictKind.LABEL, label="billing"),
            confidence=0.9,
            rationale=rationale,
            seconds=3.5,
            guideline="plain@1",
            actor=actor(by),
            submitted_at=NOON,
        ),
        kind=TaskKind.REVIEW,
        status=status,
        refusal="" if status is ReviewStatus.ACCEPTED else "late: the record is settled",
        sequence=sequence,
        decided_at=ONE_O_CLOCK,
        look=1,
    )


def sha(text: str) -> Sha256:
    return digest_bytes(text.encode())
