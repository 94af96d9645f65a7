"""Other libraries' ways of picking, as `measuring` runs them: `python -m benchmarks.peers NAME …`.

Runs in an environment of its own, from `peers.txt`. A classifier that returns the probabilities
given stands for each library's model, so that prediction is left out; joining the labelled rows to
the pool, where a library wants that, is done before the clock starts.
"""

from __future__ import annotations

import collections
import collections.abc
import warnings
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import Arrays, Method, main

SEED = 1
NEIGHBOURS = 20
BETA = 10


class Given:
    """A classifier that knows the answer."""

    def __init__(self, probabilities: NDArray[np.float32], classes: int) -> None:
        self.probabilities = probabilities
        self.classes_ = np.arange(classes)

    def fit(self, *_: Any, **__: Any) -> Given:
        return self

    def predict(self, x: Any) -> NDArray[np.int64]:
        answer: NDArray[np.int64] = self.predict_proba(x).argmax(axis=1)
        return answer

    def predict_proba(self, x: Any, **_: Any) -> NDArray[np.float32]:
        return self.probabilities[: len(x)]


def given(arrays: Arrays) -> Given:
    return Given(arrays.probabilities, arrays.probabilities.shape[1])


def joined(arrays: Arrays) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Labelled rows, then the pool; their classes, NaN where unknown."""
    rows = np.concatenate([arrays.labelled, arrays.pool])
    classes = np.full(len(rows), np.nan)
    classes[: len(arrays.labelled)] = arrays.classes
    return rows, classes


def skactiveml(name: str, arrays: Arrays, batch: int, **options: Any) -> Method:
    """A strategy of scikit-activeml that asks no classifier."""
    strategy = getattr(import_module("skactiveml.pool"), name)(random_state=SEED, **options)
    rows, classes = joined(arrays)
    before = len(arrays.labelled)
    return lambda: strategy.query(rows, classes, batch_size=batch) - before


def skactiveml_with_classifier(name: str, arrays: Arrays, batch: int, **options: Any) -> Method:
    base = import_module("skactiveml.base").SkactivemlClassifier

    class Classifier(base):  # type: ignore[misc, valid-type]
        def fit(self, *_: Any, **__: Any) -> Classifier:
            return self

        def predict_proba(self, x: Any, **_: Any) -> NDArray[np.float32]:
            return arrays.probabilities[: len(x)]

    strategy = getattr(import_module("skactiveml.pool"), name)(random_state=SEED, **options)
    rows, classes = joined(arrays)
    before = len(arrays.labelled)
    classifier = Classifier(classes=list(range(arrays.probabilities.shape[1])))
    return lambda: (
        np.asarray(strategy.query(rows, classes, classifier, fit_clf=False, batch_size=batch))
        - before
    )


def skactiveml_margin(arrays: Arrays, batch: int) -> Method:
    return skactiveml_with_classifier(
        "UncertaintySampling", arrays, batch, method="margin_sampling"
    )


def skactiveml_core_set(arrays: Arrays, batch: int) -> Method:
    return skactiveml("CoreSet", arrays, batch)


def skactiveml_badge(arrays: Arrays, batch: int) -> Method:
    return skactiveml_with_classifier("Badge", arrays, batch)


def skactiveml_typi_clust(arrays: Arrays, batch: int) -> Method:
    clusters = import_module("sklearn.cluster").MiniBatchKMeans
    return skactiveml("TypiClust", arrays, batch, cluster_algo=clusters, k=NEIGHBOURS)


def skactiveml_max_herding(arrays: Arrays, batch: int) -> Method:
    return skactiveml("MaxHerding", arrays, batch)


def skactiveml_prob_cover(arrays: Arrays, batch: int) -> Method:
    return skactiveml("ProbCover", arrays, batch, n_classes=arrays.probabilities.shape[1])


def cardinal_margin(arrays: Arrays, batch: int) -> Method:
    sampler = import_module("cardinal.uncertainty").MarginSampler("precomputed", batch)
    return lambda: sampler.select_samples(arrays.probabilities)


def cardinal_k_center(arrays: Arrays, batch: int) -> Method:
    sampler = import_module("cardinal.clustering").KCenterGreedy(lambda rows: rows, batch)

    def picks() -> object:
        return sampler.fit(arrays.labelled).select_samples(arrays.pool)

    return picks


def cardinal_two_step(arrays: Arrays, batch: int) -> Method:
    sampler = import_module("cardinal.zhdanov2019").TwoStepKMeansSampler(
        BETA, given(arrays), batch, assume_fitted=True, random_state=SEED
    )
    return lambda: sampler.select_samples(arrays.pool)


def modal_margin(arrays: Arrays, batch: int) -> Method:
    sampling = import_module("modAL.uncertainty").margin_sampling
    classifier = given(arrays)

    def picks() -> object:
        answer = sampling(classifier, arrays.pool, n_instances=batch)
        return answer[0] if isinstance(answer, tuple) else answer

    return picks


def modal_ranked_batch(arrays: Arrays, batch: int) -> Method:
    sampling = import_module("modAL.batch").uncertainty_batch_sampling
    classifier: Any = given(arrays)
    classifier.estimator, classifier.on_transformed = classifier, False
    classifier.X_training = arrays.labelled
    classifier.transform_without_estimating = lambda rows: rows

    def picks() -> object:
        answer = sampling(classifier, arrays.pool, n_instances=batch)
        return answer[0] if isinstance(answer, tuple) else answer

    return picks


def small_text_margin(arrays: Arrays, batch: int) -> Method:
    strategy = import_module("small_text.query_strategies.strategies").BreakingTies()
    classifier = given(arrays)
    unlabelled, nothing = np.arange(len(arrays.pool)), np.zeros(0, dtype=np.int64)
    return lambda: strategy.query(
        classifier, arrays.pool, unlabelled, nothing, np.zeros(0), n=batch
    )


def small_text_k_center(arrays: Arrays, batch: int) -> Method:
    coreset = import_module("small_text.query_strategies.coresets").greedy_coreset
    # The pool first: the function takes the places of its picks for places in the whole.
    rows = np.concatenate([arrays.pool, arrays.labelled])
    pool, labelled = np.arange(len(arrays.pool)), np.arange(len(arrays.pool), len(rows))
    return lambda: coreset(
        rows, pool, labelled, batch, distance_metric="euclidean", normalized=True
    )


def alipy_k_center(arrays: Arrays, batch: int) -> Method:
    # ALiPy still looks for names that left `collections` with Python 3.10.
    for name in ("Iterable", "Sequence", "Mapping"):
        setattr(collections, name, getattr(collections.abc, name))
    rows, classes = joined(arrays)
    places, before = np.arange(len(rows)), len(arrays.labelled)
    module = import_module("alipy.query_strategy.query_labels")
    strategy = module.QueryInstanceCoresetGreedy(rows, classes, places)
    pool = set(range(before, len(rows)))
    return lambda: np.array(strategy.select(places[:before], pool, batch_size=batch)) - before


def sklearn_k_means(arrays: Arrays, batch: int) -> Method:
    seeding = import_module("sklearn.cluster").kmeans_plusplus
    return lambda: seeding(arrays.pool, batch, random_state=SEED)[1]


def apricot_facilities(arrays: Arrays, batch: int) -> Method:
    selection = import_module("apricot").FacilityLocationSelection(
        batch, metric="cosine", random_state=SEED
    )
    return lambda: selection.fit(np.asarray(arrays.pool)).ranking


PEERS = {
    "margin top-k": {
        "cardinal": cardinal_margin,
        "modAL": modal_margin,
        "scikit-activeml": skactiveml_margin,
        "small-text": small_text_margin,
    },
    "k-center": {
        "scikit-activeml CoreSet": skactiveml_core_set,
        "cardinal": cardinal_k_center,
        "ALiPy": alipy_k_center,
        "small-text": small_text_k_center,
    },
    "BADGE": {
        "scikit-activeml": skactiveml_badge,
        "scikit-learn kmeans_plusplus, of rows": sklearn_k_means,
    },
    "typical clusters": {"scikit-activeml TypiClust, mini-batch": skactiveml_typi_clust},
    "facility location": {"apricot": apricot_facilities},
    "margin prefilter, k-means": {"cardinal two-step": cardinal_two_step},
    "MaxHerding": {
        "scikit-activeml MaxHerding": skactiveml_max_herding,
        "scikit-activeml ProbCover": skactiveml_prob_cover,
    },
    "uncertainty herding": {"modAL ranked batch": modal_ranked_batch},
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main({f"{method}/{peer}": made for method, by in PEERS.items() for peer, made in by.items()})
