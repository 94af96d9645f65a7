"""A policy in sentences, for people who decide and do not read YAML."""

from __future__ import annotations

from collections.abc import Iterator

from domain.arms import KINDS, Arm, ArmKind, Combine, Diversity
from domain.policy import Limit, SamplingPolicy, WhenImpossible

_VARIETY = {
    Diversity.NONE: "the highest scores",
    Diversity.UNCERTAINTY_HERDING: "uncertainty herding",
    Diversity.MAX_HERDING: "herding",
    Diversity.K_CENTER: "k-center",
    Diversity.BADGE: "BADGE",
    Diversity.TYPICAL_CLUSTERS: "typical clusters",
    Diversity.FACILITY_LOCATION: "facility location",
    Diversity.PREFILTER_K_MEANS: "the middles of clusters of the highest scores",
}


def in_words(policy: SamplingPolicy, batch: int) -> Iterator[str]:
    """What the policy does with each batch of that size, a sentence or two at a time."""
    quotas = policy.quotas(batch)
    for arm in policy.arms:
        yield _arm(arm, quotas[arm.name], batch)
    for limit in policy.limits:
        yield _limit(limit, batch)
    if policy.limits and policy.when_impossible is WhenImpossible.STOP:
        yield "Where that cannot be kept, nothing is selected."
    alike = policy.near_duplicates
    if alike.text is not None or alike.embedding is not None:
        bounds = [
            f"texts that have {alike.text:.0%} in common" if alike.text is not None else "",
            f"embeddings with a cosine of {alike.embedding:g}"
            if alike.embedding is not None
            else "",
        ]
        yield (
            "No two records that are nearly the same, nor one like a labelled record: "
            f"{' or '.join(bound for bound in bounds if bound)}."
        )
    left_out = policy.exclusions
    reasons = [
        *(f"usage restriction {value}" for value in left_out.usage_restrictions),
        *(f"quality status {value}" for value in left_out.quality_statuses),
        *(each for each in (left_out.out_of_scope, left_out.where) if each),
    ]
    if reasons:
        yield f"Never chosen: {'; '.join(reasons)}."
    for gate in policy.gates:
        bounds = [
            f"at least {gate.at_least:g}" if gate.at_least is not None else "",
            f"at most {gate.at_most:g}" if gate.at_most is not None else "",
        ]
        wanted = " and ".join(bound for bound in bounds if bound)
        yield f"A batch is held for a decision unless its {_spaced(gate.measure)} is {wanted}."


def _arm(arm: Arm, quota: int, batch: int) -> str:
    words = f"{quota:,} of {batch:,}, {arm.name}: {KINDS[arm.kind].meaning}"
    if arm.kind is ArmKind.RANDOM:
        return f"{words}."
    signals = [_spaced(signal) for signal in arm.weighted_signals]
    if signals:
        joined = " times " if arm.combination is Combine.MULTIPLY else " and "
        words += f"; scored by {joined.join(signals)}"
    words += f"; picked by {_VARIETY[arm.method]}"
    return f"{words}; only where {arm.where}." if arm.where else f"{words}."


def _limit(limit: Limit, batch: int) -> str:
    group = f"{limit.column} = {limit.value}" if limit.value else f"each {limit.column}"
    least, most = limit.at_least(batch), limit.at_most(batch)
    bounds = [
        f"at least {least:,}" if least else "",
        f"at most {most:,}" if most < batch else "",
    ]
    return f"Of {group}: {' and '.join(bound for bound in bounds if bound) or 'any number'}."


def _spaced(name: str) -> str:
    return str(name).replace("_", " ")
