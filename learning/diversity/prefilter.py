"""Margin prefilter and k-means: of the records with the largest scores, those that differ.

Source: F. Zhdanov (2019), "Diverse mini-batch Active Learning". The β·count records with the
largest scores are clustered, each weighing as much as its score, and the row nearest to each
cluster's center is picked. β is 10, as the paper recommends.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.diversity.k_means import k_means
from learning.diversity.picking import UNRESTRICTED, Admission, Picks
from learning.diversity.words import Words

Float32 = NDArray[np.float32]
Rows = NDArray[np.int64]

BETA = 10


def prefiltered(
    points: Float32,
    scores: NDArray[np.floating[Any]],
    count: int,
    *,
    beta: int = BETA,
    eligible: NDArray[np.bool_] | None = None,
    admission: Admission = UNRESTRICTED,
    seed: int,
) -> Picks:
    """Up to `count` rows of `points` (n, d), different ones among those with the largest `scores`.

    `scores` (n,) are at least 0 and finite; equal ones pass the filter in random order, and when
    all are 0 they weigh the same. Where a cluster's rows are refused, the next largest scores take
    its place. `gains` are the scores. Equal inputs and seeds give equal picks.
    """
    blocked = np.zeros(len(points), dtype=np.bool_) if eligible is None else ~eligible
    words = Words(seed, "prefilter")
    rows: list[int] = []
    while len(rows) < count:
        wanted = count - len(rows)
        passed = _passed(scores, ~blocked, wanted * max(1, beta), words)
        if not len(passed):
            break
        for members in _clusters(points[passed], scores[passed], wanted, words):
            _pick_one(passed[members], rows, blocked, admission)
    picks = np.array(rows, dtype=np.int64)
    return Picks(rows=picks, gains=scores[picks].astype(np.float64))


def _pick_one(
    rows: Rows, picks: list[int], blocked: NDArray[np.bool_], admission: Admission
) -> None:
    """Add the first of `rows` that is admitted to `picks`."""
    for row in rows.tolist():
        if blocked[row]:
            continue
        blocked[row] = True
        if admission.admits(row):
            picks.append(row)
            blocked[admission.take(row)] = True
            return


def _passed(
    scores: NDArray[np.floating[Any]], free: NDArray[np.bool_], size: int, words: Words
) -> Rows:
    """The `size` free rows with the largest scores, ascending; of equals a random choice."""
    left = np.flatnonzero(free)
    if size >= len(left):
        return left
    values = scores[left]
    cut = np.partition(values, len(left) - size)[len(left) - size]
    above, level = left[values > cut], left[values == cut]
    return np.sort(np.concatenate([above, words.sample(level, size - len(above))]))


def _clusters(
    points: Float32, scores: NDArray[np.floating[Any]], count: int, words: Words
) -> list[Rows]:
    """Places of each cluster's rows, nearest its center first; the heaviest cluster first."""
    weights = scores.astype(np.float64)
    if not weights.any():
        weights = np.ones(len(points))
    labels, centers = k_means(points, count, weights=weights, seed=int(words.raw(1)[0]))
    apart = points - centers[labels]
    squares = np.einsum("ij,ij->i", apart, apart, dtype=np.float64)
    total = np.bincount(labels, weights=weights, minlength=len(centers))
    clusters = []
    for label in np.argsort(-total, kind="stable").tolist():
        members = np.flatnonzero(labels == label)
        clusters.append(members[np.argsort(squares[members], kind="stable")])
    return clusters
