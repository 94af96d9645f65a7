"""The strategies of Labelwright that the label-efficiency benchmark compares, and their base lines.

Those that need a model begin with the same random batch (`warm`); the others choose their own first
batch, and herding without a model covers without weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa

from benchmarks.datasets import Float64, Labels
from benchmarks.learners import State, Strategy, random, warm
from domain.arms import RANDOM_ARM, Arm, ArmKind
from domain.policy import SamplingPolicy
from learning.diversity.badge import badge
from learning.diversity.herding import herd
from learning.diversity.k_center import k_center
from learning.diversity.prefilter import prefiltered
from learning.diversity.typical_clusters import typical_clusters
from learning.ranking import ranked
from learning.selection import Candidates, Known, select


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
        state.points, state.count, covered=state.points[state.labelled], eligible=state.eligible
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


def labelwright(state: State) -> Labels:
    """The product itself: `select` by a policy of an uncertain arm and a random arm of 1 of 10."""
    left = np.flatnonzero(state.eligible)
    classes = [] if state.probabilities is None else np.unique(state.labels).tolist()
    # Ids sort as rows do, so that a tie is settled alike here and there.
    names = [f"{row:09d}" for row in left.tolist()]
    candidates = Candidates(
        record_ids=pa.array(names),
        embeddings=state.points[left],
        probabilities=None
        if state.probabilities is None
        else state.probabilities[left].astype(np.float32),
        classes=[str(label) for label in classes],
        known=Known(
            record_ids=[f"{row:09d}" for row in state.labelled.tolist()],
            embeddings=state.points[state.labelled],
            labels=[str(label) for label in state.labels.tolist()],
            for_test=np.zeros(len(state.labelled), dtype=np.bool_),
        ),
    )
    policy = replace(POLICY, batch_size=state.count, seed=state.seed)
    return np.array([int(each.record_id) for each in select(candidates, policy).selections])


POLICY = SamplingPolicy(
    name="benchmark",
    batch_size=10,
    arms=(
        Arm(name="uncertain", kind=ArmKind.UNCERTAIN, share=0.9),
        Arm(name=RANDOM_ARM, kind=ArmKind.RANDOM, share=0.1),
    ),
)


def uncertainty_herding(state: State) -> Labels:
    weights = None if state.probabilities is None else margin(state.probabilities) ** 2
    return herded(state, weights)


def maximal_coverage(state: State) -> Labels:
    return herded(state, None)


def herded(state: State, weights: Float64 | None) -> Labels:
    return herd(
        state.points,
        state.count,
        weights=weights,
        covered=state.points[state.labelled],
        eligible=state.eligible,
        seed=state.seed,
    ).rows


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
