"""Squared distances between rows: exact ones on a grid, and cheap upper bounds of them.

Rows are of unit length or zero. On the grid of 2⁻²⁵ coordinates are whole numbers, so all products
and sums are whole numbers below 2⁵³, which float64 holds exactly in whatever order a BLAS adds them
up. Bounds are computed in float32 and padded by its largest error: a bound is always greater than
the distance on the grid that it bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.parallel import in_blocks

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Rows = NDArray[np.int64]

MAX_LENGTH = 1.001
"""Rows are of unit length or zero; this much is left to float32 rounding."""
GRID = 2.0**25
"""Steps of the grid in a unit of length."""

_CELLS = 2**20
"""Entries of the largest product matrix held at once."""
_BLOCK = 1024
_FEW = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Carried:
    """What a round knows already of how far each record is from the labelled ones.

    Made by `carry`. Valid for as long as records are only added to those that are labelled; take
    the records that leave the pool out of `squares`, in step with the pool's rows.
    """

    squares: Float32
    """(n,) squared distances to the nearest of the first `counted` labelled rows, or more."""
    counted: int


def carry(points: Float32, covered: Float32, carried: Carried | None = None) -> Carried:
    """How far each of `points` (n, d) is from the nearest of `covered` (m, d), for later calls.

    One product over the pool with the rows of `covered` that `carried` does not count yet; those it
    counts must be the first ones.
    """
    if carried is None:
        carried = Carried(squares=np.full(len(points), np.inf, dtype=np.float32), counted=0)
    squares = carried.squares.copy()
    since = covered[carried.counted :]
    if len(since):

        def lower(chunk: slice) -> None:
            np.minimum(squares[chunk], bounds(points[chunk], since), out=squares[chunk])

        in_blocks(len(points), max(_BLOCK, _CELLS // len(since)), lower)
    return Carried(squares=squares, counted=len(covered))


def bounds(points: Float32, covered: Float32) -> Float32:
    """(n,) squared distance of each point to the nearest of `covered` (m ≥ 1, d), padded.

    Greater than the distance on the grid, by twice `padding` at most.
    """
    closest = np.full(len(points), -np.inf, dtype=np.float32)
    width = max(1, _CELLS // max(1, len(points)))
    for left in range(0, len(covered), width):
        columns, half_squares = _columns_of(covered[left : left + width])
        product = points @ columns
        product -= half_squares
        if len(half_squares) <= _FEW:  # NumPy takes the largest of a short row slowly
            for column in product.T:
                np.maximum(closest, column, out=closest)
        else:
            np.maximum(closest, product.max(axis=1), out=closest)
    closest *= np.float32(-2.0)
    closest += np.vecdot(points, points)
    closest += np.float32(padding(points.shape[1]))
    return closest


def _columns_of(covered: Float32) -> tuple[Float32, Float32]:
    """The rows `covered` as columns, and half their squared lengths, filled up to whole eights.

    A product with whole eights of columns is the faster one. What fills them is at no distance that
    matters.
    """
    count = -(-len(covered) // 8) * 8
    columns = np.zeros((covered.shape[1], count), dtype=np.float32)
    columns[:, : len(covered)] = covered.T
    half_squares = np.full(count, np.inf, dtype=np.float32)
    half_squares[: len(covered)] = np.vecdot(covered, covered) / np.float32(2.0)
    return columns, half_squares


def padding(dimensions: int) -> float:
    """More than float32 and the grid can be wrong about |x|² + |c|² − 2⟨x, c⟩.

    Each of the three inner products is off by at most d·2⁻²⁴ times the lengths, in any order of
    summation (N. Higham (2002), "Accuracy and Stability of Numerical Algorithms", 3.1): 4·d·2⁻²⁴
    together. The grid moves a row by at most √d·2⁻²⁶, so a squared distance by 4·√d·2⁻²⁵. The rest
    is for the few roundings of the sum itself.
    """
    return 4.1 * dimensions * 2.0**-24 + 4.1 * math.sqrt(dimensions) * 2.0**-25 + 2.0**-20


def on_grid(rows: Float32) -> Float64:
    """Whole multiples of the grid's step, as float64."""
    grid: Float64 = rows.astype(np.float64)
    grid *= GRID
    return np.rint(grid, out=grid)


def exact_squares(grid: Float64, others: Float64) -> Float64:
    """(n, m) squared distances between rows on the grid, in grid units: whole numbers, exact."""
    squared: Float64 = grid @ others.T
    squared *= -2.0
    squared += np.einsum("ij,ij->i", grid, grid)[:, None]
    squared += np.einsum("ij,ij->i", others, others)[None, :]
    return squared


def nearest_squares(grid: Float64, others: Float64) -> Float64:
    """(n,) exact squared distance to the nearest of `others`, in grid units and bounded memory."""
    best = np.full(len(grid), np.inf)
    width = _columns(len(grid))
    for start in range(0, len(others), width):
        squared = exact_squares(grid, others[start : start + width])
        np.minimum(best, squared.min(axis=1), out=best)
    return best


def nearest(points: Float32, others: Float32) -> tuple[Rows, Float64]:
    """For each row of `points` the row of `others` nearest to it, of equals the first, and how far.

    Both (n,); `others` must not be empty. Exact on the grid.
    """
    rows = np.zeros(len(points), dtype=np.int64)
    best = np.full(len(points), np.inf)
    grid = on_grid(points)
    width = _columns(len(points))
    for start in range(0, len(others), width):
        squared = exact_squares(grid, on_grid(others[start : start + width]))
        column = squared.argmin(axis=1)
        value = squared[np.arange(len(points)), column]
        closer = value < best
        rows[closer], best[closer] = column[closer] + start, value[closer]
    return rows, np.sqrt(best) / GRID


def from_mean(points: Float32, rows: Rows) -> Float64:
    """(k,) exact squared distances of `rows` of `points` from their own mean, on the grid."""
    chunks = [rows[top : top + _BLOCK] for top in range(0, len(rows), _BLOCK)]
    total = np.zeros(points.shape[1])
    for chunk in chunks:
        total += on_grid(points[chunk]).sum(axis=0)
    mean = np.rint(total / max(1, len(rows)))[None, :]
    squares = [exact_squares(on_grid(points[chunk]), mean)[:, 0] for chunk in chunks]
    return np.concatenate([np.zeros(0), *squares])


def _columns(rows: int) -> int:
    return max(1, 4 * _CELLS // max(1, rows))
