"""Rounds: what is asked for, what is shown, what people decide about them."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict, Field, model_validator

from api.schemas.body import Body, Document, Name, Reason
from api.schemas.policies import PolicySummary
from api.schemas.reviewing import ReviewingBody
from api.schemas.routings import RoutingSummary
from domain.accounts import Actor
from domain.canonical import Sha256
from domain.gold import MAX_CALIBRATION, MAX_SHARE, MAX_WINDOW, GoldRules
from domain.ids import PoolId, RecordId, RoundId, Timestamp
from domain.outcomes import How
from domain.policy import MAX_BATCH
from domain.records import ContentKind
from domain.reviewing import ReviewRules
from domain.reviews import Verdict
from domain.roles import RoleShares
from domain.rounds import MAX_REVIEWS_PER_RECORD, Phase
from storage.reviews import DecidedOutcome, Review
from storage.rounds import BatchRow, Round
from storage.tasks import Backlog

MAX_REVIEW_HOURS = 24.0 * 366


@dataclass(frozen=True, kw_only=True)
class RoundView:
    round_id: RoundId
    pool: PoolId
    kind: ContentKind
    dataset: str
    purpose: str
    phase: Phase
    awaiting: Document | None
    """Whom the round waits for; for an approver also `dataset_digest`, or `batch_digest` with the
    `failed_gates` and `shortfalls` that hold the batch."""
    summary: Document
    """What is known so far: batch with its findings, batch_decisions, policy (the one in force),
    quality, candidate, published, evaluation, and `duties_overridden` where somebody decided
    against the separation of duties."""
    failure: Document | None
    policy: PolicySummary
    policy_approved_by: str
    """The account that approved this version of the policy."""
    policy_approved_at: str
    schema: str
    labels: list[str]
    guideline: str
    routing: RoutingSummary
    reviews_per_record: int
    review_seconds: float
    reviewing: ReviewRules
    requested_by: Actor
    requested_at: Timestamp
    ledger_head: Sha256 | None
    ledger_length: int | None
    created_at: Timestamp
    updated_at: Timestamp | None
    closed_at: Timestamp | None
    archived_at: Timestamp | None
    backlog: list[Backlog] | None = None
    """Tasks by kind and status; not in lists."""

    @classmethod
    def of(cls, round_: Round, backlog: list[Backlog] | None = None) -> RoundView:
        plan = round_.plan
        return cls(
            round_id=plan.round_id,
            pool=plan.pool_id,
            kind=plan.kind,
            dataset=plan.dataset,
            purpose=plan.purpose,
            phase=round_.phase,
            awaiting=round_.awaiting,
            summary=round_.summary,
            failure=round_.failure,
            policy=PolicySummary.of(plan.policy, plan.records),
            policy_approved_by=plan.policy_approved_by,
            policy_approved_at=plan.policy_approved_at,
            schema=f"{plan.schema.name}@{plan.schema.version}",
            labels=list(plan.schema.labels),
            guideline=plan.guideline,
            routing=RoutingSummary.of(plan.routing),
            reviews_per_record=plan.reviews_per_record,
            review_seconds=plan.review_seconds,
            reviewing=plan.reviewing,
            requested_by=plan.requested_by,
            requested_at=plan.requested_at,
            ledger_head=round_.ledger_head,
            ledger_length=round_.ledger_length,
            created_at=round_.created_at,
            updated_at=round_.updated_at,
            closed_at=round_.closed_at,
            archived_at=round_.archived_at,
            backlog=backlog,
        )


@dataclass(frozen=True, kw_only=True)
class BatchRecord:
    ordinal: int
    record_id: RecordId
    content_digest: Sha256
    arm: str
    rank: int
    score: float | None
    propensity: float | None
    reason: str
    predicted: str | None
    """What the model took the record for; none at a cold start."""
    shard: int

    @classmethod
    def of(cls, row: BatchRow) -> BatchRecord:
        selection = row.selection
        return cls(
            ordinal=selection.ordinal,
            record_id=selection.record_id,
            content_digest=row.content_digest,
            arm=selection.arm,
            rank=selection.rank,
            score=selection.score,
            propensity=selection.propensity,
            reason=selection.reason,
            predicted=selection.predicted,
            shard=row.shard,
        )


@dataclass(frozen=True, kw_only=True)
class GivenReview:
    review_id: str
    kind: str
    reviewer: str
    account_id: str
    answer: str
    verdict: Verdict
    confidence: float | None
    rationale: str
    seconds: float
    look: int
    status: str
    refusal: str
    corrects: str | None
    submitted_at: Timestamp

    @classmethod
    def of(cls, review: Review) -> GivenReview:
        return cls(
            review_id=review.review_id,
            kind=review.kind,
            reviewer=review.reviewer,
            account_id=review.account_id,
            answer=review.answer,
            verdict=review.verdict,
            confidence=review.confidence,
            rationale=review.rationale,
            seconds=review.seconds,
            look=review.look,
            status=review.status,
            refusal=review.refusal,
            corrects=review.corrects,
            submitted_at=review.submitted_at,
        )


@dataclass(frozen=True, kw_only=True)
class OutcomeView:
    record_id: RecordId
    verdict: Verdict | None
    answer: str | None
    how: How
    label_confidence: float | None
    look: int
    decided_at: Timestamp
    reviews: list[GivenReview]

    @classmethod
    def of(cls, decided: DecidedOutcome, reviews: list[Review]) -> OutcomeView:
        outcome = decided.outcome
        return cls(
            record_id=outcome.record_id,
            verdict=outcome.verdict,
            answer=None if outcome.verdict is None else outcome.verdict.answer,
            how=outcome.how,
            label_confidence=outcome.label_confidence,
            look=outcome.look,
            decided_at=decided.decided_at,
            reviews=[GivenReview.of(review) for review in reviews],
        )


@dataclass(frozen=True, kw_only=True)
class Decided:
    """Temporal has the decision; the round acts on it, or writes down why not."""

    round_id: RoundId
    decision_id: str
    received_at: Timestamp


class SharesBody(Body):
    """Shares of the random arm that are kept from training."""

    validation: float = Field(default=RoleShares.validation, ge=0.0, le=1.0)
    test: float = Field(default=RoleShares.test, ge=0.0, le=1.0)
    monitoring: float = Field(default=RoleShares.monitoring, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _at_most_all(self) -> SharesBody:
        if self.validation + self.test + self.monitoring > 1.0:
            raise ValueError("the shares add up to more than 1")
        return self

    @property
    def shares(self) -> RoleShares:
        return RoleShares(validation=self.validation, test=self.test, monitoring=self.monitoring)


class GoldBody(Body):
    """How reviewers are measured by records of the pool that have the role gold."""

    share: float = Field(default=GoldRules.share, ge=0.0, le=MAX_SHARE)
    """Of the records that reviewers are given."""
    floor: float = Field(default=GoldRules.floor, ge=0.0, le=1.0)
    """The share of right answers below which a reviewer is paused."""
    least: int = Field(default=GoldRules.least, ge=1, le=MAX_WINDOW)
    """Answers to such records before anybody is judged by them."""
    window: int = Field(default=GoldRules.window, ge=1, le=MAX_WINDOW)
    """The latest such answers that count."""
    calibrate: int = Field(default=GoldRules.calibrate, ge=0, le=MAX_CALIBRATION)
    """How many of them somebody new to the label schema answers before they review."""

    @property
    def rules(self) -> GoldRules:
        return GoldRules(**self.model_dump())


class RoundBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "pool": "support-mail",
                    "policy": "weekly@1",
                    "schema": "banking@1",
                    "guideline": "banking@1",
                    "dataset": "support-mail",
                    "reviews_per_record": 2,
                    "review_hours": 336,
                    "purpose": "Find the intents that the first model confuses.",
                }
            ]
        }
    )

    pool: Name
    policy: str | None = Field(default=None, max_length=100)
    """An approved one: `name` for its latest approved version, or `name@version`. Left out: by how
    many labels there are, cold-start for none, growing below 1,000, mature from there on."""
    records: int | None = Field(default=None, ge=1, le=MAX_BATCH)
    """How many to select, at most the policy's batch size. Left out: as many as that; with neither
    this nor a policy, fewer if the pool has no more."""
    label_schema: str | None = Field(default=None, alias="schema", max_length=100)
    """`name` or `name@version`; left out: the pool's own."""
    guideline: str | None = Field(default=None, max_length=100)
    """`name` or `name@version`; left out: one that says nothing."""
    routing: str | None = Field(default=None, max_length=100)
    """`name` or `name@version`; left out: every reviewer may judge every record."""
    gold: GoldBody = GoldBody()
    dataset: Name | None = None
    """Left out: named after the pool."""
    reviews_per_record: int = Field(default=2, ge=1, le=MAX_REVIEWS_PER_RECORD)
    review_hours: float | None = Field(default=None, gt=0.0, le=MAX_REVIEW_HOURS)
    review_seconds: float | None = Field(default=None, gt=0.0, le=MAX_REVIEW_HOURS * 3600)
    reviewing: ReviewingBody = ReviewingBody()
    """When people have agreed, what must be explained, and when to remind whom."""
    shares: SharesBody = SharesBody()
    purpose: Reason = ""

    @model_validator(mode="after")
    def _one_of_each(self) -> RoundBody:
        if self.review_hours is not None and self.review_seconds is not None:
            raise ValueError("give review_hours or review_seconds, not both")
        return self

    @property
    def seconds(self) -> float:
        if self.review_seconds is not None:
            return self.review_seconds
        return 3600.0 * (14 * 24.0 if self.review_hours is None else self.review_hours)
