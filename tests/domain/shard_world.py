"""Small shards and the messages that people send to them."""

from __future__ import annotations

from typing import Any

from domain.accounts import Actor
from domain.directing import Direction, TaskDirected
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
from domain.moments import later
from domain.progress import ShardRecord, ShardRules
from domain.reviewing import ReviewRules
from domain.reviews import (
    ClosingRequested,
    DeadlineExtended,
    Submission,
    UndoRequested,
    Verdict,
    VerdictKind,
)
from domain.shards import Shard

ROUND = RoundId("r-1")
AT = Timestamp("2026-01-01T00:00:00.000000+00:00")
DEADLINE = Timestamp("2026-01-15T00:00:00.000000+00:00")
DAY = 86_400.0
PLAIN = ReviewRules()
SCHEMA = LabelSchema(
    name="animals", version=1, classes=(LabelClass(label="cat"), LabelClass(label="dog"))
)


def actor(name: str) -> Actor:
    return Actor(account_id=AccountId(name), name=name, authenticated_by="token")


def record_id(ordinal: int) -> RecordId:
    return RecordId(f"record-{ordinal}")


def open_shard(
    records: int = 2,
    *,
    reviews_per_record: int = 2,
    look: int = 1,
    reviewing: ReviewRules = PLAIN,
    seconds: dict[int, float] | None = None,
    reviews: dict[int, int] | None = None,
) -> Shard:
    """A shard that was opened at `AT`; `seconds` and `reviews` are those of single records."""
    rules = ShardRules(
        round_id=ROUND,
        shard=0,
        look=look,
        schema=SCHEMA,
        reviews_per_record=reviews_per_record,
        review_seconds=14 * DAY,
        reviewing=reviewing,
    )
    records_ = [
        ShardRecord(
            ordinal=ordinal,
            record_id=record_id(ordinal),
            lane=ordinal % 2,
            reviews=(reviews or {}).get(ordinal),
            seconds=(seconds or {}).get(ordinal),
        )
        for ordinal in range(records)
    ]
    return Shard.opened(rules, records_, AT)


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
    confidence: float | None = 0.9,
    corrects: str | None = None,
) -> Submission:
    return Submission(
        review_id=ReviewId(review_id or f"{ordinal}-{slot}-{who}"),
        task_id=review_task_id(ROUND, 0, ordinal, slot),
        record_id=record_id(ordinal),
        verdict=label(verdict) if isinstance(verdict, str) else verdict,
        confidence=confidence,
        rationale=rationale,
        seconds=2.0,
        guideline="animals@1",
        actor=actor(who),
        submitted_at=AT,
        corrects=None if corrects is None else ReviewId(corrects),
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


def undo(
    ordinal: int, who: str, review_id: str, *, request_id: str = "", asked: Timestamp = AT
) -> UndoRequested:
    return UndoRequested(
        request_id=request_id or f"undo-{review_id}-{who}",
        round_id=ROUND,
        record_id=record_id(ordinal),
        review_id=ReviewId(review_id),
        actor=actor(who),
        submitted_at=asked,
    )


def direction(
    ordinal: int,
    slot: int,
    what: Direction,
    *,
    who: str = "req",
    request_id: str = "",
    reason: str = "it is better so",
    **more: Any,
) -> TaskDirected:
    """About a review task; `more` is whither, where `what` alone does not say it."""
    usual: dict[Direction, dict[str, Any]] = {
        Direction.DELEGATE: {"to_account": AccountId("cid")},
        Direction.FORWARD: {"to_lane": 1, "to_queue": "experts"},
        Direction.SUSPEND: {"until": later(AT, DAY)},
    }
    named = {
        "request_id": request_id or f"{what}-{ordinal}-{slot}",
        "task_id": review_task_id(ROUND, 0, ordinal, slot),
        "record_id": record_id(ordinal),
        "round_id": ROUND,
    }
    return TaskDirected(
        direction=what,
        reason=reason,
        actor=actor(who),
        submitted_at=AT,
        **named | (usual.get(what, {}) | more),
    )


def extension(seconds: float = 3600.0, *, request_id: str = "x") -> DeadlineExtended:
    return DeadlineExtended(
        request_id=request_id,
        round_id=ROUND,
        seconds=seconds,
        reason="holidays",
        actor=actor("req"),
        submitted_at=AT,
    )


def closing(*, request_id: str = "close") -> ClosingRequested:
    return ClosingRequested(
        request_id=request_id,
        round_id=ROUND,
        reason="we have enough",
        actor=actor("req"),
        submitted_at=AT,
    )
