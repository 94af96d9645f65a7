"""What other libraries choose, on the same arrays: imported only where those are installed.

Peers that need a model begin with the same random batch as ours; scikit-activeml's coverage
methods choose their own first batch. Each is called as its documentation shows, with its defaults.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.datasets import Float64, Labels
from benchmarks.learners import State, Strategy, warm


def activeml(name: str, **options: Any) -> Callable[[], Strategy]:
    """A pool strategy of scikit-activeml that looks at points and labels only."""

    def make() -> Strategy:
        pool = import_module("skactiveml.pool")

        made: dict[int, Any] = {}

        def pick(state: State) -> Labels:
            # One object a simulation, as a user would keep it: some remember their first radius.
            query = made.setdefault(
                0, getattr(pool, name)(missing_label=np.nan, random_state=state.seed, **options)
            )
            rows: Labels = query.query(state.points, _known(state), batch_size=state.count)
            return rows

        return pick

    return make


def activeml_warm(name: str, argument: str, fit: str) -> Callable[[], Strategy]:
    """A pool strategy of scikit-activeml that asks a classifier."""

    def make() -> Strategy:
        pool = import_module("skactiveml.pool")
        wrapper = import_module("skactiveml.classifier").SklearnClassifier

        def pick(state: State, probabilities: Float64) -> Labels:
            del probabilities
            known = _known(state)
            classifier = wrapper(
                _model(state), classes=np.unique(state.labels), missing_label=np.nan
            ).fit(state.features, known)
            query = getattr(pool, name)(missing_label=np.nan, random_state=state.seed)
            rows: Labels = query.query(
                state.features,
                known,
                batch_size=state.count,
                **{argument: classifier, fit: False},
            )
            return rows

        return warm(pick)

    return make


def cardinal_two_step() -> Strategy:
    two_step = import_module("cardinal.zhdanov2019").TwoStepKMeansSampler

    def pick(state: State, probabilities: Float64) -> Labels:
        del probabilities
        left = np.flatnonzero(state.eligible)
        model = _fitted(state)
        sampler = two_step(10, model, state.count, assume_fitted=True)
        sampler.fit(state.features[state.labelled], state.labels)
        rows: Labels = left[sampler.select_samples(state.features[left])]
        return rows

    return warm(pick)


def modal_ranked_batch() -> Strategy:
    batch, models = import_module("modAL.batch"), import_module("modAL.models")

    def pick(state: State, probabilities: Float64) -> Labels:
        del probabilities
        left = np.flatnonzero(state.eligible)
        learner = models.ActiveLearner(
            estimator=_model(state),
            X_training=state.features[state.labelled],
            y_training=state.labels,
        )
        rows = batch.uncertainty_batch_sampling(
            learner, state.features[left], n_instances=state.count
        )
        chosen: Labels = left[np.asarray(rows[0] if isinstance(rows, tuple) else rows)]
        return chosen

    return warm(pick)


def small_text(name: str, *, embeddings: bool, **options: Any) -> Callable[[], Strategy]:
    """A query strategy of small-text; its own classifiers want texts, so ours answers."""

    def make() -> Strategy:
        query_strategies = import_module("small_text.query_strategies")
        wrapper = import_module("small_text.data.datasets").SklearnDataset

        def pick(state: State, probabilities: Float64) -> Labels:
            del probabilities
            np.random.seed(state.seed)  # the library draws from the global stream
            left = np.flatnonzero(state.eligible)
            filled = np.zeros(len(state.points), dtype=np.int64)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                query = getattr(query_strategies, name)(**options)
                rows: Labels = query.query(
                    _Answers(_fitted(state)),
                    wrapper(state.features, filled),
                    left,
                    state.labelled,
                    state.labels,
                    n=state.count,
                    **({"embeddings": _both(state, left), "pbar": None} if embeddings else {}),
                )
            return rows

        return warm(pick)

    return make


class _Answers:
    """A fitted classifier with the one method that small-text's strategies call."""

    def __init__(self, model: LogisticRegression) -> None:
        self.model = model

    def predict_proba(self, dataset: Any) -> Float64:
        answers: Float64 = self.model.predict_proba(dataset.x)
        return answers


def _both(state: State, left: Labels) -> Float64:
    """Embeddings in the order that small-text wants: the unlabelled first."""
    embeddings: Float64 = state.features[np.concatenate([left, state.labelled])]
    return embeddings


def _known(state: State) -> Float64:
    known = np.full(len(state.points), np.nan)
    known[state.labelled] = state.labels
    return known


def _model(state: State) -> LogisticRegression:
    return LogisticRegression(C=state.regularisation, max_iter=1000)


def _fitted(state: State) -> LogisticRegression:
    fitted: LogisticRegression = _model(state).fit(state.features[state.labelled], state.labels)
    return fitted


PEERS: dict[str, Callable[[], Strategy]] = {
    "scikit-activeml MaxHerding": activeml("MaxHerding"),
    "scikit-activeml TypiClust": activeml("TypiClust"),
    "scikit-activeml ProbCover": activeml("ProbCover"),
    "scikit-activeml CoreSet": activeml("CoreSet"),
    "scikit-activeml BADGE": activeml_warm("Badge", "clf", "fit_clf"),
    "scikit-activeml CLUE": activeml_warm("Clue", "estimator", "fit_estimator"),
    "scikit-activeml Falcun": activeml_warm("Falcun", "clf", "fit_clf"),
    "cardinal two-step": cardinal_two_step,
    "modAL ranked batch": modal_ranked_batch,
    "small-text breaking ties": small_text("BreakingTies", embeddings=False),
    "small-text greedy coreset": small_text("GreedyCoreset", embeddings=True),
    "small-text lightweight coreset": small_text("LightweightCoreset", embeddings=True),
    "small-text embedding k-means": small_text("EmbeddingKMeans", embeddings=True),
}
