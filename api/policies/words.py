"""A policy in sentences, for those who approve it and do not write YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from api.batch_words import bounds_words, column_words, measure_words
from api.language import N_, capital, decimal, gettext, listed, number, percent
from api.vocabulary import word
from domain.arms import KINDS, NEEDS_MODEL, Arm, ArmKind, Combine, Diversity, Signal
from domain.policy import Gate, Limit, SamplingPolicy, WhenImpossible

SIGNALS: Mapping[Signal, str] = {
    Signal.LEAST_CONFIDENCE: N_("a low probability of the likeliest class"),
    Signal.MARGIN: N_("two classes nearly equally likely"),
    Signal.ENTROPY: N_("many classes possible"),
    Signal.VOTE_ENTROPY: N_("models of a committee that vote differently"),
    Signal.COMMITTEE_DIVERGENCE: N_("a committee whose probabilities differ"),
    Signal.VERSION_DIVERGENCE: N_("model versions whose probabilities differ"),
    Signal.INSTABILITY: N_("predictions that change from version to version"),
    Signal.NOVELTY: N_("being far from everything labelled"),
    Signal.TYPICALITY: N_("having many records close by"),
    Signal.CLASS_RARITY: N_("a class that is seldom predicted"),
    Signal.SEGMENT_RARITY: N_("a segment that is seldom seen"),
    Signal.RISK: N_("risk"),
    Signal.BUSINESS_VALUE: N_("business value"),
    Signal.SENSITIVITY: N_("sensitivity"),
    Signal.SEGMENT_ERROR_RATE: N_("a segment with many mistakes"),
    Signal.FLAGGED: N_("a reported error or correction"),
    Signal.RECENCY: N_("being recent"),
}
"""Signal → what raises a record's score."""

METHODS: Mapping[Diversity, str] = {
    Diversity.NONE: N_("the highest scores, whatever they have in common"),
    Diversity.UNCERTAINTY_HERDING: N_(
        "those that stand for most of what is scored high and not covered yet"
    ),
    Diversity.MAX_HERDING: N_("those that stand for most of what is not covered yet"),
    Diversity.K_CENTER: N_(
        "the farthest from everything labelled or picked, among the highest scores"
    ),
    Diversity.BADGE: N_("unsure ones that differ from each other"),
    Diversity.TYPICAL_CLUSTERS: N_("the most typical of each group that holds nothing labelled"),
    Diversity.FACILITY_LOCATION: N_("those that the others are nearest to"),
    Diversity.PREFILTER_K_MEANS: N_("the middles of groups of the highest scores"),
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
    """The whole policy as sentences, for a batch of that many records: English, as reports are."""
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
            meaning=word(KINDS[arm.kind].meaning, "arm"),
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
            gettext(SIGNALS[signal]) + (f" ({percent(weight / total)})" if len(signals) > 1 else "")
            for signal, weight in sorted(signals.items(), key=lambda each: -each[1])
        ]
        multiplied = arm.combination is Combine.MULTIPLY and len(parts) > 1
        sentence = (
            gettext("What counts: {signals}, all at once.")
            if multiplied
            else gettext("What counts: {signals}.")
        )
        yield sentence.format(signals=_and(parts))
    yield gettext("Picked are {records}.").format(records=gettext(METHODS[arm.method]))
    if arm.coverage_weights:
        weights = _and([gettext(SIGNALS[each]) for each in arm.coverage_weights])
        yield gettext("Records count more by {signals}.").format(signals=weights)
    if arm.where:
        yield gettext("Only where {condition}").format(condition=arm.where)
    if signals and all(signal in NEEDS_MODEL for signal in signals):
        yield gettext("Before there is a model, it goes by diversity alone.")


def demands(policy: SamplingPolicy) -> list[str]:
    """Limits and near duplicates: what the batch as a whole must keep to."""
    said = [limit_words(limit) for limit in policy.limits]
    near = policy.near_duplicates
    alike = [
        gettext(what).format(value=number(value, 3))
        for what, value in (
            (N_("texts at {value} and above"), near.text),
            (N_("embeddings at {value} and above"), near.embedding),
        )
        if value is not None
    ]
    if alike:
        sentence = gettext("No two records that are nearly the same ({thresholds})")
        said.append(sentence.format(thresholds=_and(alike)))
    if policy.limits:
        relax = policy.when_impossible is WhenImpossible.RELAX
        said.append(
            gettext(
                "Where that cannot be had, the round comes as near as it can and says what is "
                "missing"
            )
            if relax
            else gettext("Where that cannot be had, nothing is selected")
        )
    return said


def limit_words(limit: Limit) -> str:
    """`At most 25 % of the batch from any one source`."""
    bounds = [
        *_bounds(
            N_("at least {records} records"),
            N_("at least {share} of the batch"),
            limit.min_records,
            limit.min_share,
        ),
        *_bounds(
            N_("at most {records} records"),
            N_("at most {share} of the batch"),
            limit.max_records,
            limit.max_share,
        ),
    ]
    only_maximum = limit.min_records is None and limit.min_share is None
    if limit.value:
        sentence = gettext("{bounds} with {column} {value}")
    elif only_maximum:
        sentence = gettext("{bounds} from any one {column}")
    else:
        sentence = gettext("{bounds} from each {column}")
    column = column_words(limit.column)
    return capital(sentence.format(bounds=_and(bounds), column=column, value=limit.value))


def left_out(policy: SamplingPolicy) -> list[str]:
    """The exclusions."""
    exclusions = policy.exclusions
    said = [
        gettext(what).format(
            values=_or([gettext("anything") if value == "*" else value for value in values])
        )
        for what, values in (
            (N_("usage restriction {values}"), exclusions.usage_restrictions),
            (N_("quality status {values}"), exclusions.quality_statuses),
        )
        if values
    ]
    if exclusions.out_of_scope:
        sentence = gettext("out of scope: {condition}")
        said.append(sentence.format(condition=exclusions.out_of_scope))
    if exclusions.where:
        said.append(gettext("where {condition}").format(condition=exclusions.where))
    return said


def guards(policy: SamplingPolicy) -> list[str]:
    """What keeps the loop from feeding on itself."""
    it = policy.guards
    said = []
    if it.max_weakness_share < 1.0:
        sentence = gettext("At most {share} resemble past mistakes of the model")
        said.append(sentence.format(share=_share(it.max_weakness_share)))
    if it.max_ambiguous_share < 1.0:
        sentence = gettext("At most {share} are records that people could not settle before")
        said.append(sentence.format(share=_share(it.max_ambiguous_share)))
    sentence = gettext(
        "An alarm when one region has {share} of the picks in {rounds} rounds running"
    )
    said.append(sentence.format(share=_share(it.region_share), rounds=it.region_rounds))
    return said


def gates(policy: SamplingPolicy) -> list[str]:
    """What must hold before people are asked."""
    return [_gate(gate) for gate in policy.gates]


def _gate(gate: Gate) -> str:
    bounds = bounds_words(gate.at_least, gate.at_most, lambda value: number(value, 3))
    return f"{capital(measure_words(gate.measure))} {bounds}"


def _bounds(
    by_records: str, by_share: str, records: int | None, share: float | None
) -> Iterator[str]:
    if records is not None:
        yield gettext(by_records).format(records=decimal(records))
    if share is not None:
        yield gettext(by_share).format(share=_share(share))


def _share(value: float) -> str:
    """In hundredths, with three digits at the most."""
    digits = 0 if value >= 1.0 else 1 if value >= 0.1 else 2
    return percent(value, optional=digits)


def _and(parts: list[str]) -> str:
    return listed(parts, gettext("{some} and {last}"))


def _or(parts: list[str]) -> str:
    return listed(parts, gettext("{some} or {last}"))
