"""The product's own model on one split: its features are fitted once, its classifier each round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from domain.records import ContentKind
from learning.backtesting.records import Float32, Int64, LabelledRecords, Split
from learning.committee import resample
from learning.models import Model, logistic_regression

Rows: TypeAlias = sparse.csr_matrix | Float32

COMMITTEE = 5
"""Members of the committee whose disagreement a policy may look at, as in a round."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """What is known once a batch is labelled."""

    classes: tuple[str, ...]
    """Those that the model can tell; one alone is answered always."""
    probabilities: Float32 | None
    """(n, k) of the pool; None while one class is known: there is no model yet."""
    committee: Float32 | None
    """(n, members, k) of the pool; None where none was asked for."""
    answers: Int64
    """(t,) test records' classes as places in `names`."""


class Learner:
    """Trains on rows of the pool and answers for the pool and the test set."""

    def __init__(
        self, records: LabelledRecords, split: Split, names: Sequence[str], *, seed: int
    ) -> None:
        """`names` are all classes that there are, sorted."""
        self._names = {name: place for place, name in enumerate(names)}
        self._seed = seed
        # Features from a file are rows of length one, as those of texts are.
        self._kind = records.kind or ContentKind.TEXT
        self._pool: Rows
        self._test: Rows
        if records.kind is None:
            assert records.features is not None  # noqa: S101 - there is one of both
            self.embeddings = records.features[split.pool]
            self._pool, self._test = self.embeddings, records.features[split.test]
            return
        contents = [records.contents[row] for row in split.pool.tolist()]
        # Nothing of the test set is seen: not even its words and ranges.
        model = Model.fit(records.kind, contents, [None] * len(contents), seed=seed)
        self.embeddings = model.embed(contents)
        self._pool = model.features.transform(contents)
        tested = [records.contents[row] for row in split.test.tolist()]
        self._test = model.features.transform(tested)

    def fit(self, rows: Int64, labels: Sequence[str], *, committee: bool = False) -> Fitted:
        """A classifier of these rows of the pool, with their labels as reviewers gave them."""
        known = np.array(labels, dtype=np.str_)
        if len(set(labels)) < 2:
            only = np.full(self._test.shape[0], self._names[labels[0]], dtype=np.int64)
            return Fitted(classes=(labels[0],), probabilities=None, committee=None, answers=only)
        features = self._pool[rows]
        classifier = logistic_regression(self._kind).fit(features, known)
        members = []
        for member in range(COMMITTEE if committee else 0):
            drawn = resample(known, seed=self._seed, member=member)
            voter = logistic_regression(self._kind).fit(features[drawn], known[drawn])
            members.append(voter.predict_proba(self._pool).astype(np.float32))
        answers = [self._names[str(label)] for label in classifier.predict(self._test)]
        return Fitted(
            classes=tuple(map(str, classifier.classes_)),
            probabilities=_single(classifier.predict_proba(self._pool)),
            committee=np.stack(members, axis=1) if members else None,
            answers=np.array(answers, dtype=np.int64),
        )


def _single(probabilities: NDArray[np.float64]) -> Float32:
    return np.ascontiguousarray(probabilities, dtype=np.float32)
