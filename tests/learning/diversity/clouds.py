"""Small pools that the tests of all ways of picking share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


def unit_rows(rng: np.random.Generator, count: int, dimensions: int) -> Float32:
    rows = rng.normal(size=(count, dimensions))
    unit: Float32 = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def clustered(rng: np.random.Generator, count: int, dimensions: int, clusters: int) -> Float32:
    """Unit rows about as many middles; row i belongs to cluster i modulo `clusters`."""
    middles = rng.normal(size=(clusters, dimensions))
    rows = middles[np.arange(count) % clusters] + 0.1 * rng.normal(size=(count, dimensions))
    unit: Float32 = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def probabilities(rng: np.random.Generator, count: int, classes: int) -> Float32:
    odds = rng.exponential(size=(count, classes))
    shares: Float32 = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares
