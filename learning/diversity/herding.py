"""Herding: each pick covers the most of what weighs and is not covered yet.

The batch maximises, greedily, the coverage Σᵢ wᵢ · max k(xᵢ, xⱼ) over the j picked or covered
before. With uncertainty as weights it is uncertainty herding: W. Bae, G. Oliveira, D. Sutherland
(2025), "Uncertainty Herding: One Active Learning Method for All Label Budgets"; a risk or a
business value multiplies the weight. With equal weights it is MaxHerding: W. Bae, J. Noh,
D. Sutherland (2024), "Generalized Coverage for More Robust Low-Budget Active Learning". With a
narrow kernel it picks the largest weights, with a wide one the medoids of clusters: so the kernel's
width follows what is covered already (`_width`).

What bounds the price at a million rows:

- The sum is taken over sampled representatives, drawn with a chance that grows with their weight;
  their weights are corrected so that every subset's sum is unbiased (N. Duffield, C. Lund,
  M. Thorup (2007), "Priority sampling for estimation of arbitrary subset sums").
- Picks come from sampled candidates (B. Mirzasoleiman et al. (2015), "Lazier Than Lazy Greedy");
  more are drawn when they run out.
- A gain only shrinks as coverage grows, so an old gain is an upper bound, and few are brought up to
  date for a pick (M. Minoux (1978), "Accelerated greedy algorithms").

Equal inputs and seeds give equal picks for any number of threads: kernel values are the same to the
last bit (see `kernel`), weights and gains are whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.diversity.kernel import (
    BITS,
    GRID,
    kernel,
    on_grid,
    square_lengths,
    squared_distances,
)
from learning.diversity.picking import NOBODY, UNRESTRICTED, Admission, Picks
from learning.diversity.words import Words
from learning.ranking import largest

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Rows = NDArray[np.int64]

CANDIDATES = 4096
REPRESENTATIVES = 8_192
SHARE_PICKED = 4
"""At most one in so many candidates is picked before others are drawn."""
SHARE_HEAVIEST = 4
"""One in so many candidates is there for being among the heaviest, the others by chance."""

_WEIGHT_BITS = 22
"""Of the heaviest weight: with those of the kernel, sums of 2¹⁴ products stay below 2⁵³."""
WIDTH = 0.7
"""The kernel's squared width in units of the mean squared distance to what is covered. Fixed on
digits, where anything from 0.4 to 2 does about as well."""

_BLOCK = 32
_TILE = 2**21
"""Kernel values computed together: they stay within a core's cache."""
_SLACK = 1.0 + 2.0**-9
"""More than float32 can be wrong about a sum of 2¹⁴ terms, as a factor."""


def herd(
    points: Float32,
    count: int,
    *,
    weights: NDArray[np.floating[Any]] | None = None,
    covered: Float32,
    eligible: NDArray[np.bool_] | None = None,
    admission: Admission = UNRESTRICTED,
    seed: int = 0,
    candidates: int = CANDIDATES,
    representatives: int = REPRESENTATIVES,
    square_width: float | None = None,
) -> Picks:
    """Up to `count` rows of `points` (n, d) that cover most weight beside `covered` (m, d).

    Rows are of unit length or zero. `weights` (n,) are at least 0 and finite; None, or nothing but
    zeros, means equal. A row that is not `eligible` (n,) weighs but is not picked. `gains` are
    shares of the total weight, in [0, 1]. Once all is covered the heaviest rows are picked, gain 0;
    of equals the first. There are fewer picks when no row is left. `square_width` is the kernel's
    σ², by default fitted to the pool; at most 2¹⁴ `representatives` are used. Raises ValueError for
    weights that are negative, not finite or of another length.
    """
    mass = _checked(weights, len(points))
    free = np.ones(len(points), dtype=np.bool_) if eligible is None else eligible.copy()
    if count <= 0 or not free.any():
        return Picks(rows=NOBODY, gains=np.zeros(0))
    coverage = _Coverage(
        points,
        mass,
        covered,
        limit=min(representatives, 2**14),
        square_width=square_width,
        seed=seed,
    )
    rows: list[int] = []
    gains: list[float] = []
    while len(rows) < count and free.any():
        drawn = _candidates(mass, free, candidates, seed=seed)
        # A pool that fits is searched to its end; a sample is left before it is picked bare.
        bare = len(drawn) == int(free.sum())
        most = count - len(rows) if bare else max(1, len(drawn) // SHARE_PICKED)
        wave = _Wave(points, drawn, mass, coverage)
        for row, gain in wave.picks(min(most, count - len(rows)), free, admission):
            rows.append(row)
            gains.append(gain / coverage.total)
    return Picks(rows=np.array(rows, dtype=np.int64), gains=np.array(gains))


class _Coverage:
    """How well sampled representatives are covered: whole numbers, exact."""

    def __init__(
        self,
        points: Float32,
        mass: Float64,
        covered: Float32,
        *,
        limit: int,
        square_width: float | None,
        seed: int,
    ) -> None:
        rows, weights = _representatives(mass, limit, seed=seed)
        self.points = on_grid(points[rows])
        self.squares = square_lengths(self.points)
        scale = 2.0**_WEIGHT_BITS / float(weights.max())
        self.weights: Float64 = np.rint(weights * scale)
        self.total = float(self.weights.sum()) * 2.0**BITS
        nearest = self._nearest_squares(covered)
        if square_width is None:
            square_width = self._square_width(nearest)
        # In grid units; at least a grid step or so, that a pool of one point has a kernel too.
        self.square_width = np.float32(max(square_width, 1e-6) * float(GRID) ** 2)
        self.values = np.zeros(len(rows), dtype=np.float32)
        if nearest is not None:
            self.values = kernel(nearest, self.square_width)

    def kernel(self, candidates: Float32) -> tuple[NDArray[np.uint16], Float32]:
        """(c, r) kernel values and (c,) upper bounds of the gains."""
        grid = on_grid(candidates)
        squares = square_lengths(grid)
        weights = self.weights.astype(np.float32)
        values = np.empty((len(grid), len(self.points)), dtype=np.uint16)
        bounds = np.empty(len(grid), dtype=np.float32)
        height = max(1, _TILE // len(self.points))
        for top in range(0, len(grid), height):
            tile = slice(top, top + height)
            distances = squared_distances(grid[tile], squares[tile], self.points, self.squares)
            similar = kernel(distances, self.square_width)
            values[tile] = similar
            similar -= self.values
            np.maximum(similar, np.float32(0.0), out=similar)
            bounds[tile] = similar @ weights
        return values, bounds * np.float32(_SLACK)

    def gains(self, values: NDArray[np.uint16]) -> Float64:
        """(c,) by how much candidates with these kernel values (c, r) would raise the coverage."""
        gained = values.astype(np.float32)
        gained -= self.values
        np.maximum(gained, np.float32(0.0), out=gained)
        exact: Float64 = gained.astype(np.float64) @ self.weights
        return exact

    def add(self, values: NDArray[np.uint16]) -> None:
        np.maximum(self.values, values.astype(np.float32), out=self.values)

    def _nearest_squares(self, covered: Float32) -> Float32 | None:
        if not len(covered):
            return None
        grid = on_grid(covered)
        squares = square_lengths(grid)
        nearest = np.full(len(self.points), np.inf, dtype=np.float32)
        height = max(1, _TILE // len(self.points))
        for top in range(0, len(grid), height):
            tile = slice(top, top + height)
            distances = squared_distances(grid[tile], squares[tile], self.points, self.squares)
            np.minimum(nearest, distances.min(axis=0), out=nearest)
        return nearest

    def _square_width(self, nearest: Float32 | None) -> float:
        """WIDTH times the mean squared distance to what is covered, to each other if nothing is."""
        total = float(self.weights.sum())
        if nearest is None:
            mean = (self.weights @ self.points) / total
            spread = 2.0 * math.fsum(self.weights * self.squares) / total
            spread -= 2.0 * math.fsum(mean * mean)
        else:
            spread = math.fsum(self.weights * nearest) / total
        return WIDTH * spread / float(GRID) ** 2


class _Wave:
    """Candidates searched together, the gains known to be at most `bounds`."""

    def __init__(self, points: Float32, rows: Rows, mass: Float64, coverage: _Coverage) -> None:
        # Of equal gains the heavier goes first, of equal weights the row that comes first.
        self.rows = rows[np.lexsort((rows, -mass[rows]))]
        self.coverage = coverage
        self.values, bounds = coverage.kernel(points[self.rows])
        self.bounds = bounds.astype(np.float64)

    def picks(
        self, count: int, free: NDArray[np.bool_], admission: Admission
    ) -> Iterator[tuple[int, float]]:
        """Up to `count` rows with their gains; marks in `free` what may not be picked any more."""
        picked = 0
        while picked < count:
            place, gain = self._best(free)
            if place is None:
                return
            row = int(self.rows[place])
            free[row] = False
            if not admission.admits(row):
                continue
            free[admission.take(row)] = False
            self.coverage.add(self.values[place])
            picked += 1
            yield row, gain

    def _best(self, free: NDArray[np.bool_]) -> tuple[int | None, float]:
        """The place of the largest gain among free rows, of equals the first; None without any."""
        self.bounds[~free[self.rows]] = -1.0
        best, best_gain = None, -1.0
        fresh = np.zeros(len(self.rows), dtype=np.bool_)
        while True:
            stale = np.where(fresh, -1.0, self.bounds)
            block = largest(stale, _BLOCK)
            # An equal bound cannot win over an earlier place.
            rivals = stale[block] > best_gain
            if best is not None:
                rivals |= (stale[block] == best_gain) & (block < best)
            block = block[rivals & (stale[block] >= 0.0)]
            if not len(block):
                return best, best_gain
            self.bounds[block] = self.coverage.gains(self.values[block])
            fresh[block] = True
            place = int(block[self.bounds[block].argmax()])
            gain = float(self.bounds[place])
            if gain > best_gain or (gain == best_gain and best is not None and place < best):
                best, best_gain = place, gain


def _checked(weights: NDArray[np.floating[Any]] | None, count: int) -> Float64:
    if weights is None:
        return np.ones(count)
    mass = weights.astype(np.float64)
    if mass.shape != (count,) or not np.isfinite(mass).all() or (mass < 0.0).any():
        raise ValueError(f"one weight of at least 0 for each of {count} rows")
    return mass if mass.any() else np.ones(count)


def _representatives(mass: Float64, limit: int, *, seed: int) -> tuple[Rows, Float64]:
    """Rows to take the sum over, and the weights that make every subset's sum unbiased."""
    weighing = int(np.count_nonzero(mass))
    if weighing <= limit:
        rows = np.flatnonzero(mass)
        return rows, mass[rows]
    priorities = mass / _uniform(len(mass), seed, "representatives")
    rows = largest(priorities, limit + 1)
    last = int(priorities[rows].argmin())
    threshold = float(priorities[rows[last]])
    rows = np.delete(rows, last)
    return rows, np.maximum(mass[rows], threshold)


def _candidates(mass: Float64, free: NDArray[np.bool_], limit: int, *, seed: int) -> Rows:
    """Free rows to pick from: some for their weight, the others by a chance that grows with it."""
    if int(free.sum()) <= limit:
        return np.flatnonzero(free)
    heaviest = largest(np.where(free, mass, -1.0), limit // SHARE_HEAVIEST)
    # A row without weight may still be the best cover of those around it.
    chances = (mass + mass.mean() / 4.0) / _uniform(len(mass), seed, "candidates")
    chances[~free] = -1.0
    chances[heaviest] = -1.0
    return np.concatenate([heaviest, largest(chances, limit - len(heaviest))])


def _uniform(count: int, seed: int, use: str) -> Float64:
    """(count,) in (0, 1]."""
    return 1.0 - Words(seed, f"herding/{use}").uniform(count)
