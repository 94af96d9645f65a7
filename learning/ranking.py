"""Picking the largest of many values with ties settled by position."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


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
