"""Near duplicates by embedding, and inside a batch while it grows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learning.near_duplicates import Flags, Signatures, band_keys, places
from learning.signals.geometry import GRID_ERROR, nearest_distances

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_GRID = 2.0**25
"""Cells a unit. Products of rows on this grid are whole numbers below 2⁵³, which float64 holds
exactly: whether two rows are near is the same on every machine."""
_PAIRS = 2**20


def radius(cosine: float) -> float:
    """The distance between two unit rows of that cosine: √(2 − 2 cosine).

    Raises ValueError unless −1 ≤ cosine ≤ 1.
    """
    if not -1.0 <= cosine <= 1.0:
        raise ValueError(f"{cosine} is no cosine")
    return float(np.sqrt(2.0 - 2.0 * cosine))


def close(
    points: Float32, references: Float32, *, cosine: float, distances: Float32 | None = None
) -> Flags:
    """Which of `points` (n, d) have a cosine of at least `cosine` with one of `references`; (n,).

    Rows have length one or zero; a zero row has no direction and is close to nothing. `distances`
    may be what `nearest_distances` gave for the same rows: whatever is nearer than `radius(cosine)`
    is close, so only the rows near that limit are computed again, exactly.
    """
    references = references[references.any(axis=1)]
    has_direction = points.any(axis=1)
    if not len(references):
        return np.zeros(len(points), dtype=np.bool_)
    if distances is None:
        distances = nearest_distances(points, references)
    doubt = GRID_ERROR * np.sqrt(points.shape[1])
    flags: Flags = (distances <= radius(cosine) - doubt) & has_direction
    doubtful = np.flatnonzero((np.abs(distances - radius(cosine)) <= doubt) & has_direction)
    others = _Exact(references)
    step = max(1, _PAIRS // len(references))
    for start in range(0, len(doubtful), step):
        rows = doubtful[start : start + step]
        flags[rows] = (others.squares_from(points[rows]) <= _limit(cosine)).any(axis=1)
    return flags


class BatchNeighbours:
    """The records taken so far, asked whether another nearly equals one of them.

    Two records nearly equal each other when their `signatures` (n, w) resemble each other by
    `jaccard` or more, or their `embeddings` (n, d) have a cosine of at least `cosine`; what is None
    is not compared. Rows are given by their numbers. Equal texts always clash, and so do equal
    directions.
    """

    def __init__(
        self,
        *,
        embeddings: Float32 | None,
        signatures: Signatures | None,
        cosine: float | None,
        jaccard: float | None,
    ) -> None:
        self._taken: list[int] = []
        self._sides: list[_Texts | _Points] = []
        if signatures is not None and jaccard is not None:
            self._sides.append(_Texts(signatures, places(jaccard)))
        if embeddings is not None and cosine is not None:
            self._sides.append(_Points(embeddings, _limit(cosine)))

    def clashes(self, row: int) -> int | None:
        """The row that nearly equals `row`, of those taken the one taken first; None if none."""
        found = [place for side in self._sides if (place := side.first_near(row)) is not None]
        return self._taken[min(found)] if found else None

    def add(self, row: int) -> None:
        """Take `row`."""
        self._taken.append(row)
        for side in self._sides:
            side.add(row)


class _Texts:
    """The signatures taken, found by their bands."""

    def __init__(self, signatures: Signatures, wanted: int) -> None:
        self._signatures = signatures
        self._wanted = wanted
        self._taken: list[int] = []
        self._bands: dict[tuple[int, int], list[int]] = {}

    def first_near(self, row: int) -> int | None:
        candidates = sorted(
            {place for key in self._keys(row) for place in self._bands.get(key, ())}
        )
        if not candidates:
            return None
        others = self._signatures[[self._taken[place] for place in candidates]]
        agreed = np.count_nonzero(others == self._signatures[row], axis=1) >= self._wanted
        return candidates[int(agreed.argmax())] if agreed.any() else None

    def add(self, row: int) -> None:
        for key in self._keys(row):
            self._bands.setdefault(key, []).append(len(self._taken))
        self._taken.append(row)

    def _keys(self, row: int) -> list[tuple[int, int]]:
        return list(enumerate(band_keys(self._signatures[row : row + 1])[0].tolist()))


class _Points:
    """The embeddings taken, compared one by one."""

    def __init__(self, embeddings: Float32, limit: float) -> None:
        self._embeddings = embeddings
        self._limit = limit
        self._taken = _Exact(embeddings[:0])

    def first_near(self, row: int) -> int | None:
        point = self._embeddings[row : row + 1]
        if not point.any():
            return None
        near = self._taken.squares_from(point)[0] <= self._limit
        return int(near.argmax()) if near.any() else None

    def add(self, row: int) -> None:
        self._taken.append(self._embeddings[row : row + 1])


class _Exact:
    """Rows on the fine grid, to which rows are added."""

    def __init__(self, points: Float32) -> None:
        self._rows = _on_grid(points)
        self._squares = _squares(self._rows)
        self._count = len(points)

    def append(self, point: Float32) -> None:
        if self._count == len(self._rows):
            room = np.zeros((max(16, self._count), point.shape[1]))
            self._rows = np.concatenate([self._rows, room])
            self._squares = np.concatenate([self._squares, np.zeros(len(room))])
        row = _on_grid(point)
        self._rows[self._count], self._squares[self._count] = row[0], _squares(row)[0]
        self._count += 1

    def squares_from(self, points: Float32) -> Float64:
        """(n, m) squared distances in cells of the grid; infinite to a zero row."""
        rows, others = _on_grid(points), self._rows[: self._count]
        lengths = self._squares[: self._count]
        squares: Float64 = _squares(rows)[:, None] + lengths - 2.0 * (rows @ others.T)
        squares[:, lengths == 0.0] = np.inf
        return squares


def _on_grid(points: Float32) -> Float64:
    rows: Float64 = np.rint(points.astype(np.float64) * _GRID)
    return rows


def _squares(rows: Float64) -> Float64:
    squares: Float64 = np.einsum("ij,ij->i", rows, rows)
    return squares


def _limit(cosine: float) -> float:
    """The squared radius in cells of the fine grid."""
    return (2.0 - 2.0 * cosine) * _GRID**2
