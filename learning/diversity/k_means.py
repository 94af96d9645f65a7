"""Clusters of rows, for the ways of picking that begin with some.

Source: S. Lloyd (1982), "Least squares quantization in PCM", seeded by k-means++ (D. Arthur,
S. Vassilvitskii (2007), "k-means++: The Advantages of Careful Seeding").
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.diversity.badge import badge

Float32 = NDArray[np.float32]
Rows = NDArray[np.int64]

ITERATIONS = 10
SEEDINGS = 4
"""Draws of centers to begin with, of which the one with the least potential is kept."""
_CELLS = 2**21


def k_means(
    points: Float32,
    count: int,
    *,
    weights: NDArray[np.floating[Any]] | None = None,
    seed: int,
) -> tuple[Rows, Float32]:
    """Labels (n,) and centers (min(count, n), d) of `points` (n ≥ 1, d).

    `weights` (n,) are at least 0; a row weighs so much in its center. A center that loses its rows
    stays where it was, so that labels may leave some numbers out. Equal inputs and seeds give equal
    clusters.
    """
    share = np.ones(len(points)) if weights is None else weights.astype(np.float64)
    seedings = [_seeding(points, count, share, (seed << 8) + turn) for turn in range(SEEDINGS)]
    _, labels, centers = min(seedings, key=lambda seeding: seeding[0])
    for _ in range(ITERATIONS):
        centers = _means(points, labels, share, centers)
        moved = nearest_center(points, centers)
        if np.array_equal(moved, labels):
            break
        labels = moved
    return labels, centers


def nearest_center(points: Float32, centers: Float32) -> Rows:
    """For each of `points` (n, d) the number of its nearest center, of equals the first."""
    return _nearest(points, centers)[0]


def _seeding(
    points: Float32, count: int, share: NDArray[np.float64], seed: int
) -> tuple[float, Rows, Float32]:
    """Centers drawn by k-means++, each row's nearest, and the weighted potential before both."""
    # With equal probabilities, gradient embeddings are as far apart as their rows.
    halves = np.full((len(points), 2), 0.5, dtype=np.float32)
    centers = points[badge(points, halves, count, seed=seed).rows]
    labels, squares = _nearest(points, centers)
    return float(share @ squares), labels, centers


def _nearest(points: Float32, centers: Float32) -> tuple[Rows, Float32]:
    """(n,) number of the nearest center and squared distance to it, less the row's own square."""
    labels = np.empty(len(points), dtype=np.int64)
    squares = np.empty(len(points), dtype=np.float32)
    half_squares = np.einsum("ij,ij->i", centers, centers) / np.float32(2.0)
    height = max(1, _CELLS // max(1, len(centers)))
    for top in range(0, len(points), height):
        product = points[top : top + height] @ centers.T
        product -= half_squares
        labels[top : top + height] = product.argmax(axis=1)
        squares[top : top + height] = -2.0 * product.max(axis=1)
    return labels, squares


def _means(points: Float32, labels: Rows, share: NDArray[np.float64], centers: Float32) -> Float32:
    """The weighted mean of each cluster; the old center where nothing weighs."""
    total = np.bincount(labels, weights=share, minlength=len(centers))
    means = centers.copy()
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(len(centers) + 1))
    for label in np.flatnonzero(total > 0.0).tolist():
        rows = order[starts[label] : starts[label + 1]]
        means[label] = share[rows] @ points[rows] / total[label]
    return means
