"""Where a record lies: how far from what is labelled, and how crowded it is there.

Distances are measured between rows rounded to a grid that is coarse enough for every product and
partial sum of two rows to be a whole number below 2²⁴. float32 holds those exactly, in whatever
order a BLAS adds them up: the full speed of a float32 product, and the same distances on every
machine and for any number of threads. The price is accuracy: the grid moves a row by about
√d / 8000 (.0025 at 384 dimensions), mostly at a right angle to what separates two rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.parallel import in_blocks
from learning.signals.probabilities import Values

Float32 = NDArray[np.float32]

REPRESENTATIVES = 256
NEIGHBOURHOOD = 0.1
"""The share of the pairs of representatives that count as close to each other."""

MAX_LENGTH = 1.001
"""Rows are of unit length or zero; this much is left to float32 rounding."""

_LONGEST = 2364
"""No row is longer, in cells of the grid: 3 × 2364² is the largest such number below 2²⁴."""
GRID_ERROR = 1.0 / 2000
"""Times √d: more than a distance between rows on the grid differs from that between the rows."""

_ROWS = 2048
_REFERENCES = 512


def nearest_distances(
    points: Float32, references: Float32, *, carried: Float32 | None = None
) -> Float32:
    """Euclidean distance of each of `points` (n, d) to the nearest of `references` (m, d); (n,).

    Rows have length one or zero. Without references the distances are infinite. `carried` are the
    distances that an earlier call gave for the same points: then only references that have come
    since need be handed in, and what is true of their union is returned. Costs one product of
    n × d by d × m, and memory for the result only.
    """
    nearest = np.full(len(points), np.inf) if carried is None else carried.astype(np.float64)
    if not len(references):
        return nearest.astype(np.float32)
    scale = _scale(points.shape[1])
    blocks = [
        _Block(_on_grid(references[start : start + _REFERENCES], scale))
        for start in range(0, len(references), _REFERENCES)
    ]

    def lower(chunk: slice) -> None:
        rows = _on_grid(points[chunk], scale)
        closeness = np.max([block.closeness(rows).max(axis=1) for block in blocks], axis=0)
        squared = _squares(rows) - closeness.astype(np.float64)
        np.minimum(nearest[chunk], np.sqrt(squared) / scale, out=nearest[chunk])

    in_blocks(len(points), _ROWS, lower)
    distances: Float32 = nearest.astype(np.float32)
    return distances


def novelty(distances: NDArray[np.floating[Any]]) -> Values:
    """Half the distance to the nearest labelled row, by `nearest_distances`; (n,).

    Unit rows are at most 2 apart, so 1 is the opposite of something labelled, .71 at a right angle
    to all of it and 0 the same as a part of it. Where nothing is labelled all is new: 1.

    Source: O. Sener, S. Savarese (2018), "Active Learning for Convolutional Neural Networks: A
    Core-Set Approach", whose cover this is the distance to.
    """
    return np.asarray(np.clip(distances / 2.0, 0.0, 1.0), dtype=np.float32)


def typicality(points: Float32, *, seed: int, representatives: int = REPRESENTATIVES) -> Values:
    """How dense the pool is around each of `points` (n, d), as a share of the densest; (n,).

    The density is the mean of the kernel max(0, 1 − distance² / h²) over representatives drawn
    uniformly from the points by `seed` (a row is no representative of itself). The bandwidth h is
    the distance that NEIGHBOURHOOD of the pairs of representatives are within. So the cost is
    linear in n. A mean over r representatives has a standard error of at most 1 / (2 √r), .031 at
    256; with a density of .05, which is common, about .01. Rows of a region that holds fewer than
    one in r of the points may get 0.

    Source: V. Epanechnikov (1969), "Non-Parametric Estimation of a Multivariate Probability
    Density"; for choosing records B. Settles, M. Craven (2008), "An Analysis of Active Learning
    Strategies for Sequence Labeling Tasks" (information density).
    """
    n = len(points)
    if n < 2:
        return np.ones(n, dtype=np.float32)
    # Raw 64-bit words: NumPy promises their stream for ever, but not that of its distributions.
    keys = np.random.PCG64(seed).random_raw(n)
    count = min(n, representatives)
    chosen = np.sort(np.argpartition(keys, count - 1)[:count])
    scale = _scale(points.shape[1])
    block = _Block(_on_grid(points[chosen], scale))
    width = _bandwidth(block)
    total = np.empty(n)

    def add_up(chunk: slice) -> None:
        rows = _on_grid(points[chunk], scale)
        kernel = block.closeness(rows)
        # 2 x·r − |r|² − (|x|² − h²): where it is positive it is h² less the square, and exact.
        kernel -= (_squares(rows) - width).astype(np.float32)[:, None]
        np.maximum(kernel, 0.0, out=kernel)
        total[chunk] = kernel.sum(axis=1, dtype=np.float64)

    in_blocks(n, _ROWS, add_up)
    means = total / count
    means[chosen] = (total[chosen] - width) / (count - 1)
    densest = means.max()
    return np.asarray(means / densest if densest > 0.0 else np.ones(n), dtype=np.float32)


class _Block:
    """A few rows on the grid, ready to be compared with many."""

    def __init__(self, rows: Float32) -> None:
        self.rows = rows
        self.doubled = np.ascontiguousarray(2.0 * rows.T)
        self.squares = _squares(rows).astype(np.float32)

    def closeness(self, rows: Float32) -> Float32:
        """2 x·r − |r|² of each of `rows` (b, d) and each of these (m, d); (b, m), exact.

        What |x|² exceeds it by is the squared distance.
        """
        products: Float32 = rows @ self.doubled
        products -= self.squares
        return products


def _bandwidth(block: _Block) -> float:
    """The square of the bandwidth, in cells of the grid."""
    squared = _squares(block.rows)[:, None] - block.closeness(block.rows).astype(np.float64)
    pairs = squared[np.triu_indices(len(squared), k=1)]
    place = math.ceil(NEIGHBOURHOOD * len(pairs)) - 1
    # At most a right angle: beyond it nothing is near, and sums would not be exact any more.
    return float(np.clip(np.partition(pairs, place)[place], 1.0, 2.0 * _LONGEST**2 - 1.0))


def _scale(dimensions: int) -> float:
    """Cells of the grid a unit: whatever rounding adds, rows stay within _LONGEST."""
    return float(math.floor((_LONGEST - math.sqrt(dimensions) / 2.0) / MAX_LENGTH))


def _on_grid(points: Float32, scale: float) -> Float32:
    rows: Float32 = points * np.float32(scale)
    np.rint(rows, out=rows)
    return rows


def _squares(rows: Float32) -> NDArray[np.float64]:
    """Squared lengths: whole numbers below 2²⁴, exact also before they are widened."""
    squares: NDArray[np.float64] = np.einsum("ij,ij->i", rows, rows).astype(np.float64)
    return squares
