"""Models: features, an embedding and, once two labels are known, a classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from domain.errors import InvalidTraining, UntrustedModel
from domain.records import Content, ContentKind
from learning.archive import pack, unpack
from learning.committee import resample
from learning.kinds import FEATURES, Features

MAX_DIMENSIONS = 128
MAX_SVD_ROWS = 20_000
"""The directions of the embedding are found on at most this many records, evenly spaced."""
MAX_ITERATIONS = 10_000

_REGULARISATION = {
    ContentKind.TEXT: 10.0,
    ContentKind.TABLE: 1.0,
    ContentKind.IMAGE: 1.0,
    ContentKind.PAIR: 10.0,
}
"""Inverse strength C. TF-IDF rows have length one, and likenesses of pairs are at most one, so the
default of 1 would hold them back."""

_FORMAT = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Outputs:
    """What a model makes of n contents in one pass over their features."""

    embeddings: NDArray[np.float32]
    """(n, dimensions) unit rows."""
    probabilities: NDArray[np.float64]
    """(n, k), columns as in `Model.classes`; k = 0 when cold."""
    committee: NDArray[np.float64] | None
    """(n, members, k), one distribution a member; none without a committee."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """What a round scores with. Immutable; the same inputs give the same bytes."""

    kind: ContentKind
    features: Features
    directions: NDArray[np.float32] | None
    """(width, d) right singular vectors of the features; none where these are narrow enough."""
    dimensions: int
    classifier: LogisticRegression | None
    committee: tuple[LogisticRegression, ...] = ()
    """Classifiers of the same classes, each fitted to another resample of the labels."""

    @classmethod
    def fit(
        cls,
        kind: ContentKind,
        contents: Sequence[Content],
        labels: Sequence[str | None],
        *,
        seed: int,
        committee: int = 0,
    ) -> Self:
        """Fit the features on all `contents`, the classifier on those that have a label.

        With fewer than two distinct labels there is no classifier (`classes == ()`): a cold start.
        `committee` is the number of further classifiers, of which there are none then either.
        Raises InvalidTraining when there are no contents or not one label (or None) for each.
        """
        if not contents or len(contents) != len(labels):
            raise InvalidTraining(
                f"a model needs contents and one label or none for each; "
                f"there are {len(contents)} contents and {len(labels)} labels"
            )
        features = FEATURES[kind].fit(contents)
        rows = features.transform(contents)
        # One BLAS thread: the order in which threads add up would show in the last digits.
        with threadpool_limits(limits=1, user_api="blas"):
            directions = _directions(rows, seed=seed)
            classifier = _classifier(kind, rows, labels)
            members = _committee(kind, rows, labels, size=committee if classifier else 0, seed=seed)
        return cls(
            kind=kind,
            features=features,
            directions=directions,
            dimensions=int(rows.shape[1] if directions is None else directions.shape[1]),
            classifier=classifier,
            committee=members,
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that the model can predict, sorted; empty at a cold start."""
        return () if self.classifier is None else tuple(map(str, self.classifier.classes_))

    def embed(self, contents: Sequence[Content]) -> NDArray[np.float32]:
        """Unit rows, (n, dimensions); a record without any known feature is a zero row."""
        return self._embed(self.features.transform(contents))

    def predict_proba(self, contents: Sequence[Content]) -> NDArray[np.float64]:
        """(n, k) probabilities, columns as in `classes`, rows summing to 1; k = 0 when cold."""
        return self._predict_proba(self.features.transform(contents))

    def embed_and_predict(
        self, contents: Sequence[Content]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """`embed` and `predict_proba` for the price of one pass over the features."""
        rows = self.features.transform(contents)
        return self._embed(rows), self._predict_proba(rows)

    def outputs(self, contents: Sequence[Content]) -> Outputs:
        """All that the model says of `contents`, for the price of one pass over the features."""
        rows = self.features.transform(contents)
        return Outputs(
            embeddings=self._embed(rows),
            probabilities=self._predict_proba(rows),
            committee=self._predict_committee(rows) if self.committee else None,
        )

    def predict(self, contents: Sequence[Content]) -> list[str]:
        """The likeliest label of each content. Raises InvalidTraining at a cold start."""
        if not self.classes:
            raise InvalidTraining("a model without a classifier predicts nothing")
        best = self.predict_proba(contents).argmax(axis=1)
        return [self.classes[place] for place in best]

    def refitting(
        self, contents: Sequence[Content], labels: Sequence[str], asked: Sequence[Content]
    ) -> Callable[[NDArray[np.int64]], list[str]]:
        """A function of row numbers: it trains on those rows alone and labels `asked`.

        The features stay this model's, so that what differs is the labels and nothing else. Rows of
        one label alone answer with that label.
        """
        rows, asked_rows = self.features.transform(contents), self.features.transform(asked)

        def fit_predict(chosen: NDArray[np.int64]) -> list[str]:
            known = [labels[index] for index in chosen]
            with threadpool_limits(limits=1, user_api="blas"):
                classifier = _classifier(self.kind, rows[chosen], known)
                if classifier is None:
                    return known[:1] * len(asked)
                return [str(label) for label in classifier.predict(asked_rows)]

        return fit_predict

    def to_bytes(self) -> bytes:
        """A skops archive; equal models give equal bytes."""
        return pack(
            {
                "format": _FORMAT,
                "kind": self.kind.value,
                "features": self.features.state(),
                "directions": self.directions,
                "dimensions": self.dimensions,
                "classifier": self.classifier,
                "committee": list(self.committee),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The model that `to_bytes` wrote. Raises UntrustedModel for anything else."""
        state = unpack(data)
        if not isinstance(state, dict) or state.get("format") != _FORMAT:
            raise UntrustedModel("the file holds no model of a format that this version reads")
        kind = ContentKind(state["kind"])
        return cls(
            kind=kind,
            features=FEATURES[kind].from_state(state["features"]),
            directions=state["directions"],
            dimensions=state["dimensions"],
            classifier=state["classifier"],
            # Models of the first rounds were written without one.
            committee=tuple(state.get("committee", ())),
        )

    def _embed(self, rows: sparse.csr_matrix) -> NDArray[np.float32]:
        wide = rows.toarray() if self.directions is None else rows @ self.directions
        lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
        unit = wide / np.where(lengths > 0.0, lengths, 1.0)[:, None]
        return np.ascontiguousarray(unit, dtype=np.float32)

    def _predict_proba(self, rows: sparse.csr_matrix) -> NDArray[np.float64]:
        if self.classifier is None or not rows.shape[0]:
            return np.zeros((rows.shape[0], len(self.classes)))
        probabilities: NDArray[np.float64] = self.classifier.predict_proba(rows)
        return probabilities

    def _predict_committee(self, rows: sparse.csr_matrix) -> NDArray[np.float64]:
        if not rows.shape[0]:
            return np.zeros((0, len(self.committee), len(self.classes)))
        return np.stack([member.predict_proba(rows) for member in self.committee], axis=1)


def _directions(rows: sparse.csr_matrix, *, seed: int) -> NDArray[np.float32] | None:
    """(width, d) leading right singular vectors, d ≤ 128; None for rows no wider than that.

    Source: N. Halko, P.-G. Martinsson, J. Tropp (2011), "Finding structure with randomness".
    """
    count, width = rows.shape
    if width <= MAX_DIMENSIONS:
        return None
    if count > MAX_SVD_ROWS:
        rows = rows[np.linspace(0, count - 1, MAX_SVD_ROWS).astype(np.int64)]
    dimensions = min(MAX_DIMENSIONS, rows.shape[0])
    _, _, vectors = randomized_svd(rows, dimensions, random_state=seed % 2**32)
    return np.ascontiguousarray(vectors.T, dtype=np.float32)


def _classifier(
    kind: ContentKind, rows: sparse.csr_matrix, labels: Sequence[str | None]
) -> LogisticRegression | None:
    labelled, known = _labelled(labels)
    if len(set(known)) < 2:
        return None
    return logistic_regression(kind).fit(rows[labelled], known)


def _committee(
    kind: ContentKind,
    rows: sparse.csr_matrix,
    labels: Sequence[str | None],
    *,
    size: int,
    seed: int,
) -> tuple[LogisticRegression, ...]:
    labelled, known = _labelled(labels)
    samples = [resample(known, seed=seed, member=member) for member in range(size)]
    return tuple(
        logistic_regression(kind).fit(rows[labelled[sample]], known[sample]) for sample in samples
    )


def _labelled(labels: Sequence[str | None]) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """Which rows have a label, and the labels of those."""
    rows = [index for index, label in enumerate(labels) if label is not None]
    return np.array(rows, dtype=np.int64), np.array([str(labels[row]) for row in rows], dtype=str)


def logistic_regression(kind: ContentKind) -> LogisticRegression:
    """The classifier, not fitted yet, that is used for features of a kind of content."""
    return LogisticRegression(C=_REGULARISATION[kind], max_iter=MAX_ITERATIONS)
