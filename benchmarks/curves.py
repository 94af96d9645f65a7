"""What learning curves say: areas, labels to a share of full accuracy, paired comparisons.

Labels to 95 % are read off the mean curve over seeds, interpolated between batches: a single
curve's first crossing would reward noise. A curve that does not get there is None: more than the
budget, never the budget. Intervals are 95 % percentile intervals of a bootstrap over seeds, the
same resampled seeds for all strategies, so that differences are paired.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.learners import BATCH, BUDGET, Curve

SHARE = 0.95
RESAMPLES = 2000

Float64 = NDArray[np.float64]
Interval = list[float | None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Curves:
    """One strategy on one data set: a row a seed, the same seeds for every strategy."""

    accuracy: Float64
    macro_f1: Float64
    full_accuracy: Float64

    @classmethod
    def of(cls, curves: list[Curve], full_accuracy: list[float]) -> Curves:
        return cls(
            accuracy=np.array([curve.accuracy for curve in curves]),
            macro_f1=np.array([curve.macro_f1 for curve in curves]),
            full_accuracy=np.array(full_accuracy),
        )

    def labels_to(self, seeds: NDArray[np.int64]) -> float | None:
        """Labels at which the mean curve of `seeds` reaches SHARE of mean full accuracy."""
        target = SHARE * float(self.full_accuracy[seeds].mean())
        return _crossing(self.accuracy[seeds].mean(axis=0), target)


def resampled(seeds: int) -> NDArray[np.int64]:
    """(RESAMPLES, seeds) rows to average over."""
    return np.random.default_rng(0).integers(0, seeds, (RESAMPLES, seeds))


def summary(
    curves: Curves, *, margin: Curves | None, random: Curves | None, draws: NDArray[np.int64]
) -> dict[str, object]:
    """One strategy's figures on one data set, beside margin's and random's where these ran."""
    everyone = np.arange(len(curves.accuracy))
    reached = sorted(_or_infinite(curves.labels_to(draw)) for draw in draws)
    answer: dict[str, object] = {
        "auc": _mean(curves.accuracy.mean(axis=1), draws),
        "macro_f1_auc": _mean(curves.macro_f1.mean(axis=1), draws),
        "labels_to_95": {
            "value": curves.labels_to(everyone),
            "low": _or_none(reached[round(0.025 * (len(reached) - 1))]),
            "high": _or_none(reached[round(0.975 * (len(reached) - 1))]),
        },
        "final_accuracy": _mean(curves.accuracy[:, -1], draws),
        "first_batch_accuracy": _mean(curves.accuracy[:, 0], draws),
    }
    for name, other in (("margin", margin), ("random", random)):
        if other is not None:
            answer[f"auc_less_{name}"] = _mean(
                curves.accuracy.mean(axis=1) - other.accuracy.mean(axis=1), draws
            )
            answer[f"macro_f1_auc_less_{name}"] = _mean(
                curves.macro_f1.mean(axis=1) - other.macro_f1.mean(axis=1), draws
            )
    return answer


def ratio(other: float | None, ours: float | None) -> dict[str, object]:
    """How many times the labels of `ours` another strategy needs, and whether that is a bound.

    What was not reached counts as the budget when it is the other's, so that the ratio is at least
    the one given; as one batch more than the budget when it is ours; and both as equal.
    """
    if ours is None and other is None:
        return {"value": 1.0, "kind": "neither reached"}
    if other is None:
        assert ours is not None
        return {"value": BUDGET / ours, "kind": "at least"}
    if ours is None:
        return {"value": other / (BUDGET + BATCH), "kind": "at most"}
    return {"value": other / ours, "kind": "exact"}


def geometric_mean(
    pairs: list[tuple[Curves, Curves]], draws: NDArray[np.int64]
) -> dict[str, object]:
    """Of the ratios of (other, ours) over data sets, with an interval."""
    everyone = np.arange(draws.shape[1])

    def value(seeds: NDArray[np.int64]) -> float:
        ratios = [ratio(other.labels_to(seeds), ours.labels_to(seeds)) for other, ours in pairs]
        return math.exp(float(np.mean([math.log(float(str(each["value"]))) for each in ratios])))

    low, high = np.quantile([value(draw) for draw in draws], [0.025, 0.975])
    return {"value": value(everyone), "low": float(low), "high": float(high)}


def _crossing(curve: Float64, target: float) -> float | None:
    above = np.flatnonzero(curve >= target)
    if not len(above):
        return None
    place = int(above[0])
    if place == 0:
        return float(BATCH)
    before, after = float(curve[place - 1]), float(curve[place])
    return BATCH * (place + (target - before) / (after - before))


def _mean(values: Float64, draws: NDArray[np.int64]) -> dict[str, float]:
    low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975])
    return {"value": float(values.mean()), "low": float(low), "high": float(high)}


def _or_infinite(labels: float | None) -> float:
    return math.inf if labels is None else labels


def _or_none(labels: float) -> float | None:
    return None if math.isinf(labels) else labels
