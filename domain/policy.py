"""Sampling policies: how a batch is put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

from domain.canonical import Sha256, digest, digest_lines
from domain.errors import InvalidPolicy
from domain.ids import RecordId

MIN_RANDOM_SHARE = 0.05
"""Below this a round could not tell whether its other labels were worth their cost."""

MAX_BATCH = 100_000


class ArmKind(StrEnum):
    UNCERTAINTY = "uncertainty"
    DIVERSITY = "diversity"
    RANDOM = "random"


@dataclass(frozen=True, kw_only=True)
class ArmQuota:
    arm: ArmKind
    records: int


@dataclass(frozen=True, kw_only=True)
class SamplingPolicy:
    """What a round selects. The quotas add up to the batch size; one arm is random."""

    name: str
    version: int
    batch_size: int
    arms: tuple[ArmQuota, ...]
    seed: int = 0

    @property
    def digest(self) -> Sha256:
        return digest(self)

    def quota(self, arm: ArmKind) -> int:
        return sum(quota.records for quota in self.arms if quota.arm is arm)


def check_policy(policy: SamplingPolicy) -> SamplingPolicy:
    """The policy if it can be followed. Raises InvalidPolicy with the reason otherwise."""
    if not 1 <= policy.batch_size <= MAX_BATCH:
        raise InvalidPolicy(f"batch_size is {policy.batch_size}; it must be 1 to {MAX_BATCH:,}")
    kinds = [quota.arm for quota in policy.arms]
    if len(set(kinds)) != len(kinds):
        raise InvalidPolicy("an arm is named twice")
    if any(quota.records < 0 for quota in policy.arms):
        raise InvalidPolicy("a quota is negative")
    total = sum(quota.records for quota in policy.arms)
    if total != policy.batch_size:
        raise InvalidPolicy(
            f"the quotas add up to {total}, the batch size is {policy.batch_size}",
            hint="make the quotas of the arms add up to batch_size",
            total=total,
            batch_size=policy.batch_size,
        )
    if policy.quota(ArmKind.RANDOM) < MIN_RANDOM_SHARE * policy.batch_size:
        raise InvalidPolicy(
            f"the random arm has {policy.quota(ArmKind.RANDOM)} of {policy.batch_size} records; "
            f"at least {MIN_RANDOM_SHARE:.0%} must be random",
            hint="without a random baseline nobody can say whether the other labels were worth it",
        )
    if not 0 <= policy.seed < 2**63:
        raise InvalidPolicy("the seed must be a whole number from 0 to 2^63 - 1")
    return policy


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Why one record is in the batch."""

    ordinal: int
    """Place in the batch, from 0."""
    record_id: RecordId
    arm: ArmKind
    rank: int
    """Place within the arm, from 0."""
    score: float | None
    """The arm's own score: margin uncertainty in [0, 1], or distance; none for the random arm."""
    propensity: float | None
    """Probability that a uniform draw would have included the record; random arm only."""
    reason: str


def batch_digest(selections: Iterable[Selection]) -> Sha256:
    """SHA-256 over the selections in review order, one canonical row a line."""
    return digest_lines(sorted(selections, key=attrgetter("ordinal")))
