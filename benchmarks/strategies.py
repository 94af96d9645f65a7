"""The strategies of Labelwright that the label-efficiency benchmark compares, and their base lines.

Those marked as cold choose their own first batch; the others begin with the same random one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import Float32, Float64, Labels
from benchmarks.learners import State, Strategy
from learning.diversity.badge import badge
from learning.diversity.herding import herd
from learning.diversity.k_center import k_center
from learning.diversity.prefilter import prefiltered
from learning.diversity.typical_clusters import typical_clusters
from learning.ranking import ranked

RANDOM_SHARE = 0.1
"""Of each batch of Labelwright's own policy: 1 of 10."""


def random(state: State) -> Labels:
    return drawn(state, state.count)


def drawn(state: State, count: int) -> Labels:
    """A uniform draw from what is not labelled."""
    keys = np.random.PCG64(state.seed).random_raw(len(state.points)).astype(np.float64)
    keys[state.labelled] = -1.0
    return ranked(keys, count)


def warm(
    strategy: Callable[[State, Float64], NDArray[np.integer]],
) -> Strategy:
    """A strategy that needs a model: the first batch, and each until two classes are known, is
    random."""

    def pick(state: State) -> Labels:
        if state.probabilities is None:
            return random(state)
        return np.asarray(strategy(state, state.probabilities), dtype=np.int64)

    return pick


def margin(probabilities: Float64) -> Float64:
    """1 − (p₁ − p₂) of each row, in [0, 1]."""
    largest = np.sort(probabilities, axis=1)
    gap: Float64 = 1.0 - (largest[:, -1] - largest[:, -2])
    return gap


def entropy(probabilities: Float64) -> Float64:
    terms = probabilities * np.log(np.maximum(probabilities, 1e-300))
    total: Float64 = -terms.sum(axis=1)
    return total


def least_confidence(probabilities: Float64) -> Float64:
    rest: Float64 = 1.0 - probabilities.max(axis=1)
    return rest


def most(score: Callable[[Float64], Float64]) -> Strategy:
    """The largest scores of the model's probabilities."""

    def pick(state: State, probabilities: Float64) -> Labels:
        return ranked(np.where(state.eligible, score(probabilities), -1.0), state.count)

    return warm(pick)


def farthest(state: State, probabilities: Float64) -> Labels:
    del probabilities
    return k_center(
        state.points, state.count, centers=state.points[state.labelled], eligible=state.eligible
    ).rows


def gradients(state: State, probabilities: Float64) -> Labels:
    return badge(
        state.points, probabilities, state.count, eligible=state.eligible, seed=state.seed
    ).rows


def typical(state: State) -> Labels:
    return typical_clusters(
        state.points,
        state.count,
        covered=state.points[state.labelled],
        eligible=state.eligible,
        seed=state.seed,
    ).rows


def two_step(state: State) -> Labels:
    if state.probabilities is None:
        scores = np.ones(len(state.points))
    else:
        scores = margin(state.probabilities)
    return prefiltered(
        state.points, scores, state.count, eligible=state.eligible, seed=state.seed
    ).rows


def maximal_coverage(state: State) -> Labels:
    return herd(
        state.points,
        state.count,
        covered=covered(state.points, state.labelled),
        eligible=state.eligible,
        seed=state.seed,
    ).rows


def uncertainty_herding(state: State) -> Labels:
    return herded(state, np.zeros(0, dtype=np.int64))


def labelwright(state: State) -> Labels:
    """A random arm of 1 of 10, and uncertainty herding from what it left."""
    first = drawn(state, max(1, round(RANDOM_SHARE * state.count)))
    return np.concatenate([first, herded(state, first)])


def herded(state: State, taken: Labels) -> Labels:
    weights = None if state.probabilities is None else margin(state.probabilities) ** 2
    eligible = state.eligible
    eligible[taken] = False
    return herd(
        state.points,
        state.count - len(taken),
        weights=weights,
        covered=covered(state.points, np.concatenate([state.labelled, taken])),
        eligible=eligible,
        seed=state.seed,
    ).rows


def covered(points: Float32, rows: Labels) -> Float32:
    return points[rows]


OWN: dict[str, Callable[[], Strategy]] = {
    "random": lambda: random,
    "margin": lambda: most(margin),
    "entropy": lambda: most(entropy),
    "least confidence": lambda: most(least_confidence),
    "k-center": lambda: warm(farthest),
    "BADGE": lambda: warm(gradients),
    "TypiClust": lambda: typical,
    "MaxHerding": lambda: maximal_coverage,
    "margin prefilter, k-means": lambda: two_step,
    "uncertainty herding": lambda: uncertainty_herding,
    "Labelwright": lambda: labelwright,
}
COLD = frozenset(
    {
        "TypiClust",
        "MaxHerding",
        "margin prefilter, k-means",
        "uncertainty herding",
        "Labelwright",
    }
)
"""Strategies that choose their own first batch."""
