"""The margin of many records, and the largest of many values with ties settled by position."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS = 2**13
"""Rows taken together: their probabilities stay within a core's cache."""


def largest(values: NDArray[np.floating[Any]], count: int) -> NDArray[np.int64]:
    """Positions of the `count` largest of `values` (n,), ascending; of equals the first ones.

    Without sorting the n values: one partition and two scans. `count` above n means all.
    """
    if count >= len(values):
        return np.arange(len(values), dtype=np.int64)
    if count <= 0:
        return np.zeros(0, dtype=np.int64)
    threshold = np.partition(values, len(values) - count)[len(values) - count]
    above = np.flatnonzero(values > threshold)
    level = np.flatnonzero(values == threshold)[: count - len(above)]
    return np.sort(np.concatenate([above, level]))


def ranked(values: NDArray[np.floating[Any]], count: int) -> NDArray[np.int64]:
    """Positions of the `count` largest of `values` (n,), largest first; of equals the first."""
    rows = largest(values, count)
    return rows[np.argsort(-values[rows], kind="stable")]


def margin_uncertainty(probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """1 − (p₁ − p₂) of each row's two largest probabilities (n, k ≥ 1), (n,) in [0, 1].

    0 where there is one class. Source: T. Scheffer, C. Decomain, S. Wrobel (2001), "Active Hidden
    Markov Models for Information Extraction".
    """
    margins = np.zeros(len(probabilities), dtype=np.float32)
    if probabilities.shape[1] < 2:
        return margins
    for top in range(0, len(probabilities), _ROWS):
        # By columns, since rows are too short to be worth a sort each.
        columns = np.ascontiguousarray(probabilities[top : top + _ROWS].T)
        first, second = columns[0].copy(), np.full(len(columns[0]), -np.inf, dtype=columns.dtype)
        for column in columns[1:]:
            np.maximum(second, np.minimum(first, column), out=second)
            np.maximum(first, column, out=first)
        margins[top : top + _ROWS] = 1.0 - (first - second)
    return np.clip(margins, 0.0, 1.0, out=margins)
