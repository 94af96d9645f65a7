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
    # With equal probabilities, gradient embeddings are as far apart as their rows.
    halves = np.full((len(points), 2), 0.5, dtype=np.float32)
    seeds = badge(points, halves, count, seed=seed).rows
    centers = points[seeds]
    share = np.ones(len(points)) if weights is None else weights.astype(np.float64)
    labels = nearest_center(points, centers)
    for _ in range(ITERATIONS):
        centers = _means(points, labels, share, centers)
        moved = nearest_center(points, centers)
        if np.array_equal(moved, labels):
            break
        labels = moved
    return labels, centers


def nearest_center(points: Float32, centers: Float32) -> Rows:
    """For each of `points` (n, d) the number of its nearest center, of equals the first."""
    labels = np.empty(len(points), dtype=np.int64)
    half_squares = np.einsum("ij,ij->i", centers, centers) / np.float32(2.0)
    height = max(1, _CELLS // max(1, len(centers)))
    for top in range(0, len(points), height):
        chunk = slice(top, top + height)
        product = points[chunk] @ centers.T
        product -= half_squares
        product.argmax(axis=1, out=labels[chunk])
    return labels


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
