"""Small shards and the messages that people send to them."""

from __future__ import annotations

from domain.accounts import Actor
from domain.ids import (
    AccountId,
    RecordId,
    ReviewId,
    RoundId,
    Timestamp,
    adjudication_task_id,
    review_task_id,
)
from domain.labels import LabelClass, LabelSchema
from domain.progress import RecordProgress, ShardRecord, ShardRules, ShardState
from domain.reviews import Submission, Verdict, VerdictKind
from domain.shards import Shard

ROUND = RoundId("r-1")
AT = Timestamp("2026-01-01T00:00:00.000000+00:00")
DEADLINE = Timestamp("2026-01-15T00:00:00.000000+00:00")
SCHEMA = LabelSchema(
    name="animals", version=1, classes=(LabelClass(label="cat"), LabelClass(label="dog"))
)


def actor(name: str) -> Actor:
    return Actor(account_id=AccountId(name), name=name, authenticated_by="token")


def record_id(ordinal: int) -> RecordId:
    return RecordId(f"record-{ordinal}")


def open_shard(records: int = 2, *, reviews_per_record: int = 2, look: int = 1) -> Shard:
    rules = ShardRules(
        round_id=ROUND, shard=0, look=look, schema=SCHEMA, reviews_per_record=reviews_per_record
    )
    progress = tuple(
        RecordProgress(record=ShardRecord(ordinal=ordinal, record_id=record_id(ordinal)))
        for ordinal in range(records)
    )
    shard = Shard(rules, ShardState(progress=progress, deadline=DEADLINE))
    shard.open(AT)
    return shard


def label(text: str) -> Verdict:
    return Verdict(kind=VerdictKind.LABEL, label=text)


def review(
    ordinal: int,
    slot: int,
    who: str,
    verdict: Verdict | str,
    *,
    review_id: str = "",
    rationale: str = "",
) -> Submission:
    return Submission(
        review_id=ReviewId(review_id or f"{ordinal}-{slot}-{who}"),
        task_id=review_task_id(ROUND, 0, ordinal, slot),
        record_id=record_id(ordinal),
        verdict=label(verdict) if isinstance(verdict, str) else verdict,
        confidence=0.9,
        rationale=rationale,
        seconds=2.0,
        guideline="animals@1",
        actor=actor(who),
        submitted_at=AT,
    )


def adjudication(
    ordinal: int, who: str, verdict: Verdict | str, *, review_id: str = ""
) -> Submission:
    return Submission(
        review_id=ReviewId(review_id or f"{ordinal}-adjudication-{who}"),
        task_id=adjudication_task_id(ROUND, 0, ordinal),
        record_id=record_id(ordinal),
        verdict=label(verdict) if isinstance(verdict, str) else verdict,
        confidence=1.0,
        rationale="the ears",
        seconds=9.0,
        guideline="animals@1",
        actor=actor(who),
        submitted_at=AT,
    )
