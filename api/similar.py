"""Labelled records that resemble the one that somebody looks at.

Likeness is the cosine of the features that the pool's models learn from, fitted on the labelled
records: TF-IDF for texts, columns for rows, pixels for images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from api.schemas.tasks import SimilarRecord, SimilarRecords
from domain.records import Content, ContentKind
from storage.labelled import Labelled, labelled_records
from storage.tasks import TaskDetail

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from learning.kinds import Features

MOST = 2_000
"""Labelled records that are compared with: to fit features on them takes about a second."""
SHOWN = 5
LEAST = 0.05


def similar_records(connection: Connection, detail: TaskDetail) -> SimilarRecords:
    """The labelled records that the reader may see and that are most alike to the task's."""
    task = detail.task
    labelled = [
        each
        for each in labelled_records(connection, task.pool_id, limit=MOST)
        if each.record_id != task.record_id
    ]
    if not labelled:
        return SimilarRecords(records=[], why="nothing_labelled")
    space = _fitted(detail.plan.kind, _Known(labelled))
    likeness = space.likeness(detail.content)
    best = sorted(range(len(labelled)), key=lambda place: -likeness[place])[:SHOWN]
    records = [
        SimilarRecord(
            record_id=labelled[place].record_id,
            content=labelled[place].content,
            label=labelled[place].label,
            similarity=round(min(float(likeness[place]), 1.0), 4),
        )
        for place in best
        if likeness[place] >= LEAST
    ]
    return SimilarRecords(records=records, why=None if records else "nothing_alike")


@dataclass(frozen=True, kw_only=True)
class _Space:
    features: Features
    rows: csr_matrix
    """Unit rows, (n, d)."""

    def likeness(self, content: Content) -> NDArray[np.float64]:
        """Cosines with each labelled record, (n,)."""
        from sklearn.preprocessing import normalize

        row = normalize(self.features.transform([content]))
        found: NDArray[np.float64] = (self.rows @ row.T).toarray().ravel()
        return found


class _Known:
    """Labelled records as the key of a cache: those of equal contents are the same."""

    def __init__(self, labelled: Sequence[Labelled]) -> None:
        self.contents = [each.content for each in labelled]
        self._digests = tuple(each.content_digest for each in labelled)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and other._digests == self._digests

    def __hash__(self) -> int:
        return hash(self._digests)


@lru_cache(maxsize=4)
def _fitted(kind: ContentKind, known: _Known) -> _Space:
    # Whoever never looks for similar records never waits for the libraries.
    from scipy.sparse import csr_matrix
    from sklearn.preprocessing import normalize

    from learning.kinds import FEATURES

    features = FEATURES[kind].fit(known.contents)
    rows = csr_matrix(normalize(features.transform(known.contents)))
    return _Space(features=features, rows=rows)
