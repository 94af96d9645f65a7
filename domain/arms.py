"""Arms: the ways of picking records inside one batch, and what each looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Signal(StrEnum):
    """What a record is scored by. Each is in [0, 1]; docs/signals.md has formulas and sources."""

    LEAST_CONFIDENCE = "least_confidence"
    MARGIN = "margin"
    ENTROPY = "entropy"
    VOTE_ENTROPY = "vote_entropy"
    COMMITTEE_DIVERGENCE = "committee_divergence"
    VERSION_DIVERGENCE = "version_divergence"
    INSTABILITY = "instability"
    NOVELTY = "novelty"
    TYPICALITY = "typicality"
    CLASS_RARITY = "class_rarity"
    SEGMENT_RARITY = "segment_rarity"
    RISK = "risk"
    BUSINESS_VALUE = "business_value"
    SENSITIVITY = "sensitivity"
    SEGMENT_ERROR_RATE = "segment_error_rate"
    FLAGGED = "flagged"
    RECENCY = "recency"


NEEDS_MODEL = frozenset(
    {
        Signal.LEAST_CONFIDENCE,
        Signal.MARGIN,
        Signal.ENTROPY,
        Signal.VOTE_ENTROPY,
        Signal.COMMITTEE_DIVERGENCE,
        Signal.VERSION_DIVERGENCE,
        Signal.INSTABILITY,
        Signal.CLASS_RARITY,
    }
)
"""Signals that are unknown before there is a model: at a cold start an arm goes on without them."""

NEEDS_COMMITTEE = frozenset({Signal.VOTE_ENTROPY, Signal.COMMITTEE_DIVERGENCE})
NEEDS_EARLIER_VERSIONS = frozenset({Signal.VERSION_DIVERGENCE, Signal.INSTABILITY})
LEVELS = frozenset({Signal.RISK, Signal.BUSINESS_VALUE, Signal.SENSITIVITY})
"""Signals read from the metadata column of the same name."""


class Combine(StrEnum):
    ADD = "add"
    """Weighted mean of the signals."""
    MULTIPLY = "multiply"
    """Weighted geometric mean: a signal that is 0 makes the score 0."""


class Diversity(StrEnum):
    """How an arm keeps its picks from being alike."""

    NONE = "none"
    """The highest scores, whatever they have in common."""
    UNCERTAINTY_HERDING = "uncertainty_herding"
    """Those that stand for most of what is not covered yet, each record counted by its score."""
    MAX_HERDING = "max_herding"
    """The same, each record counted alike (or by `weights` alone)."""
    K_CENTER = "k_center"
    """The farthest from everything labelled or picked, among the highest scores."""
    BADGE = "badge"
    """k-means++ on gradient embeddings: unsure and unlike each other."""
    TYPICAL_CLUSTERS = "typical_clusters"
    """The most typical record of each cluster that holds nothing labelled."""
    FACILITY_LOCATION = "facility_location"
    """Those that the others are nearest to, each record counted by its score."""
    PREFILTER_K_MEANS = "prefilter_k_means"
    """The middles of clusters of the highest scores."""


class ArmKind(StrEnum):
    UNCERTAIN = "uncertain"
    DISAGREEMENT = "disagreement"
    RARE = "rare"
    EDGE_CASE = "edge_case"
    BUSINESS_CRITICAL = "business_critical"
    RECENT_PRODUCTION = "recent_production"
    COMMON = "common"
    COLD_START = "cold_start"
    DIVERSE = "diverse"
    RANDOM = "random"


RANDOM_ARM = "random"
"""The name of the one arm of kind random: whoever measures against it finds it by this name."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way of picking. What is left out comes from its kind (see KINDS)."""

    name: str
    kind: ArmKind
    share: float
    """Of the batch; the shares of all arms add up to 1."""
    signals: dict[Signal, float] = field(default_factory=dict)
    """Signal → weight, above 0."""
    combine: Combine | None = None
    where: str = ""
    """An expression over metadata columns and `predicted`: only records for which it is true."""
    diversity: Diversity | None = None
    weights: tuple[Signal, ...] = ()
    """Signals that count a record more in a coverage sum. A record with the highest risk,
    business_value or sensitivity counts twice as much as one with the lowest."""

    @property
    def method(self) -> Diversity:
        return self.diversity or KINDS[self.kind].diversity

    @property
    def combination(self) -> Combine:
        return self.combine or KINDS[self.kind].combine

    @property
    def coverage_weights(self) -> tuple[Signal, ...]:
        return self.weights or KINDS[self.kind].weights

    @property
    def weighted_signals(self) -> Mapping[Signal, float]:
        return self.signals or KINDS[self.kind].signals


@dataclass(frozen=True, kw_only=True)
class KindDefaults:
    signals: Mapping[Signal, float]
    combine: Combine
    diversity: Diversity
    meaning: str
    """For people: what the arm is for."""
    weights: tuple[Signal, ...] = ()


KINDS: Mapping[ArmKind, KindDefaults] = {
    ArmKind.UNCERTAIN: KindDefaults(
        signals={Signal.MARGIN: 1.0},
        combine=Combine.ADD,
        diversity=Diversity.UNCERTAINTY_HERDING,
        meaning="records like many others that the model is unsure of",
        # With the score that is the margin squared, which needed the fewest labels on digits.
        weights=(Signal.MARGIN,),
    ),
    ArmKind.DISAGREEMENT: KindDefaults(
        signals={Signal.COMMITTEE_DIVERGENCE: 0.5, Signal.VERSION_DIVERGENCE: 0.5},
        combine=Combine.ADD,
        diversity=Diversity.UNCERTAINTY_HERDING,
        meaning="records on which models differ",
    ),
    ArmKind.RARE: KindDefaults(
        signals={Signal.CLASS_RARITY: 0.5, Signal.SEGMENT_RARITY: 0.5},
        combine=Combine.ADD,
        diversity=Diversity.PREFILTER_K_MEANS,
        meaning="records of classes and segments that are seldom seen",
    ),
    ArmKind.EDGE_CASE: KindDefaults(
        signals={Signal.NOVELTY: 0.5, Signal.LEAST_CONFIDENCE: 0.5},
        combine=Combine.MULTIPLY,
        diversity=Diversity.K_CENTER,
        meaning="records unlike anything labelled, and hard to tell",
    ),
    ArmKind.BUSINESS_CRITICAL: KindDefaults(
        signals={Signal.RISK: 0.5, Signal.BUSINESS_VALUE: 0.5},
        combine=Combine.ADD,
        diversity=Diversity.FACILITY_LOCATION,
        meaning="records where a wrong answer costs most",
    ),
    ArmKind.RECENT_PRODUCTION: KindDefaults(
        signals={Signal.RECENCY: 0.4, Signal.FLAGGED: 0.4, Signal.SEGMENT_ERROR_RATE: 0.2},
        combine=Combine.ADD,
        diversity=Diversity.PREFILTER_K_MEANS,
        meaning="what came lately, errors reported in production first",
    ),
    ArmKind.COMMON: KindDefaults(
        signals={Signal.TYPICALITY: 1.0},
        combine=Combine.ADD,
        diversity=Diversity.TYPICAL_CLUSTERS,
        meaning="ordinary records, to calibrate people and probabilities",
    ),
    ArmKind.COLD_START: KindDefaults(
        signals={},
        combine=Combine.ADD,
        diversity=Diversity.MAX_HERDING,
        meaning="records that stand for many others, before there is a model",
    ),
    ArmKind.DIVERSE: KindDefaults(
        signals={},
        combine=Combine.ADD,
        diversity=Diversity.K_CENTER,
        meaning="records farthest from everything labelled or picked",
    ),
    ArmKind.RANDOM: KindDefaults(
        signals={},
        combine=Combine.ADD,
        diversity=Diversity.NONE,
        meaning="a fair draw from all eligible records, the baseline for the others",
    ),
}
"""What an arm is when its policy says no more than its kind."""
