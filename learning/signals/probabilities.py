"""What one model's probabilities say about each record: how little the model knows its label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.errors import InvalidScores

Probabilities = NDArray[np.floating[Any]]
Values = NDArray[np.float32]
"""(n,) numbers in [0, 1], one a record."""

TOLERANCE = 1e-3
"""How far a row's sum may be from 1."""

_BLOCK = 2**15
"""Rows worked on together, so that what is computed in between stays in a core's cache."""


def check_probabilities(
    probabilities: Probabilities, *, record_ids: Sequence[str] | None = None
) -> None:
    """Raises InvalidScores unless `probabilities` is (n, k ≥ 1) with rows that are distributions.

    The error names the first row that holds NaN, an infinity, a negative number, a number above 1
    or a sum other than 1, each but for TOLERANCE where it is finite and positive: by its id where
    `record_ids` (n,) are given, by its number otherwise.
    """
    if probabilities.ndim != 2 or not probabilities.shape[1]:
        raise InvalidScores(
            f"probabilities are a table of rows and classes, not of shape {probabilities.shape}"
        )
    if not len(probabilities):
        return
    # One product instead of a sum along short rows, which NumPy does row by row.
    with np.errstate(invalid="ignore", over="ignore"):
        sums = probabilities @ np.ones(probabilities.shape[1], dtype=probabilities.dtype)
        fits = np.abs(sums - 1.0) <= TOLERANCE
    if probabilities.min() >= 0.0 and fits.all():
        return
    with np.errstate(invalid="ignore"):
        fits &= (probabilities >= 0.0).all(axis=1)
    row = int(np.flatnonzero(~fits)[0])
    name = f"row {row:,}" if record_ids is None else f"record {record_ids[row]}"
    raise InvalidScores(
        f"the probabilities of {name} {_fault(probabilities[row])}",
        hint="give one probability a class, each from 0 to 1, that add up to 1",
        row=row,
        **({} if record_ids is None else {"record_id": str(record_ids[row])}),
    )


def least_confidence(probabilities: Probabilities) -> Values:
    """1 − p₁ of (n, k) probabilities; (n,), at most 1 − 1/k.

    Source: A. Culotta, A. McCallum (2005), "Reducing Labeling Effort for Structured Prediction
    Tasks".
    """
    return _bounded(1.0 - probabilities.max(axis=1))


def margin(probabilities: Probabilities) -> Values:
    """1 − (p₁ − p₂) of (n, k) probabilities; (n,). 0 where there is one class only.

    Source: T. Scheffer, C. Decomain, S. Wrobel (2001), "Active Hidden Markov Models for
    Information Extraction".
    """
    k = probabilities.shape[1]
    if k < 2:
        return np.zeros(len(probabilities), dtype=np.float32)

    def block(rows: Probabilities) -> Probabilities:
        two = np.partition(rows, k - 2, axis=1)
        return 1.0 - (two[:, -1] - two[:, -2])

    return _bounded(_by_blocks(probabilities, block))


def entropy(probabilities: Probabilities) -> Values:
    """−Σ p log p / log k of (n, k) probabilities; (n,). 0 where there is one class only.

    Source: C. Shannon (1948), "A Mathematical Theory of Communication".
    """
    k = probabilities.shape[1]
    if k < 2:
        return np.zeros(len(probabilities), dtype=np.float32)
    return _bounded(_by_blocks(probabilities, nats) / np.log(k))


def nats(distributions: Probabilities) -> NDArray[np.float64]:
    """Entropy in nats along the last axis, 0 log 0 being 0."""
    wide = distributions.astype(np.float64)
    # p log p goes to 0 with p; the smallest normal number stands for 0 in the logarithm.
    wide *= np.log(np.maximum(wide, np.finfo(np.float64).tiny))
    total: NDArray[np.float64] = -wide.sum(axis=-1)
    return total


def _fault(row: Probabilities) -> str:
    if not np.isfinite(row).all():
        return "hold NaN or an infinity"
    if row.min() < 0.0:
        return f"hold a negative number, {row.min():.6g}"
    if row.max() > 1.0 + TOLERANCE:
        return f"hold a number above 1, {row.max():.6g}"
    return f"add up to {row.sum():.6g}, not to 1"


def _by_blocks(
    rows: Probabilities, measure: Callable[[Probabilities], Probabilities]
) -> NDArray[np.float64]:
    values = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        values[start : start + _BLOCK] = measure(rows[start : start + _BLOCK])
    return values


def _bounded(values: Probabilities) -> Values:
    # Rounding, and sums within the tolerance, may lead out of [0, 1] by as much.
    return np.clip(values, 0.0, 1.0).astype(np.float32)
