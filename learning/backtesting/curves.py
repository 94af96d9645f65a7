"""What replayed rounds say: learning curves with intervals, labels needed, and what is saved.

A curve is a mean over seeds with a 95 % Student interval (Student (1908), "The Probable Error of a
Mean"); every strategy saw the same splits, so that seeds pair them. Labels needed are read off the
mean curve, at the first batch whose end reaches the share of the mean full-data figure: a single
seed's first crossing would reward noise. Their intervals, and those of what is saved, are
percentile intervals of a bootstrap over seeds, the same resamples for all (B. Efron, R. Tibshirani
(1993), "An Introduction to the Bootstrap"). What is not reached is None: more than the budget,
never the budget.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from learning.backtesting.records import Int64, LabelledRecords, Plan
from learning.backtesting.replay import Replayed

SHARES = (0.90, 0.95, 0.99)
RESAMPLES = 2_000
CONFIDENCE = 0.95
SHOWN_SEGMENTS = 12
MIN_SEGMENT = 5
"""Test records a seed, on average, below which a segment's curve would be noise."""

Float64 = NDArray[np.float64]
Measure = Callable[[Int64, Int64], float]
"""(t,) truth and (t,) answers → one figure in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean over seeds; no interval where there is one seed."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Point:
    labels: int
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Reached:
    """Labels at which a curve reaches a share of the full-data figure; None: not within the
    budget. `high` is None too where the interval ends beyond it, both where there is one seed."""

    labels: int | None
    low: int | None
    high: int | None


@dataclass(frozen=True, kw_only=True)
class Saving:
    """How many times the labels of one strategy another needs for the same quality."""

    ratio: float | None
    """None where either does not get there within the budget."""
    at_least: float | None
    """Where only the other does not: the budget over this one's labels."""
    at_most: float | None
    """Where only this one does not: the other's labels over the budget."""
    low: float | None
    high: float | None
    """None where the interval has no end, where there is one seed, or neither gets there."""


@dataclass(frozen=True, kw_only=True)
class StrategyCurve:
    curve: tuple[Point, ...]
    labels_to: dict[float, Reached]
    area: Mean
    """Mean over the rounds."""


@dataclass(frozen=True, kw_only=True)
class MetricCurves:
    """One metric on one part of the test records."""

    full: Mean
    """What all labels of the pool lead to."""
    tested: float
    """Test records a seed, on average."""
    strategies: dict[str, StrategyCurve]
    savings: dict[str, dict[float, Saving]]
    """Other strategy → share → what the first strategy saves against it."""


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """All that a backtest says. The first strategy is the policy that is asked about."""

    names: tuple[str, ...]
    pool: float
    """Records that might have been labelled, a seed, on average."""
    accuracy: MetricCurves
    macro_f1: MetricCurves
    segments: dict[str, MetricCurves]
    """Accuracy by segment, the largest first."""
    unlisted_segments: tuple[str, ...]
    """Too many, or with too few test records to say anything."""
    held: dict[str, int]
    """Strategy → batches that a gate would have held, of all."""
    unspent: dict[str, int]
    """Strategy → labels of the budget that it could not spend, over all seeds."""
    notes: dict[str, tuple[str, ...]]


def summarised(records: LabelledRecords, plan: Plan, replayed: Sequence[Replayed]) -> Backtest:
    """The figures of what `learning.backtesting.replay` gave for these records and this plan."""
    names = tuple(replayed[0].trails)
    classes = len(records.classes)
    everyone = [np.ones(len(each.truth), dtype=np.bool_) for each in replayed]
    segments, unlisted = _segments(records, replayed)
    return Backtest(
        names=names,
        pool=float(np.mean([each.pool for each in replayed])),
        accuracy=_curves(plan, replayed, everyone, accuracy),
        macro_f1=_curves(plan, replayed, everyone, lambda t, a: macro_f1(t, a, classes=classes)),
        segments={
            segment: _curves(plan, replayed, inside, accuracy) for segment, inside in segments
        },
        unlisted_segments=unlisted,
        held={name: sum(each.trails[name].held for each in replayed) for name in names},
        unspent={
            name: sum(plan.budget - each.trails[name].spent[-1] for each in replayed)
            for name in names
        },
        notes={
            name: tuple(
                dict.fromkeys(note for each in replayed for note in each.trails[name].notes)
            )
            for name in names
        },
    )


def accuracy(truth: Int64, answers: Int64) -> float:
    """Share of the answers (t,) that are right."""
    return float((truth == answers).mean())


def macro_f1(truth: Int64, answers: Int64, *, classes: int) -> float:
    """Mean of 2tp / (2tp + fp + fn) over the classes that the truth (t,) has."""
    right = np.bincount(truth[truth == answers], minlength=classes)
    true = np.bincount(truth, minlength=classes)
    named = np.bincount(answers[answers >= 0], minlength=classes)
    there = true > 0
    return float((2.0 * right[there] / (true[there] + named[there])).mean())


def _segments(
    records: LabelledRecords, replayed: Sequence[Replayed]
) -> tuple[list[tuple[str, list[NDArray[np.bool_]]]], tuple[str, ...]]:
    """The segments to show, each with which test records of each seed are in it."""
    if not records.segments:
        return [], ()
    names = np.array(records.segments, dtype=np.str_)
    found, sizes = np.unique(
        np.concatenate([names[each.test] for each in replayed]), return_counts=True
    )
    by_size = [str(found[place]) for place in np.argsort(-sizes, kind="stable")]
    enough = set(found[sizes >= MIN_SEGMENT * len(replayed)].tolist())
    shown = [name for name in by_size if name in enough][:SHOWN_SEGMENTS]
    left = tuple(name for name in by_size if name not in shown)
    return [(name, [names[each.test] == name for each in replayed]) for name in shown], left


def _curves(
    plan: Plan,
    replayed: Sequence[Replayed],
    inside: Sequence[NDArray[np.bool_]],
    measure: Measure,
) -> MetricCurves:
    """One metric on the test records of each seed that are `inside`."""
    seen = [(each, mask) for each, mask in zip(replayed, inside, strict=True) if mask.any()]
    full = np.array([measure(each.truth[mask], each.full[mask]) for each, mask in seen])
    by_name = {
        name: np.array(
            [
                [measure(each.truth[mask], row[mask]) for row in each.trails[name].answers]
                for each, mask in seen
            ]
        )
        for name in replayed[0].trails
    }
    draws = np.random.default_rng(0).integers(0, len(seen), (RESAMPLES, len(seen)))
    reached = {name: _Reaching(plan, values, full, draws) for name, values in by_name.items()}
    ours = reached[next(iter(reached))]
    return MetricCurves(
        full=_mean(full),
        tested=float(np.mean([np.count_nonzero(mask) for mask in inside])),
        strategies={
            name: StrategyCurve(
                curve=_points(plan, values),
                labels_to={share: reached[name].reached(share) for share in SHARES},
                area=_mean(values.mean(axis=1)),
            )
            for name, values in by_name.items()
        },
        savings={
            name: {share: _saving(plan, ours, theirs, share) for share in SHARES}
            for name, theirs in reached.items()
            if theirs is not ours
        },
    )


def _points(plan: Plan, values: Float64) -> tuple[Point, ...]:
    means = [_mean(values[:, turn]) for turn in range(values.shape[1])]
    return tuple(
        Point(labels=plan.batch * (turn + 1), mean=each.mean, low=each.low, high=each.high)
        for turn, each in enumerate(means)
    )


def _mean(values: Float64) -> Mean:
    """Of (s,) figures in [0, 1], one a seed; the interval stays there too."""
    mean = float(values.mean())
    if len(values) < 2:
        return Mean(mean=mean, low=None, high=None)
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    width = float(stats.t.ppf((1.0 + CONFIDENCE) / 2.0, len(values) - 1)) * error
    return Mean(mean=mean, low=max(0.0, mean - width), high=min(1.0, mean + width))


class _Reaching:
    """When one strategy's mean curve reaches a share, over all seeds and for each resample."""

    def __init__(self, plan: Plan, values: Float64, full: Float64, draws: Int64) -> None:
        """`values` (s, rounds), `full` (s,), `draws` (r, s)."""
        self._plan = plan
        self._curve, self._full = values.mean(axis=0), float(full.mean())
        self._curves, self._fulls = values[draws].mean(axis=1), full[draws].mean(axis=1)
        self.alone = len(values) < 2

    def labels(self, share: float) -> float:
        """Infinite when it is not reached."""
        return float(self._first(self._curve[None], np.array([self._full]), share)[0])

    def resampled(self, share: float) -> Float64:
        return self._first(self._curves, self._fulls, share)

    def _first(self, curves: Float64, full: Float64, share: float) -> Float64:
        # A hair is taken off, so that means of equal figures are equal.
        above = curves >= (share * full)[:, None] - 1e-12
        labels = (above.argmax(axis=1) + 1.0) * self._plan.batch
        return np.where(above.any(axis=1), labels, np.inf)

    def reached(self, share: float) -> Reached:
        labels = self.labels(share)
        low, high = (None, None) if self.alone else _interval(self.resampled(share))
        return Reached(
            labels=_whole(labels),
            low=None if low is None else _whole(low),
            high=None if high is None else _whole(high),
        )


def _saving(plan: Plan, ours: _Reaching, theirs: _Reaching, share: float) -> Saving:
    mine, other = ours.labels(share), theirs.labels(share)
    low: float | None = None
    high: float | None = None
    if not ours.alone and (math.isfinite(mine) or math.isfinite(other)):
        us, them = ours.resampled(share), theirs.resampled(share)
        # What lies beyond the budget is taken at its worst for either end.
        low, _ = _interval(np.minimum(them, plan.budget) / us)
        _, high = _interval(them / np.minimum(us, plan.budget))
    return Saving(
        ratio=other / mine if math.isfinite(mine) and math.isfinite(other) else None,
        at_least=plan.budget / mine if math.isfinite(mine) and math.isinf(other) else None,
        at_most=other / plan.budget if math.isinf(mine) and math.isfinite(other) else None,
        low=low,
        high=None if high is None or math.isinf(high) else high,
    )


def _interval(values: Float64) -> tuple[float, float]:
    """The percentile interval of (r,) figures, some perhaps infinite: always one of them."""
    ordered = np.sort(values)
    tail = (1.0 - CONFIDENCE) / 2.0
    last = len(ordered) - 1
    return float(ordered[math.floor(tail * last)]), float(ordered[math.ceil((1.0 - tail) * last)])


def _whole(labels: float) -> int | None:
    return None if math.isinf(labels) else round(labels)
