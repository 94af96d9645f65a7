"""Sampling policies: what is shown of one, and how one is approved."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import ConfigDict, Field, field_validator

from api.documents.writing import dump_yaml, to_document
from api.schemas.body import Body, Document, Reason
from domain.arms import ArmKind, Combine, Diversity, Signal
from domain.canonical import Sha256
from domain.ids import Timestamp
from domain.policy import SamplingPolicy
from storage.policies import GovernedPolicy


class PolicyStatus(StrEnum):
    WAITING = "waiting"
    """Nobody but its author has looked at it; no round may select by it."""
    APPROVED = "approved"


@dataclass(frozen=True, kw_only=True)
class ArmView:
    """An arm with what its kind adds to it."""

    name: str
    kind: ArmKind
    share: float
    records: int
    """Of the batch, or of what the round wants."""
    signals: dict[Signal, float]
    combine: Combine
    diversity: Diversity
    where: str


@dataclass(frozen=True, kw_only=True)
class PolicySummary:
    name: str
    version: int
    digest: Sha256
    description: str
    batch_size: int
    seed: int
    arms: list[ArmView]

    @classmethod
    def of(cls, policy: SamplingPolicy, records: int | None = None) -> PolicySummary:
        return cls(
            name=policy.name,
            version=policy.version,
            digest=policy.digest,
            description=policy.description,
            batch_size=policy.batch_size,
            seed=policy.seed,
            arms=arms_of(policy, records),
        )


@dataclass(frozen=True, kw_only=True)
class ApprovalView:
    account_id: str
    name: str
    at: Timestamp
    reason: str


@dataclass(frozen=True, kw_only=True)
class PolicyView(PolicySummary):
    status: PolicyStatus
    created_by: str
    """The author's name."""
    created_at: Timestamp
    approval: ApprovalView | None
    document: Document
    """The whole policy but for its version, which the system gives. What is left out has its
    default."""
    yaml: str
    """As it was written, comments and all."""

    @classmethod
    def governed(cls, found: GovernedPolicy) -> PolicyView:
        policy, approval = found.policy, found.approval
        return cls(
            name=policy.name,
            version=policy.version,
            digest=policy.digest,
            description=policy.description,
            batch_size=policy.batch_size,
            seed=policy.seed,
            arms=arms_of(policy),
            status=PolicyStatus.WAITING if approval is None else PolicyStatus.APPROVED,
            created_by=found.author_name,
            created_at=found.created_at,
            approval=None
            if approval is None
            else ApprovalView(
                account_id=approval.account_id,
                name=approval.name,
                at=approval.at,
                reason=approval.reason,
            ),
            document=to_document(policy),
            yaml=found.source or dump_yaml(policy),
        )


@dataclass(frozen=True, kw_only=True)
class FaultView:
    line: int | None
    column: int | None
    where: str
    """`arms[2].share`; empty for the document as a whole."""
    message: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class CheckedPolicy:
    """What there is to say of a document that is not stored."""

    valid: bool
    faults: list[FaultView]
    policy: PolicySummary | None


class PolicyApprovalBody(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "Rare intents were missed in the last rounds."}]}
    )

    reason: Reason = Field(min_length=1)
    """Why; it is kept and shown with the policy."""

    @field_validator("reason")
    @classmethod
    def _says_something(cls, reason: str) -> str:
        if not reason.strip():
            raise ValueError("an approval needs a reason")
        return reason.strip()


def arms_of(policy: SamplingPolicy, records: int | None = None) -> list[ArmView]:
    quotas = policy.quotas(records)
    return [
        ArmView(
            name=arm.name,
            kind=arm.kind,
            share=arm.share,
            records=quotas[arm.name],
            signals=dict(arm.weighted_signals),
            combine=arm.combination,
            diversity=arm.method,
            where=arm.where,
        )
        for arm in policy.arms
    ]
