"""Evaluation: how good a model is on the frozen test set, and whether its labels were worth it.

Every figure is an `Estimate` with a percentile interval from a bootstrap over test rows (B. Efron,
R. Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13). Accuracy and macro-F1 depend
on the test rows only through the counts of (truth, prediction) pairs, and drawing n rows with
replacement is drawing those counts from a multinomial, so a resample costs cells, not rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.errors import EmptyTestSet, InvalidScores
from domain.rounds import ClassCounts

RESAMPLES = 2_000
CONFIDENCE = 0.95

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Metric = Callable[[Float64, Int64], Float64]
"""(resamples, cells) counts and the (columns, cells) codes of each cell → (resamples,) values."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A metric, its 95 % interval, and the number of test rows behind both."""

    metric: str
    value: float
    low: float
    high: float
    n: int


def accuracy(
    truth: Sequence[str], predicted: Sequence[str], *, seed: int, resamples: int = RESAMPLES
) -> Estimate:
    """Share of test rows predicted right. Raises EmptyTestSet without rows."""
    codes = _coded(truth, predicted)

    def metric(counts: Float64, cells: Int64) -> Float64:
        share: Float64 = counts[:, cells[0] == cells[1]].sum(axis=1) / counts.sum(axis=1)
        return share

    return _estimate("accuracy", codes, metric, seed=seed, resamples=resamples)


def macro_f1(
    truth: Sequence[str], predicted: Sequence[str], *, seed: int, resamples: int = RESAMPLES
) -> Estimate:
    """Mean F1 over the classes that the test set has, rare ones counting as much as common ones.

    In a resample without any row of a class, true or predicted, the mean is over the others.
    Raises EmptyTestSet without rows.
    """
    codes = _coded(truth, predicted)

    def metric(counts: Float64, cells: Int64) -> Float64:
        return _mean_f1(counts, cells[0], cells[1])

    return _estimate("macro_f1", codes, metric, seed=seed, resamples=resamples)


def by_class(
    truth: Sequence[str], predicted: Sequence[str], *, most: int
) -> tuple[ClassCounts, ...]:
    """Each class that is true or predicted of a row, the one with the most rows first.

    Of more than `most` classes the rarest are left out. Raises EmptyTestSet without rows.
    """
    _check(len(truth), len(predicted))
    records, named = Counter(truth), Counter(predicted)
    right = Counter(label for label, guess in zip(truth, predicted, strict=True) if label == guess)
    labels = sorted({*records, *named}, key=lambda each: (-records[each], -named[each], each))
    return tuple(
        ClassCounts(label=label, records=records[label], predicted=named[label], right=right[label])
        for label in labels[:most]
    )


def paired_difference(
    before_correct: Sequence[bool] | NDArray[np.bool_],
    after_correct: Sequence[bool] | NDArray[np.bool_],
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Accuracy after minus before, on the same test rows: pairs are resampled together.

    Raises EmptyTestSet without rows.
    """
    _check(len(before_correct), len(after_correct))
    pair = np.array([before_correct, after_correct], dtype=np.int64)

    def metric(counts: Float64, cells: Int64) -> Float64:
        difference: Float64 = counts @ (cells[1] - cells[0]) / counts.sum(axis=1)
        return difference

    return _estimate("accuracy_lift", pair, metric, seed=seed, resamples=resamples)


def paired_macro_f1_difference(
    truth: Sequence[str],
    before: Sequence[str],
    after: Sequence[str],
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Macro-F1 of `after` minus that of `before`, on the same test rows, resampled together.

    Raises EmptyTestSet without rows.
    """
    codes = _coded(truth, before, after)

    def metric(counts: Float64, cells: Int64) -> Float64:
        return _mean_f1(counts, cells[0], cells[2]) - _mean_f1(counts, cells[0], cells[1])

    return _estimate("macro_f1_lift", codes, metric, seed=seed, resamples=resamples)


@dataclass(frozen=True, kw_only=True)
class EqualLabels:
    """Accuracy with the active arms' labels and with the random arm's, as many of each.

    The estimates are None when an arm has no labels, and `reason` says so.
    """

    labels: int
    active: Estimate | None
    random: Estimate | None
    difference: Estimate | None
    reason: str


def compare_at_equal_labels(
    *,
    seed_rows: Sequence[int],
    active_rows: Sequence[int],
    random_rows: Sequence[int],
    truth: Sequence[str],
    fit_predict: Callable[[Int64], Sequence[str]],
    seed: int,
    draws: int = 10,
    resamples: int = RESAMPLES,
) -> EqualLabels:
    """Were the actively chosen labels worth more than random ones?

    The larger arm is cut to the size n of the smaller one by `draws` random subsets. Each subset is
    added to `seed_rows`, what was labelled before the round; `fit_predict(rows)` trains on them and
    answers one label a test row, as in `truth`. The intervals are over test rows and draws both.
    Raises EmptyTestSet without test rows.
    """
    _check(len(truth))
    n = min(len(active_rows), len(random_rows))
    if not n:
        empty = "random arm" if active_rows else "active arms"
        return EqualLabels(
            labels=0,
            active=None,
            random=None,
            difference=None,
            reason=f"the {empty} of this round have no labels to compare",
        )
    rng = np.random.default_rng(seed)
    base = np.asarray(seed_rows, dtype=np.int64)
    arms = [
        _correct_by_draw(
            base=base,
            rows=np.sort(np.asarray(rows, dtype=np.int64)),
            n=n,
            truth=truth,
            fit_predict=fit_predict,
            rng=rng,
            draws=draws,
        )
        for rows in (active_rows, random_rows)
    ]
    samples = _resampled_means(arms, rng, resamples)
    active, random = (
        _interval(f"accuracy_{name}", float(arm.mean()), sample, len(truth))
        for name, arm, sample in zip(("active", "random"), arms, samples, strict=True)
    )
    return EqualLabels(
        labels=n,
        active=active,
        random=random,
        difference=_interval(
            "accuracy_active_minus_random",
            active.value - random.value,
            samples[0] - samples[1],
            len(truth),
        ),
        reason=f"{n:,} labels of each, {draws} draws, {len(truth):,} test rows",
    )


def _correct_by_draw(
    *,
    base: Int64,
    rows: Int64,
    n: int,
    truth: Sequence[str],
    fit_predict: Callable[[Int64], Sequence[str]],
    rng: np.random.Generator,
    draws: int,
) -> Float64:
    """(draws, test rows) 1 where the model of that draw is right; equal draws are fitted once."""
    known: dict[tuple[int, ...], Float64] = {}
    answers = np.asarray(truth, dtype=np.str_)
    for_draw = []
    for _ in range(draws):
        subset = np.sort(rng.choice(rows, size=n, replace=False))
        key = tuple(subset.tolist())
        if key not in known:
            predicted = np.asarray(fit_predict(np.concatenate([base, subset])), dtype=np.str_)
            _check(len(answers), len(predicted))
            known[key] = (predicted == answers).astype(np.float64)
        for_draw.append(known[key])
    return np.stack(for_draw)


def _resampled_means(
    arms: Sequence[Float64], rng: np.random.Generator, resamples: int
) -> list[Float64]:
    """(resamples,) an arm: the mean over resampled test rows, common to all arms, and draws."""
    tests = arms[0].shape[1]
    means = [np.empty(resamples) for _ in arms]
    for resample in range(resamples):
        weights = np.bincount(rng.integers(tests, size=tests), minlength=tests) / tests
        for arm, mean in zip(arms, means, strict=True):
            drawn = rng.integers(len(arm), size=len(arm))
            mean[resample] = (arm @ weights)[drawn].mean()
    return means


def _estimate(name: str, codes: Int64, metric: Metric, *, seed: int, resamples: int) -> Estimate:
    """`metric` of the columns `codes` (columns, n), with its bootstrap interval."""
    n = codes.shape[1]
    cells, sizes = np.unique(codes, axis=1, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(n, sizes / n, size=resamples)
    values = metric(drawn.astype(np.float64), cells)
    observed = metric(sizes[None, :].astype(np.float64), cells)
    return _interval(name, float(observed[0]), values, n)


def _interval(name: str, value: float, samples: Float64, n: int) -> Estimate:
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(samples, [tail, 1.0 - tail])
    return Estimate(metric=name, value=value, low=float(low), high=float(high), n=n)


def _mean_f1(counts: Float64, truth: Int64, predicted: Int64) -> Float64:
    """(r, cells) counts of (truth, prediction) pairs → (r,) mean of 2tp / (2tp + fp + fn)."""
    classes = np.unique(truth)
    is_true, is_named = truth[:, None] == classes, predicted[:, None] == classes
    right = counts @ (is_true & is_named).astype(np.float64)
    seen = counts @ (is_true.astype(np.float64) + is_named)
    f1 = 2.0 * right / np.where(seen > 0.0, seen, 1.0)
    mean: Float64 = f1.sum(axis=1) / np.maximum((seen > 0.0).sum(axis=1), 1)
    return mean


def _coded(*columns: Sequence[str]) -> Int64:
    """(columns, n) labels as whole numbers, alike in all columns."""
    _check(*map(len, columns))
    _, codes = np.unique(np.array(columns, dtype=np.str_), return_inverse=True)
    return codes.reshape(len(columns), -1).astype(np.int64)


def _check(*lengths: int) -> None:
    if len(set(lengths)) != 1:
        raise InvalidScores(f"truth and predictions differ in length: {lengths}")
    if not lengths[0]:
        raise EmptyTestSet(
            "the test set is empty, so nothing can be measured",
            hint="import records with a known label and the role test",
        )
