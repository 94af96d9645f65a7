"""Sampling policies: how a batch is put together. The document that people write, version by
version, is this dataclass in YAML or JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from domain.arms import Arm, ArmKind, Signal
from domain.canonical import Sha256, digest

MIN_RANDOM_SHARE = 0.05
"""Below this a round could not tell whether its other labels were worth their cost."""

MAX_BATCH = 100_000
PREDICTED = "predicted"
"""The one column that is not metadata: the label that the model gives a record."""


class WhenImpossible(StrEnum):
    RELAX = "relax"
    """Come as near as possible; the round shows what is missing."""
    STOP = "stop"
    """Select nothing, and say what is missing."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """How many records of a group the batch holds: those with one value in one column."""

    column: str
    """`predicted`, or a metadata column: segment, source, language, market, …"""
    value: str = ""
    """The group; empty: each value in the column is a group of its own."""
    min_records: int | None = None
    max_records: int | None = None
    min_share: float | None = None
    """Of the batch; rounded up."""
    max_share: float | None = None
    """Of the batch; rounded down."""

    def at_least(self, batch_size: int) -> int:
        share = 0 if self.min_share is None else _rounded_up(self.min_share * batch_size)
        return max(self.min_records or 0, share)

    def at_most(self, batch_size: int) -> int:
        most = batch_size if self.max_records is None else self.max_records
        share = 1.0 if self.max_share is None else self.max_share
        return min(most, batch_size - _rounded_up((1.0 - share) * batch_size))


@dataclass(frozen=True, kw_only=True)
class NearDuplicates:
    """From when on two records are the same to a reviewer.

    The batch holds no two such records, and none like one that is labelled or kept for tests.
    """

    text: float | None = 0.8
    """Jaccard similarity of the texts' shingles, estimated by MinHash; none: texts may be alike."""
    embedding: float | None = 0.995
    """Cosine of the embeddings; none: embeddings may be alike."""


@dataclass(frozen=True, kw_only=True)
class Exclusions:
    """Which records may not be chosen, besides those that are labelled or in an open round."""

    usage_restrictions: tuple[str, ...] = ()
    """Values of `usage_restriction`; `*` stands for any value."""
    quality_statuses: tuple[str, ...] = ()
    """Values of `quality_status`."""
    out_of_scope: str = ""
    """An expression that is true of records which the dataset is not about."""
    where: str = ""
    """An expression that is true of whatever else is to be left out."""


@dataclass(frozen=True, kw_only=True)
class Guards:
    """Against a loop that feeds on itself."""

    max_weakness_share: float = 1.0
    """Of the batch: records that resemble those which the model got wrong in earlier rounds."""
    weakness_similarity: float = 0.9
    """Cosine from which a record resembles another."""
    max_ambiguous_share: float = 1.0
    """Of the batch: records that people could not settle in an earlier round."""
    region_rounds: int = 3
    """An alarm is raised when one region leads in this many rounds running."""
    region_share: float = 0.5
    """The share of a round's chosen records from which a region leads."""


class Measure(StrEnum):
    """What a gate looks at; each is in [0, 1]."""

    COVERAGE = "coverage"
    """How well the batch and what is labelled stand for the pool: the eligible records' mean
    cosine with the nearest of them, 0 where it is negative."""
    DIVERSITY = "diversity"
    """Mean distance of the batch's records to their nearest neighbour in the batch, over 2."""
    QUALITY = "quality"
    """Share of the batch with content and metadata as they should be: nothing that the policy
    reads is missing."""
    RANDOM_SHARE = "random_share"
    CONSTRAINTS_MET = "constraints_met"
    """Share of the demanded minima and maxima that the batch meets."""
    CLASS_DISTANCE = "class_distance"
    """Jensen-Shannon distance between the predicted classes of batch and pool."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What the batch must reach before it goes to people; else the round waits for a decision."""

    measure: Measure
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Where a level's 0 and 1 lie, for metadata that is not from 0 to 1 already."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class SamplingPolicy:
    """What a round selects, and why."""

    name: str
    version: int = 1
    """Given by the system: each change is the next version."""
    description: str = ""
    batch_size: int
    seed: int = 0
    arms: tuple[Arm, ...]
    limits: tuple[Limit, ...] = ()
    near_duplicates: NearDuplicates = field(default_factory=NearDuplicates)
    when_impossible: WhenImpossible = WhenImpossible.RELAX
    exclusions: Exclusions = field(default_factory=Exclusions)
    guards: Guards = field(default_factory=Guards)
    gates: tuple[Gate, ...] = ()
    scales: dict[Signal, Scale] = field(default_factory=dict)
    """For risk, business_value and sensitivity."""
    half_life_days: float = 30.0
    """The age at which recency is one half."""
    production: str = ""
    """An expression that is true of records seen in production, to compare the batch with."""

    @property
    def digest(self) -> Sha256:
        return digest(self)

    @property
    def random_arm(self) -> Arm:
        return next(arm for arm in self.arms if arm.kind is ArmKind.RANDOM)

    @property
    def signals(self) -> frozenset[Signal]:
        """All that the arms look at."""
        return frozenset(
            signal for arm in self.arms for signal in (*arm.weighted_signals, *arm.coverage_weights)
        )

    def quotas(self, records: int | None = None) -> dict[str, int]:
        """Arm → records, adding up to `records`, or to the batch size.

        The random arm's share is rounded up; the rest goes by largest remainder, of equals to the
        arm that is named first.
        """
        random = self.random_arm
        size = self.batch_size if records is None else records
        at_random = _rounded_up(random.share * size)
        others = [arm for arm in self.arms if arm is not random]
        total = sum(arm.share for arm in others)
        left = size - at_random
        exact = [left * arm.share / total for arm in others] if total else []
        quotas = [math.floor(each + 1e-9) for each in exact]
        by_remainder = sorted(range(len(others)), key=lambda i: (quotas[i] - exact[i], i))
        for place in by_remainder[: left - sum(quotas)]:
            quotas[place] += 1
        given = dict(zip((arm.name for arm in others), quotas, strict=True))
        return {arm.name: given.get(arm.name, at_random) for arm in self.arms}


def _rounded_up(value: float) -> int:
    return math.ceil(value - 1e-9)
