"""How good picks are by each method's own objective, computed alike for ours and the peers'."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import Arrays
from learning.diversity.distances import Carried, carry
from learning.diversity.k_center import k_center
from learning.ranking import margin_uncertainty, ranked

Rows = NDArray[np.int64]
Squares = NDArray[np.float32]

NEIGHBOURS = 20
BETA = 10
_HEIGHT = 2**13


class Objectives:
    """Objectives on one pool; what depends on the labelled rows alone is worked out once."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self.margins = margin_uncertainty(arrays.probabilities)
        self.from_labelled: Carried = carry(arrays.pool, arrays.labelled)
        self.square_width = float(self.from_labelled.squares.mean())

    def mean_margin(self, rows: Rows) -> float:
        return float(self.margins[rows].mean())

    def radius(self, rows: Rows) -> float:
        """The distance of the row that is farthest from everything labelled or picked."""
        covered, carried = self._covered(rows)
        return float(k_center(self.arrays.pool, 1, covered=covered, carried=carried).gains[0])

    def potential(self, rows: Rows) -> float:
        """Mean squared distance of gradient embeddings to the nearest pick's."""
        y, b = self._gradients(rows)
        own = np.einsum("ij,ij->i", y, y) * np.einsum("ij,ij->i", b, b)
        total = 0.0
        for top in range(0, len(self.arrays.pool), _HEIGHT):
            chunk = np.arange(top, min(top + _HEIGHT, len(self.arrays.pool)))
            x, a = self._gradients(chunk)
            squares = (own - 2.0 * (x @ y.T) * (a @ b.T)).min(axis=1)
            squares += np.einsum("ij,ij->i", x, x) * np.einsum("ij,ij->i", a, a)
            total += float(np.maximum(squares, 0.0).sum(dtype=np.float64))
        return total / len(self.arrays.pool)

    def typicality(self, rows: Rows) -> float:
        """Mean of one over the mean distance to the 20 nearest records of the pool."""
        picks = self.arrays.pool[rows]
        near = np.full((len(rows), NEIGHBOURS + 1), np.inf, dtype=np.float32)
        for top in range(0, len(self.arrays.pool), _HEIGHT):
            squares = 2.0 - 2.0 * (picks @ self.arrays.pool[top : top + _HEIGHT].T)
            near = np.concatenate([near, squares], axis=1)
            near = np.partition(near, NEIGHBOURS, axis=1)[:, : NEIGHBOURS + 1]
        # Of the nearest, one is the pick itself.
        distances = np.sqrt(np.maximum(np.sort(near, axis=1)[:, 1:], 0.0))
        return float((1.0 / distances.mean(axis=1)).mean())

    def similarity(self, rows: Rows) -> float:
        """Mean of (1 + cosine) / 2 to the most similar record labelled or picked."""
        return float((1.0 - self._squares(rows) / 4.0).mean(dtype=np.float64))

    def spread(self, rows: Rows) -> float:
        """Mean squared distance of the records that pass the prefilter to the nearest pick."""
        passed = ranked(self.margins, BETA * len(rows))
        return float(carry(self.arrays.pool[passed], self.arrays.pool[rows]).squares.mean())

    def coverage(self, rows: Rows) -> float:
        """Mean of a Gaussian kernel to the nearest record labelled or picked."""
        return float(np.exp(-self._squares(rows) / self.square_width).mean(dtype=np.float64))

    def uncertain_coverage(self, rows: Rows) -> float:
        """The same, each record weighing as much as its margin uncertainty."""
        kernel = np.exp(-self._squares(rows) / self.square_width)
        return float(np.average(kernel, weights=self.margins.astype(np.float64)))

    def _covered(self, rows: Rows) -> tuple[NDArray[np.float32], Carried]:
        covered = np.concatenate([self.arrays.labelled, self.arrays.pool[rows]])
        return covered, carry(self.arrays.pool, covered, self.from_labelled)

    def _squares(self, rows: Rows) -> Squares:
        return self._covered(rows)[1].squares

    def _gradients(self, rows: Rows) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        a = np.array(self.arrays.probabilities[rows], dtype=np.float32)
        a[np.arange(len(a)), a.argmax(axis=1)] -= np.float32(1.0)
        return self.arrays.pool[rows], a

    def of(self, method: str) -> tuple[str, Callable[[Rows], float]]:
        """The name of a method's objective, with which way is better, and the objective."""
        return {
            "margin top-k": ("mean margin uncertainty, more is better", self.mean_margin),
            "k-center": ("covering radius, less is better", self.radius),
            "k-center, distances carried": ("covering radius, less is better", self.radius),
            "BADGE": ("k-means++ potential a row, less is better", self.potential),
            "typical clusters": ("mean typicality, more is better", self.typicality),
            "facility location": ("mean similarity, more is better", self.similarity),
            "margin prefilter, k-means": ("mean squared distance, less is better", self.spread),
            "MaxHerding": ("coverage, more is better", self.coverage),
            "uncertainty herding": ("weighted coverage, more is better", self.uncertain_coverage),
        }[method]
