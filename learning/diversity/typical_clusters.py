"""Typical clusters: of each cluster that holds nothing labelled, the record in its densest part.

Source: G. Hacohen, A. Dekel, D. Weinshall (2022), "Active Learning on a Budget: Opposite Strategies
Suit High and Low Budgets" (TypiClust). Typicality is one over the mean distance to the nearest
neighbours in the cluster. There are as many clusters as labelled records and picks together, and
the next pick comes from the largest of those with the fewest labelled and picked ones.

Large pools are judged by a sample, from which the picks come too: a cluster's densest part is as
dense in the sample, relative to the rest. More rows are drawn when the sample's run out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.diversity.distances import GRID, exact_squares, on_grid
from learning.diversity.k_means import k_means, nearest_center
from learning.diversity.picking import UNRESTRICTED, Admission, Picks
from learning.diversity.words import Words

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Rows = NDArray[np.int64]

SAMPLE = 2**15
MAX_CLUSTERS = 1024
"""With more labelled records than this, clusters get coarser instead of more."""
NEIGHBOURS = 20

_REFERENCES = 2**12
"""At most so many rows of a cluster stand for all of it as neighbours."""
_CELLS = 2**21
_LEAST = 1e-6
"""A mean distance that stands for nought, so that repeated rows are finitely typical."""


def typical_clusters(
    points: Float32,
    count: int,
    *,
    covered: Float32,
    weights: NDArray[np.floating[Any]] | None = None,
    eligible: NDArray[np.bool_] | None = None,
    admission: Admission = UNRESTRICTED,
    seed: int,
) -> Picks:
    """Up to `count` rows of `points` (n, d), typical of clusters without a row of `covered` (m, d).

    Rows are of unit length or zero. `weights` (n,), at least 0, multiply typicality. `gains` are
    that product; a row alone in its cluster has typicality 0. Equal inputs and seeds give equal
    picks.
    """
    blocked = np.zeros(len(points), dtype=np.bool_) if eligible is None else ~eligible
    words = Words(seed, "typical clusters")
    rows: list[int] = []
    gains: list[float] = []
    while len(rows) < count:
        left = np.flatnonzero(~blocked)
        if not len(left):
            break
        sample = words.sample(left, max(SAMPLE, 4 * (count - len(rows))))
        known = np.concatenate([covered, points[np.array(rows, dtype=np.int64)]])
        turn = _Turn(points, sample, known, weights, clusters=len(known) + count - len(rows))
        turn.cluster(int(words.raw(1)[0]))
        for row, gain in turn.pick(count - len(rows), blocked, admission):
            rows.append(row)
            gains.append(gain)
    return Picks(rows=np.array(rows, dtype=np.int64), gains=np.array(gains))


class _Turn:
    """Picks from one sample."""

    def __init__(
        self,
        points: Float32,
        sample: Rows,
        known: Float32,
        weights: NDArray[np.floating[Any]] | None,
        *,
        clusters: int,
    ) -> None:
        self.points, self.sample, self.known, self.weights = points, sample, known, weights
        self.clusters = min(clusters, MAX_CLUSTERS, len(sample))

    def cluster(self, seed: int) -> None:
        rows = self.points[self.sample]
        labels, centers = k_means(rows, self.clusters, seed=seed)
        self.members = [self.sample[labels == label] for label in range(len(centers))]
        self.held = np.zeros(len(centers), dtype=np.int64)
        if len(self.known):
            self.held += np.bincount(nearest_center(self.known, centers), minlength=len(centers))

    def pick(
        self, count: int, blocked: NDArray[np.bool_], admission: Admission
    ) -> list[tuple[int, float]]:
        """Rows and their worth; marks in `blocked` what may not be picked after it."""
        picks: list[tuple[int, float]] = []
        sizes = np.array([len(members) for members in self.members])
        queues: dict[int, list[tuple[int, float]]] = {}
        alive = sizes > 0
        while len(picks) < count and alive.any():
            # The fewest held first, of equals the largest, of equals the first.
            label = int(np.lexsort((-sizes, self.held, ~alive))[0])
            if label not in queues:
                queues[label] = self._by_typicality(self.members[label])
            queue = queues[label]
            while queue:
                row, worth = queue.pop()
                if blocked[row]:
                    continue
                blocked[row] = True
                if admission.admits(row):
                    picks.append((row, worth))
                    blocked[admission.take(row)] = True
                    self.held[label] += 1
                    break
            alive[label] = bool(queue)
        return picks

    def _by_typicality(self, members: Rows) -> list[tuple[int, float]]:
        """Rows of a cluster with their worth, the best last, of equals the first row last."""
        worth = _typicality(self.points[members])
        if self.weights is not None:
            worth = worth * self.weights[members]
        order = np.argsort(-worth, kind="stable")[::-1]
        return list(zip(members[order].tolist(), worth[order].tolist(), strict=True))


def _typicality(rows: Float32) -> Float64:
    """(n,) one over the mean distance to the nearest neighbours among `rows` (n, d)."""
    neighbours = min(NEIGHBOURS, len(rows) - 1)
    if neighbours < 1:
        return np.zeros(len(rows))
    step = -(-len(rows) // _REFERENCES)
    references = on_grid(rows[::step])
    neighbours = min(neighbours, len(references))
    mean = np.empty(len(rows))
    height = max(1, _CELLS // len(references))
    for top in range(0, len(rows), height):
        chunk = slice(top, top + height)
        squares = exact_squares(on_grid(rows[chunk]), references)
        # Nobody is a neighbour of itself.
        own = np.arange(top, min(top + height, len(rows)))
        own = own[own % step == 0]
        squares[own - top, own // step] = np.inf
        near = np.partition(squares, neighbours - 1, axis=1)[:, :neighbours]
        finite = np.where(np.isfinite(near), near, 0.0)
        mean[chunk] = np.sqrt(finite).sum(axis=1) / np.isfinite(near).sum(axis=1) / GRID
    return 1.0 / (mean + _LEAST)
