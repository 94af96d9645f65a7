"""A policy in sentences, for those who approve it and do not write YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from api.batch_words import MEASURES, column_words
from domain.arms import KINDS, NEEDS_MODEL, Arm, ArmKind, Combine, Diversity, Signal
from domain.policy import Gate, Limit, SamplingPolicy, WhenImpossible

SIGNALS: Mapping[Signal, str] = {
    Signal.LEAST_CONFIDENCE: "a low probability of the likeliest class",
    Signal.MARGIN: "two classes nearly equally likely",
    Signal.ENTROPY: "many classes possible",
    Signal.VOTE_ENTROPY: "models of a committee that vote differently",
    Signal.COMMITTEE_DIVERGENCE: "a committee whose probabilities differ",
    Signal.VERSION_DIVERGENCE: "model versions whose probabilities differ",
    Signal.INSTABILITY: "predictions that change from version to version",
    Signal.NOVELTY: "being far from everything labelled",
    Signal.TYPICALITY: "having many records close by",
    Signal.CLASS_RARITY: "a class that is seldom predicted",
    Signal.SEGMENT_RARITY: "a segment that is seldom seen",
    Signal.RISK: "risk",
    Signal.BUSINESS_VALUE: "business value",
    Signal.SENSITIVITY: "sensitivity",
    Signal.SEGMENT_ERROR_RATE: "a segment with many mistakes",
    Signal.FLAGGED: "a reported error or correction",
    Signal.RECENCY: "being recent",
}
"""Signal → what raises a record's score."""

METHODS: Mapping[Diversity, str] = {
    Diversity.NONE: "the highest scores, whatever they have in common",
    Diversity.UNCERTAINTY_HERDING: "those that stand for most of what is scored high and not "
    "covered yet",
    Diversity.MAX_HERDING: "those that stand for most of what is not covered yet",
    Diversity.K_CENTER: "the farthest from everything labelled or picked, among the highest scores",
    Diversity.BADGE: "unsure ones that differ from each other",
    Diversity.TYPICAL_CLUSTERS: "the most typical of each group that holds nothing labelled",
    Diversity.FACILITY_LOCATION: "those that the others are nearest to",
    Diversity.PREFILTER_K_MEANS: "the middles of groups of the highest scores",
}


@dataclass(frozen=True, kw_only=True)
class ArmInWords:
    name: str
    kind: ArmKind
    share: float
    records: int
    meaning: str
    details: list[str]


def in_words(policy: SamplingPolicy, records: int) -> list[str]:
    """The whole policy as sentences, for a batch of that many records."""
    arms = [
        " ".join([f"{arm.records:,} of {records:,}, {arm.name}: {arm.meaning}.", *arm.details])
        for arm in arms_in_words(policy, records)
    ]
    parts = [
        *demands(policy),
        *(f"Left out: {each}" for each in left_out(policy)),
        *guards(policy),
        *(f"A batch is held for a decision without: {each}" for each in gates(policy)),
    ]
    return arms + [f"{part}." for part in parts]


def arms_in_words(policy: SamplingPolicy, records: int | None = None) -> list[ArmInWords]:
    """Each arm, for a batch of `records` or of the policy's batch size."""
    quotas = policy.quotas(records)
    return [
        ArmInWords(
            name=arm.name,
            kind=arm.kind,
            share=arm.share,
            records=quotas[arm.name],
            meaning=KINDS[arm.kind].meaning,
            details=list(_details(arm)),
        )
        for arm in policy.arms
    ]


def _details(arm: Arm) -> Iterator[str]:
    if arm.kind is ArmKind.RANDOM:
        return
    signals = arm.weighted_signals
    if signals:
        total = sum(signals.values())
        parts = [
            SIGNALS[signal] + (f" ({weight / total:.0%})" if len(signals) > 1 else "")
            for signal, weight in sorted(signals.items(), key=lambda each: -each[1])
        ]
        at_once = ", all at once" if arm.combination is Combine.MULTIPLY and len(parts) > 1 else ""
        yield f"What counts: {_and(parts)}{at_once}."
    yield f"Picked are {METHODS[arm.method]}."
    if arm.coverage_weights:
        yield f"Records count more by {_and([SIGNALS[each] for each in arm.coverage_weights])}."
    if arm.where:
        yield f"Only where {arm.where}"
    if signals and all(signal in NEEDS_MODEL for signal in signals):
        yield "Before there is a model, it goes by diversity alone."


def demands(policy: SamplingPolicy) -> list[str]:
    """Limits and near duplicates: what the batch as a whole must keep to."""
    said = [limit_words(limit) for limit in policy.limits]
    near = policy.near_duplicates
    alike = [
        f"{what} at {value:.3g} and above"
        for what, value in (("texts", near.text), ("embeddings", near.embedding))
        if value is not None
    ]
    if alike:
        said.append(f"No two records that are nearly the same ({_and(alike)})")
    if policy.limits:
        relax = policy.when_impossible is WhenImpossible.RELAX
        said.append(
            "Where that cannot be had, the round comes as near as it can and says what is missing"
            if relax
            else "Where that cannot be had, nothing is selected"
        )
    return said


def limit_words(limit: Limit) -> str:
    """`At most 25 % of the batch from any one source`."""
    bounds = [
        *_bounds("at least", limit.min_records, limit.min_share),
        *_bounds("at most", limit.max_records, limit.max_share),
    ]
    column = column_words(limit.column)
    only_maximum = limit.min_records is None and limit.min_share is None
    each = f"from any one {column}" if only_maximum else f"from each {column}"
    group = f"with {column} {limit.value}" if limit.value else each
    text = f"{_and(bounds)} {group}"
    return text[0].upper() + text[1:]


def left_out(policy: SamplingPolicy) -> list[str]:
    """The exclusions."""
    exclusions = policy.exclusions
    said = [
        f"{what} {_or(['anything' if value == '*' else value for value in values])}"
        for what, values in (
            ("usage restriction", exclusions.usage_restrictions),
            ("quality status", exclusions.quality_statuses),
        )
        if values
    ]
    if exclusions.out_of_scope:
        said.append(f"out of scope: {exclusions.out_of_scope}")
    if exclusions.where:
        said.append(f"where {exclusions.where}")
    return said


def guards(policy: SamplingPolicy) -> list[str]:
    """What keeps the loop from feeding on itself."""
    it = policy.guards
    said = []
    if it.max_weakness_share < 1.0:
        said.append(f"At most {_share(it.max_weakness_share)} resemble past mistakes of the model")
    if it.max_ambiguous_share < 1.0:
        said.append(
            f"At most {_share(it.max_ambiguous_share)} are records that people could not settle "
            "before"
        )
    said.append(
        f"An alarm when one region has {_share(it.region_share)} of the picks in "
        f"{it.region_rounds} rounds running"
    )
    return said


def gates(policy: SamplingPolicy) -> list[str]:
    """What must hold before people are asked."""
    return [_gate(gate) for gate in policy.gates]


def _gate(gate: Gate) -> str:
    name, _ = MEASURES[gate.measure]
    bounds = [
        f"{word} {value:.3g}"
        for word, value in (("at least", gate.at_least), ("at most", gate.at_most))
        if value is not None
    ]
    return f"{name[0].upper()}{name[1:]} {_and(bounds)}"


def _bounds(word: str, records: int | None, share: float | None) -> Iterator[str]:
    if records is not None:
        yield f"{word} {records:,} records"
    if share is not None:
        yield f"{word} {_share(share)} of the batch"


def _share(value: float) -> str:
    return f"{100 * value:.3g}\N{NO-BREAK SPACE}%"


def _and(parts: list[str]) -> str:
    return _joined(parts, "and")


def _or(parts: list[str]) -> str:
    return _joined(parts, "or")


def _joined(parts: list[str], word: str) -> str:
    return f" {word} ".join([part for part in (", ".join(parts[:-1]), parts[-1]) if part])
