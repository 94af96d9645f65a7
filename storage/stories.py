"""Everything that happened to one record, in order: from import to the models that learnt it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection, and_, select

from domain.ids import PoolId, RecordId, RoundId, Timestamp
from domain.reviews import Verdict
from domain.tasks import ReviewStatus
from storage.reviews import outcome_of_row, review_of_row
from storage.tables import (
    batch_records,
    dataset_versions,
    lanes,
    model_versions,
    outcomes,
    records,
    reviews,
    rounds,
    superseded_records,
)
from storage.visibility import visible

Fact = str | int | float | bool | None


class StepKind(StrEnum):
    REPLACED = "replaced"
    """Imported anew: what it said before is kept for the rounds that chose it."""
    IMPORTED = "imported"
    SELECTED = "selected"
    ANSWERED = "answered"
    CONCLUDED = "concluded"
    PUBLISHED = "published"
    LEARNT = "learnt"


@dataclass(frozen=True, kw_only=True)
class Step:
    at: Timestamp
    kind: StepKind
    round_id: RoundId | None = None
    who: str = ""
    verdict: Verdict | None = None
    detail: dict[str, Fact] = field(default_factory=dict)


def story_of(connection: Connection, pool_id: PoolId, record_id: RecordId) -> list[Step]:
    """The steps that the reader may see, the earliest first; empty where there is no record."""
    steps = [
        *_imports(connection, pool_id, record_id),
        *_selections(connection, pool_id, record_id),
        *_answers(connection, pool_id, record_id),
        *_outcomes(connection, pool_id, record_id),
        *_publications(connection, pool_id, record_id),
    ]
    return sorted(steps, key=lambda step: (step.at, list(StepKind).index(step.kind)))


def _imports(connection: Connection, pool_id: PoolId, record_id: RecordId) -> Iterator[Step]:
    for row in connection.execute(
        select(superseded_records).where(
            superseded_records.c.pool_id == pool_id,
            superseded_records.c.record_id == record_id,
            visible(connection, superseded_records),
        )
    ):
        yield Step(
            at=row.superseded_at,
            kind=StepKind.REPLACED,
            detail={"content_digest": row.content_digest, "label": row.label},
        )
    for row in connection.execute(
        select(records).where(
            records.c.pool_id == pool_id,
            records.c.record_id == record_id,
            visible(connection, records),
        )
    ):
        yield Step(
            at=row.updated_at,
            kind=StepKind.IMPORTED,
            detail={"content_digest": row.content_digest, "label": row.label, "role": row.role},
        )


def _selections(connection: Connection, pool_id: PoolId, record_id: RecordId) -> Iterator[Step]:
    rows = connection.execute(
        select(batch_records, rounds.c.plan["requested_at"].astext.label("at"), lanes.c.queue)
        .join(rounds, rounds.c.round_id == batch_records.c.round_id)
        .join(
            lanes,
            and_(
                lanes.c.round_id == batch_records.c.round_id,
                lanes.c.lane == batch_records.c.lane,
            ),
        )
        .where(
            rounds.c.pool_id == pool_id,
            batch_records.c.record_id == record_id,
            visible(connection, batch_records),
        )
    )
    for row in rows:
        yield Step(
            at=Timestamp(row.at),
            kind=StepKind.SELECTED,
            round_id=RoundId(row.round_id),
            detail={
                "arm": row.arm,
                "reason": row.reason,
                "score": row.score,
                "propensity": row.propensity,
                "predicted": row.predicted,
                "queue": row.queue,
            },
        )


def _answers(connection: Connection, pool_id: PoolId, record_id: RecordId) -> Iterator[Step]:
    rows = connection.execute(
        select(reviews)
        .join(rounds, rounds.c.round_id == reviews.c.round_id)
        .where(
            rounds.c.pool_id == pool_id,
            reviews.c.record_id == record_id,
            visible(connection, reviews),
        )
    )
    for row in rows:
        review = review_of_row(row)
        yield Step(
            at=review.decided_at,
            kind=StepKind.ANSWERED,
            round_id=review.round_id,
            who=review.reviewer,
            verdict=review.verdict,
            detail={
                "kind": review.kind.value,
                "status": review.status.value,
                "rationale": review.rationale,
                "confidence": review.confidence,
                "refusal": review.refusal,
                "stands": review.status is ReviewStatus.ACCEPTED,
            },
        )


def _outcomes(connection: Connection, pool_id: PoolId, record_id: RecordId) -> Iterator[Step]:
    rows = connection.execute(
        select(outcomes)
        .join(rounds, rounds.c.round_id == outcomes.c.round_id)
        .where(
            rounds.c.pool_id == pool_id,
            outcomes.c.record_id == record_id,
            visible(connection, outcomes),
        )
    )
    for row in rows:
        outcome = outcome_of_row(row).outcome
        yield Step(
            at=row.decided_at,
            kind=StepKind.CONCLUDED,
            round_id=RoundId(row.round_id),
            verdict=outcome.verdict,
            detail={
                "how": outcome.how.value,
                "label_confidence": outcome.label_confidence,
                "reviews": outcome.reviews,
            },
        )


def _publications(connection: Connection, pool_id: PoolId, record_id: RecordId) -> Iterator[Step]:
    """Versions that its rounds published, and what was trained on them."""
    versions = connection.execute(
        select(dataset_versions)
        .join(outcomes, outcomes.c.round_id == dataset_versions.c.round_id)
        .join(rounds, rounds.c.round_id == dataset_versions.c.round_id)
        .where(
            rounds.c.pool_id == pool_id,
            outcomes.c.record_id == record_id,
            visible(connection, outcomes),
        )
    ).all()
    for row in versions:
        named: dict[str, Fact] = {"dataset": row.dataset, "version": row.version}
        yield Step(
            at=row.published_at,
            kind=StepKind.PUBLISHED,
            round_id=RoundId(row.round_id),
            detail=named,
        )
        for model in connection.execute(
            select(model_versions).where(
                model_versions.c.dataset == row.dataset,
                model_versions.c.dataset_version == row.version,
            )
        ):
            yield Step(
                at=model.created_at,
                kind=StepKind.LEARNT,
                round_id=RoundId(model.round_id),
                detail=named | {"model": model.digest},
            )
