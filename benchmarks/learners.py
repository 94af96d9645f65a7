"""Simulated active learning: batches of labels, a logistic regression after each.

A strategy gets what a selection sees: the points, the labels so far and the model's probabilities.
Every label counts: the first batch and the random arm too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from benchmarks.datasets import Float32, Float64, Labels, Problem

BATCH = 10
BUDGET = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """One moment of a simulation, as a strategy sees it.

    `probabilities` (n, k) are of the classes seen so far; None until two are known. `labelled` are
    rows, in the order in which they were picked, with `labels`.
    """

    points: Float32
    features: Float64
    labelled: Labels
    labels: Labels
    probabilities: Float64 | None
    classes: int
    count: int
    seed: int
    regularisation: float

    @property
    def eligible(self) -> NDArray[np.bool_]:
        free = np.ones(len(self.points), dtype=np.bool_)
        free[self.labelled] = False
        return free


Strategy = Callable[[State], Labels]


def random(state: State) -> Labels:
    """A uniform draw from what is not labelled."""
    keys = np.random.PCG64(state.seed).random_raw(len(state.points)).astype(np.float64)
    keys[state.labelled] = -1.0
    rows: Labels = np.argsort(-keys, kind="stable")[: state.count]
    return rows


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


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Accuracy and macro-F1 on the test set after each batch."""

    labels: list[int]
    accuracy: list[float]
    macro_f1: list[float]


def simulate(problem: Problem, strategy: Strategy, *, seed: int, budget: int = BUDGET) -> Curve:
    """Label `budget` rows in batches of BATCH. Raises ValueError for a batch that is none."""
    labelled = np.zeros(0, dtype=np.int64)
    accuracy: list[float] = []
    macro_f1: list[float] = []
    probabilities: Float64 | None = None
    for spent in range(0, budget, BATCH):
        state = State(
            points=problem.points,
            features=problem.features,
            labelled=labelled,
            labels=problem.labels[labelled],
            probabilities=probabilities,
            classes=int(problem.labels.max()) + 1,
            count=BATCH,
            seed=derived(seed, spent),
            regularisation=problem.regularisation,
        )
        batch = strategy(state)
        labelled = np.concatenate([labelled, batch])
        if len(batch) != BATCH or len(np.unique(labelled)) != len(labelled):
            raise ValueError(f"{len(batch)} rows, some perhaps not new")
        predict = fit(problem.features[labelled], problem.labels[labelled], problem.regularisation)
        probabilities = predict.probabilities(problem.features)
        guesses = predict.labels(problem.test_features)
        accuracy.append(float((guesses == problem.test_labels).mean()))
        macro_f1.append(_macro_f1(problem.test_labels, guesses))
    return Curve(labels=list(range(BATCH, budget + 1, BATCH)), accuracy=accuracy, macro_f1=macro_f1)


def full_accuracy(problem: Problem) -> float:
    """On the test set, of a model of the whole pool."""
    model = fit(problem.features, problem.labels, problem.regularisation)
    return float((model.labels(problem.test_features) == problem.test_labels).mean())


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    classifier: LogisticRegression | None
    only: int

    def labels(self, features: Float64) -> Labels:
        if self.classifier is None:
            return np.full(len(features), self.only)
        guesses: Labels = self.classifier.predict(features)
        return guesses

    def probabilities(self, features: Float64) -> Float64 | None:
        if self.classifier is None:
            return None
        probabilities: Float64 = self.classifier.predict_proba(features)
        return probabilities


def fit(features: Float64, labels: Labels, regularisation: float) -> Fitted:
    """A multinomial logistic regression; while one class is known, a guess of that class."""
    if len(np.unique(labels)) < 2:
        return Fitted(classifier=None, only=int(labels[0]))
    classifier = LogisticRegression(C=regularisation, max_iter=1000)
    return Fitted(classifier=classifier.fit(features, labels), only=-1)


def derived(seed: int, *what: object) -> int:
    """A seed of 32 bits for one use of another seed."""
    return int.from_bytes(hashlib.sha256(repr((seed, *what)).encode()).digest()[:4])


def _macro_f1(truth: Labels, guesses: Labels) -> float:
    return float(f1_score(truth, guesses, average="macro", zero_division=0))
