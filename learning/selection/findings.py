"""What is known of a batch before anybody works on it: composition, gates, and an alarm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from domain.arms import LEVELS, Signal
from domain.expressions import parse
from domain.policy import PREDICTED, Gate, Measure, SamplingPolicy
from domain.selections import Distribution, GateResult, Shortfall
from learning.selection.candidates import Candidates, Float32, Mask
from learning.selection.filters import mask
from learning.selection.rules import short
from learning.signals.geometry import nearest_distances

COMPARED = (PREDICTED, "segment", "source", "language", "market")
SHOWN = 12
"""Values of a column that are shown by name."""
MISSING, OTHER = "missing", "other"
SAMPLE = 2**14
"""Records that coverage is measured on at most, evenly spaced."""
REGIONS = 8
OVER = 2.0
"""A region leads when its share of a round is also this many times its share of the pool."""


def composition(
    pool: Candidates, rows: Sequence[int], eligible: Mask, policy: SamplingPolicy
) -> tuple[Distribution, ...]:
    """The batch beside the eligible pool, what is labelled, and production, column by column.

    Only columns that the pool has. Distances are Jensen-Shannon distances with logarithms to base
    2, over all values: D. Endres, J. Schindelin (2003), "A New Metric for Probability
    Distributions".
    """
    there = set(pool.metadata.column_names)
    if pool.probabilities is not None:
        there.add(PREDICTED)
    produced = mask(parse(policy.production), pool.column) if policy.production else None
    return tuple(
        _distribution(pool, name, rows, eligible, produced) for name in COMPARED if name in there
    )


def _distribution(
    pool: Candidates, name: str, rows: Sequence[int], eligible: Mask, produced: Mask | None
) -> Distribution:
    column = pool.column(name)
    column = column if isinstance(column, pa.DictionaryArray) else column.cast(pa.string())
    counts = {
        "batch": _counts(column.take(pa.array(rows, pa.int64()))),
        "pool": _counts(column.filter(pa.array(eligible))),
        "labelled": _labelled(pool, name),
        "production": Counter() if produced is None else _counts(column.filter(pa.array(produced))),
    }
    order = sorted(counts["pool"] | counts["batch"], key=lambda v: (-counts["pool"][v], v))
    named = [value for value in order if value != MISSING][:SHOWN]
    shown = [*named, OTHER, MISSING]

    def by_value(which: str) -> tuple[int, ...]:
        found = counts[which]
        other = sum(found.values()) - sum(found[value] for value in (*named, MISSING))
        return tuple(other if value == OTHER else found[value] for value in shown)

    return Distribution(
        column=name,
        values=tuple(map(short, shown)),
        batch=by_value("batch"),
        pool=by_value("pool"),
        labelled=by_value("labelled"),
        production=() if produced is None else by_value("production"),
        distances={
            which: round(jensen_shannon_distance(counts["batch"], counts[which]), 6)
            for which in ("pool", "labelled", "production")
            if counts[which]
        },
    )


def _counts(column: pa.Array) -> Counter[str]:
    found = pc.value_counts(column.cast(pa.string())).to_pylist()
    return Counter(
        {MISSING if each["values"] is None else each["values"]: each["counts"] for each in found}
    )


def _labelled(pool: Candidates, name: str) -> Counter[str]:
    """Of the records that a model may learn from: those kept for tests say nothing of these."""
    known = pool.known
    if name == PREDICTED:
        pairs = zip(known.labels, known.for_test, strict=False)
        return Counter(label for label, test in pairs if label is not None and not test)
    if known.metadata is None or name not in known.metadata.column_names:
        return Counter()
    column = known.metadata.column(name).combine_chunks()
    return _counts(column.filter(pa.array(~known.for_test)))


def jensen_shannon_distance(left: Counter[str], right: Counter[str]) -> float:
    """Between two counts of values, in [0, 1]; 0 when either is empty."""
    values = sorted(left | right)
    p = np.array([left[value] for value in values], dtype=np.float64)
    q = np.array([right[value] for value in values], dtype=np.float64)
    if not p.sum() or not q.sum():
        return 0.0
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2.0
    return float(np.sqrt(max(0.0, (_divergence(p, middle) + _divergence(q, middle)) / 2.0)))


def _divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    there = p > 0.0
    return float((p[there] * np.log2(p[there] / q[there])).sum())


# -- gates ------------------------------------------------------------------------------------


def gates(
    pool: Candidates,
    rows: Sequence[int],
    *,
    policy: SamplingPolicy,
    eligible: Mask,
    at_random: int,
    bounds: int,
    shortfalls: Sequence[Shortfall],
    distributions: Iterable[Distribution],
) -> tuple[GateResult, ...]:
    """Each gate of the policy with what the batch reaches, computed only when a gate asks."""

    def reached(measure: Measure) -> float:
        match measure:
            case Measure.COVERAGE:
                return coverage(pool, rows, eligible)
            case Measure.DIVERSITY:
                return diversity(pool.embeddings[list(rows)])
            case Measure.QUALITY:
                return quality(pool, rows, policy)
            case Measure.RANDOM_SHARE:
                return at_random / len(rows) if rows else 0.0
            case Measure.CONSTRAINTS_MET:
                return 1.0 - min(len(shortfalls), bounds) / bounds if bounds else 1.0
            case Measure.CLASS_DISTANCE:
                return next(
                    (each.distances["pool"] for each in distributions if each.column == PREDICTED),
                    0.0,
                )

    return tuple(_result(gate, round(reached(gate.measure), 6)) for gate in policy.gates)


def _result(gate: Gate, value: float) -> GateResult:
    enough = gate.at_least is None or value >= gate.at_least
    little = gate.at_most is None or value <= gate.at_most
    return GateResult(
        measure=gate.measure,
        value=value,
        at_least=gate.at_least,
        at_most=gate.at_most,
        passed=enough and little,
    )


def coverage(pool: Candidates, rows: Sequence[int], eligible: Mask) -> float:
    """Mean cosine of eligible records with the nearest of batch and labelled ones, in [0, 1]."""
    asked = np.flatnonzero(eligible)
    if len(asked) > SAMPLE:
        asked = asked[np.linspace(0, len(asked) - 1, SAMPLE).astype(np.int64)]
    near = np.concatenate([pool.known.covered, pool.embeddings[list(rows)]])
    if not len(near) or not len(asked):
        return 0.0
    distances = nearest_distances(pool.embeddings[asked], near).astype(np.float64)
    return float(np.clip(1.0 - distances**2 / 2.0, 0.0, 1.0).mean())


def diversity(points: Float32) -> float:
    """Mean distance of each of `points` (b, d) to the nearest other one, over 2; of one alone 1."""
    if len(points) < 2:
        return 1.0
    cosines = points @ points.T
    np.fill_diagonal(cosines, -np.inf)
    return float(np.sqrt(np.maximum(2.0 - 2.0 * cosines.max(axis=1), 0.0)).mean() / 2.0)


def quality(pool: Candidates, rows: Sequence[int], policy: SamplingPolicy) -> float:
    """Share of the batch with a known feature and all metadata that the policy reads."""
    if not rows:
        return 0.0
    chosen = np.array(rows, dtype=np.int64)
    good = pool.embeddings[chosen].any(axis=1)
    for name in sorted(_read(policy) & set(pool.metadata.column_names)):
        there = pc.is_valid(pool.column(name).take(pa.array(chosen)))
        good &= there.to_numpy(zero_copy_only=False)
    return float(good.mean())


def _read(policy: SamplingPolicy) -> set[str]:
    """Metadata columns whose absence would change what the policy chooses."""
    columns = {limit.column for limit in policy.limits} - {PREDICTED}
    for signal in policy.signals:
        if signal in LEVELS:
            columns.add(signal.value)
        elif signal in (Signal.SEGMENT_RARITY, Signal.SEGMENT_ERROR_RATE):
            columns.add("segment")
        elif signal is Signal.RECENCY:
            columns.add("timestamp")
    return columns


# -- the same region again --------------------------------------------------------------------


def alarms(pool: Candidates, rows: Sequence[int], policy: SamplingPolicy) -> tuple[str, ...]:
    """Whether one region of the pool led the choice in this and the rounds before, in words.

    Regions are the clusters of a k-means over a sample of the pool; `rows` are this round's picks
    without the random ones. A region leads a round with at least the policy's share of its picks,
    and at least OVER times its share of the pool.
    """
    known, guards = pool.known, policy.guards
    numbers = np.array(known.rounds, dtype=np.int64)
    earlier = sorted({int(number) for number in numbers if number > 0}, reverse=True)
    earlier = earlier[: guards.region_rounds - 1]
    if len(earlier) < guards.region_rounds - 1 or not rows or len(pool) < REGIONS:
        return ()
    sample = pool.embeddings[
        np.linspace(0, len(pool) - 1, min(len(pool), SAMPLE // 4)).astype(np.int64)
    ]
    with threadpool_limits(limits=1):
        regions = KMeans(REGIONS, n_init=1, random_state=0).fit(sample)
        usual = np.bincount(regions.labels_, minlength=REGIONS) / len(sample)
        chosen = [pool.embeddings[list(rows)], *(known.embeddings[numbers == n] for n in earlier)]
        shares = np.array(
            [np.bincount(regions.predict(each), minlength=REGIONS) / len(each) for each in chosen]
        )
    leads = ((shares >= guards.region_share) & (shares >= OVER * usual)).all(axis=0)
    return tuple(
        f"the same region was chosen in {guards.region_rounds} rounds running: "
        f"{shares[0, region]:.0%} of this round's picks, {usual[region]:.0%} of the pool"
        for region in np.flatnonzero(leads)
    )
