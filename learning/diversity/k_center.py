"""Greedy k-center: each pick is the record farthest from everything labelled or picked before it.

Source: T. Gonzalez (1985), "Clustering to minimize the maximum intercluster distance"; for active
learning O. Sener, S. Savarese (2018), "Active Learning for Convolutional Neural Networks: A
Core-Set Approach".

Two ideas make it fast and the same everywhere.

Stale bounds. A distance to the nearest center only shrinks as centers are added, so an old distance
is an upper bound of today's. A block of the rows with the largest bounds is brought up to date in
one product, and picks are made inside it for as long as the winner is at least every outsider's
bound. No pick costs a pass over the pool (M. Minoux (1978), "Accelerated greedy algorithms").

Exact distances. Picks compare squared distances between rows rounded to a grid of 2⁻²⁵. On it, all
products and sums are whole numbers below 2⁵³, which float64 holds exactly in whatever order a BLAS
adds them up. So the picks depend neither on threads nor on machines, equal distances are equal, and
ties go to the row that comes first. Bounds are computed in float32 and padded by its largest error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.ranking import largest

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Key = tuple[float, int]
"""A squared distance and the negative of a row: of two, the larger is picked first."""

BLOCK = 1024
"""Rows brought up to date together: a block of 384 dimensions stays within a core's cache."""
FRONTIER = 2**15
"""Rows that blocks are taken from before the whole pool is scanned again."""
MAX_LENGTH = 1.001
"""Rows are of unit length or zero; this much is left to float32 rounding."""

_GRID = 2.0**25
_CELLS = 2**22
"""Entries of the largest product matrix held at once."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cover:
    """The picks in order, and how far each was from its nearest center when it was picked."""

    rows: NDArray[np.int64]
    distances: Float64
    """(k,) Euclidean; NaN for a first pick made when there was no center."""


def k_center(
    points: Float32,
    count: int,
    *,
    centers: Float32,
    eligible: NDArray[np.bool_] | None = None,
) -> Cover:
    """`count` rows of `points` (n, d), each the farthest from `centers` (m, d) and earlier picks.

    Rows are at most MAX_LENGTH long. Only rows marked in `eligible` (n,) are picked. Without
    centers the first pick is the row nearest the mean. Raises ValueError when fewer than `count`
    rows may be picked.
    """
    may_pick = np.ones(len(points), dtype=np.bool_) if eligible is None else eligible
    if count > int(may_pick.sum()):
        raise ValueError(f"{count} picks from {int(may_pick.sum())} rows")
    if not count:
        return Cover(rows=np.zeros(0, dtype=np.int64), distances=np.zeros(0))
    if len(centers):
        return _Greedy(points, count, centers=centers, eligible=may_pick).run()
    first = _nearest_mean(points, may_pick)
    others = may_pick.copy()
    others[first] = False
    start = points[first : first + 1]
    rest = _Greedy(points, count - 1, centers=start, eligible=others).run()
    return Cover(
        rows=np.concatenate([[first], rest.rows]),
        distances=np.concatenate([[math.nan], rest.distances]),
    )


def nearest(points: Float32, others: Float32) -> tuple[NDArray[np.int64], Float64]:
    """For each row of `points` the row of `others` nearest to it, of equals the first, and how far.

    Both (n,); `others` must not be empty. Exact on the grid.
    """
    rows = np.zeros(len(points), dtype=np.int64)
    best = np.full(len(points), np.inf)
    grid = _on_grid(points)
    width = _columns(len(points))
    for start in range(0, len(others), width):
        squared = _squared_distances(grid, _on_grid(others[start : start + width]))
        column = squared.argmin(axis=1)
        value = squared[np.arange(len(points)), column]
        closer = value < best
        rows[closer], best[closer] = column[closer] + start, value[closer]
    return rows, np.sqrt(best) / _GRID


class _Greedy:
    """The search for the picks after the first center, by stale bounds."""

    def __init__(
        self, points: Float32, count: int, *, centers: Float32, eligible: NDArray[np.bool_]
    ) -> None:
        self.points = points
        self.known = np.empty((len(centers) + count, points.shape[1]))
        self.known[: len(centers)] = _on_grid(centers)
        self.centers = len(centers)
        self.bounds = np.where(eligible, _upper_bounds(points, centers), -1.0)
        # How many centers a row's bound takes into account exactly; 0: it is an upper bound only.
        self.counted = np.zeros(len(points), dtype=np.int64)
        self.rows = np.empty(count, dtype=np.int64)
        self.squares = np.empty(count)
        self.picked = 0

    def run(self) -> Cover:
        while self.picked < len(self.rows):
            frontier, bar = _farthest(self.bounds, FRONTIER)
            self._pick_within(frontier, bar)
        return Cover(rows=self.rows, distances=np.sqrt(self.squares) / _GRID)

    def _pick_within(self, frontier: NDArray[np.int64], bar: Key) -> None:
        """Pick among the rows `frontier` until their best, up to date, is below `bar`."""
        while self.picked < len(self.rows):
            places, (limit, place) = _farthest(self.bounds[frontier], BLOCK)
            inside = (
                limit,
                -int(frontier[-place]) if -place < len(frontier) else -len(self.bounds),
            )
            best = self._pick_from(frontier[places], max(bar, inside))
            if inside <= best < bar:
                return

    def _pick_from(self, block: NDArray[np.int64], bar: Key) -> Key:
        """Pick among the rows `block` until their best is below `bar`; that best."""
        grid = _on_grid(self.points[block])
        exact = self._brought_up_to_date(block, grid)
        while True:
            winner = int(exact.argmax())
            best = (float(exact[winner]), -int(block[winner]))
            if best < bar or best[0] < 0.0 or self.picked == len(self.rows):
                break
            self.rows[self.picked], self.squares[self.picked] = block[winner], exact[winner]
            self.known[self.centers + self.picked] = grid[winner]
            self.picked += 1
            exact = np.minimum(exact, _squared_distances(grid, grid[winner : winner + 1])[:, 0])
            exact[winner] = -1.0
        self.bounds[block], self.counted[block] = exact, self.centers + self.picked
        return best

    def _brought_up_to_date(self, block: NDArray[np.int64], grid: Float64) -> Float64:
        """Squared distances of the rows `block`, on the grid, to their nearest center; exact."""
        known = self.known[: self.centers + self.picked]
        counted = self.counted[block]
        exact = self.bounds[block]
        live = exact >= 0.0
        fresh, stale = live & (counted == 0), live & (counted > 0)
        if fresh.any():
            exact[fresh] = _nearest_squares(grid[fresh], known)
        if stale.any():
            since = known[int(counted[stale].min()) :]
            exact[stale] = np.minimum(exact[stale], _nearest_squares(grid[stale], since))
        return exact


def _farthest(bounds: Float64, size: int) -> tuple[NDArray[np.int64], Key]:
    """The `size` rows with the largest bounds, ascending, and a bar that no other row exceeds."""
    rows = largest(bounds, size)
    if len(rows) == len(bounds):
        return rows, (-1.0, -len(bounds))
    limit = float(bounds[rows].min())
    last = int(rows[bounds[rows] == limit][-1])
    level = np.flatnonzero(bounds[last + 1 :] == limit)
    return rows, (limit, -(last + 1 + int(level[0]) if len(level) else len(bounds)))


def _nearest_squares(grid: Float64, known: Float64) -> Float64:
    """Squared distance of each row of `grid` to the nearest of `known`, in bounded memory."""
    best = np.full(len(grid), np.inf)
    width = _columns(len(grid))
    for start in range(0, len(known), width):
        squared = _squared_distances(grid, known[start : start + width])
        np.minimum(best, squared.min(axis=1), out=best)
    return best


def _squared_distances(grid: Float64, others: Float64) -> Float64:
    """(n, m) squared distances between rows on the grid: whole numbers, exact."""
    squared: Float64 = grid @ others.T
    squared *= -2.0
    squared += np.einsum("ij,ij->i", grid, grid)[:, None]
    squared += np.einsum("ij,ij->i", others, others)[None, :]
    return squared


def _upper_bounds(points: Float32, centers: Float32) -> Float64:
    """Squared distance of each point to its nearest center, at most `_padding` too large.

    In grid units, never too small. One float32 product over the pool: the only one a batch needs.
    """
    bounds = np.empty(len(points))
    half_squares = np.einsum("ij,ij->i", centers, centers) / np.float32(2.0)
    width = min(len(centers), 1024)
    height = _CELLS // width // 4
    for top in range(0, len(points), height):
        chunk = points[top : top + height]
        closest = np.full(len(chunk), -np.inf, dtype=np.float32)
        for left in range(0, len(centers), width):
            product = chunk @ centers[left : left + width].T
            product -= half_squares[left : left + width]
            np.maximum(closest, product.max(axis=1), out=closest)
        bounds[top : top + height] = np.einsum("ij,ij->i", chunk, chunk) - np.float32(2) * closest
    return (bounds + _padding(points.shape[1])) * _GRID**2


def _padding(dimensions: int) -> float:
    """More than float32 and the grid can be wrong about |x|² + |c|² − 2⟨x, c⟩.

    Each of the three inner products is off by at most d·2⁻²⁴ times the lengths, in any order of
    summation (N. Higham (2002), "Accuracy and Stability of Numerical Algorithms", 3.1): 4·d·2⁻²⁴
    together. The grid moves a row by at most √d·2⁻²⁶, so a squared distance by 4·√d·2⁻²⁵.
    """
    return 4.1 * dimensions * 2.0**-24 + 4.1 * math.sqrt(dimensions) * 2.0**-25 + 2.0**-20


def _nearest_mean(points: Float32, eligible: NDArray[np.bool_]) -> int:
    """The eligible row nearest the mean of the eligible rows, of equals the first."""
    rows = np.flatnonzero(eligible)
    chunks = [rows[top : top + BLOCK] for top in range(0, len(rows), BLOCK)]
    total = np.zeros(points.shape[1])
    for chunk in chunks:
        total += _on_grid(points[chunk]).sum(axis=0)
    mean = np.rint(total / len(rows))[None, :]
    squares = np.concatenate(
        [_squared_distances(_on_grid(points[chunk]), mean)[:, 0] for chunk in chunks]
    )
    return int(rows[squares.argmin()])


def _on_grid(rows: Float32) -> Float64:
    """Whole multiples of the grid's step, as float64."""
    grid: Float64 = np.rint(rows.astype(np.float64) * _GRID)
    return grid


def _columns(rows: int) -> int:
    return max(1, _CELLS // max(1, rows))
