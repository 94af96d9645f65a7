"""Facility location: picks that leave every record with a similar one among them.

Greedy maximisation of Σᵢ wᵢ · max s(xᵢ, xⱼ) over the j picked or covered, where the similarity s is
(1 + cosine) / 2. Source: K. Wei, R. Iyer, J. Bilmes (2015), "Submodularity in Data Subset Selection
and Active Learning".

The sum is taken over sampled representatives, each drawn with a chance in proportion to its weight
and then counted once, so that the sum is unbiased. Picks come from a shortlist: half of it the
heaviest records, half drawn from the others; another follows when it runs out. A gain only shrinks
as coverage grows, so an old gain is an upper bound of today's, and few are brought up to date for a
pick (M. Minoux (1978), "Accelerated greedy algorithms").
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.diversity.picking import UNRESTRICTED, Admission, Picks
from learning.diversity.words import Words
from learning.ranking import largest

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Rows = NDArray[np.int64]

REPRESENTATIVES = 2**13
SHORTLIST = 2**12
SHARE_PICKED = 4
"""A shortlist is at least so many times the picks that are wanted from it."""

_BLOCK = 64
_ROUNDING = 1.0 - 2.0**-20
"""A gain that falls short of a bound by so little may owe it to float32 alone."""


def facility_location(
    points: Float32,
    count: int,
    *,
    covered: Float32,
    weights: NDArray[np.floating[Any]] | None = None,
    eligible: NDArray[np.bool_] | None = None,
    admission: Admission = UNRESTRICTED,
    seed: int,
    representatives: int = REPRESENTATIVES,
    shortlist: int = SHORTLIST,
) -> Picks:
    """Up to `count` rows of `points` (n, d) that are most similar to all others, in the sum.

    Rows are of unit length or zero; `covered` (m, d) count as picked. `weights` (n,), at least 0
    and finite, are those of the rows in the sum; None, or nothing but 0, means equal ones. `gains`
    are shares of the largest possible sum. With as many representatives and places on the shortlist
    as rows, and equal weights, this is the plain greedy up to float32 rounding. Equal inputs and
    seeds give equal picks.
    """
    blocked = np.zeros(len(points), dtype=np.bool_) if eligible is None else ~eligible
    words = Words(seed, "facility location")
    stand_ins = _representatives(weights, len(points), representatives, words)
    search = _Search(points, points[stand_ins], blocked, admission)
    search.cover(covered)
    while len(search.rows) < count:
        wanted = count - len(search.rows)
        size = max(shortlist, SHARE_PICKED * wanted)
        rows = _shortlist(weights, np.flatnonzero(~blocked), size, words)
        if not len(rows):
            break
        search.pick(rows, min(wanted, max(1, len(rows) // 2)))
    return Picks(rows=np.array(search.rows, dtype=np.int64), gains=np.array(search.gains))


class _Search:
    def __init__(
        self,
        points: Float32,
        represented: Float32,
        blocked: NDArray[np.bool_],
        admission: Admission,
    ) -> None:
        self.points, self.represented = points, represented
        self.blocked, self.admission = blocked, admission
        self.best = np.zeros(len(represented), dtype=np.float32)
        self.rows: list[int] = []
        self.gains: list[float] = []

    def cover(self, covered: Float32) -> None:
        for top in range(0, len(covered), _BLOCK):
            near = self._similarity(covered[top : top + _BLOCK]).max(axis=0)
            np.maximum(self.best, near, out=self.best)

    def pick(self, rows: Rows, count: int) -> None:
        """Add `count` of the shortlist `rows`, or as many as are admitted."""
        wanted = len(self.rows) + count
        bounds = np.concatenate(
            [
                self._gains(self._similarity(self.points[rows[top : top + _BLOCK]]))
                for top in range(0, len(rows), _BLOCK)
            ]
        )
        while len(self.rows) < wanted:
            bounds[self.blocked[rows]] = -1.0
            places = largest(bounds, _BLOCK)
            if bounds[places].max() < 0.0:
                return
            others = np.delete(bounds, places)
            outside = float(others.max()) if len(others) else -1.0
            bounds[places] = self._pick_from(rows[places], outside, wanted)

    def _pick_from(self, block: Rows, outside: float, wanted: int) -> Float64:
        """Pick among the rows `block` while their best reaches what is `outside`; their gains."""
        similarity = self._similarity(self.points[block])
        while True:
            gains = self._gains(similarity)
            gains[self.blocked[block]] = -1.0
            winner = int(gains.argmax())
            row, gain = int(block[winner]), float(gains[winner])
            if gain < max(0.0, outside * _ROUNDING) or len(self.rows) == wanted:
                return gains
            self.blocked[row] = True
            if self.admission.admits(row):
                self.rows.append(row)
                self.gains.append(gain)
                self.blocked[self.admission.take(row)] = True
                np.maximum(self.best, similarity[winner], out=self.best)

    def _similarity(self, rows: Float32) -> Float32:
        """(k, r) similarity of each of `rows` (k, d) to each representative."""
        similarity: Float32 = rows @ self.represented.T
        similarity += np.float32(1.0)
        similarity *= np.float32(0.5)
        return similarity

    def _gains(self, similarity: Float32) -> Float64:
        """(k,) how much each row would add to the share that is covered."""
        added = np.maximum(similarity - self.best, np.float32(0.0))
        means: Float64 = added.mean(axis=1, dtype=np.float64)
        return means


def _representatives(
    weights: NDArray[np.floating[Any]] | None, rows: int, size: int, words: Words
) -> Rows:
    """Rows that stand for an equal share of the weight each: one from each stratum of it."""
    if size >= rows and weights is None:
        return np.arange(rows, dtype=np.int64)
    share = np.ones(rows) if weights is None else weights.astype(np.float64)
    cumulative = np.cumsum(share)
    if not rows or not cumulative[-1]:
        return _representatives(None, rows, size, words)
    at = (np.arange(size) + words.uniform(size)) * (cumulative[-1] / size)
    drawn: Rows = np.searchsorted(cumulative, at, side="right")
    return np.minimum(drawn, rows - 1)


def _shortlist(
    weights: NDArray[np.floating[Any]] | None, left: Rows, size: int, words: Words
) -> Rows:
    """`size` of the rows `left`, ascending: half of them the heaviest, half of them by chance."""
    if weights is None or size >= len(left):
        return words.sample(left, size)
    heaviest = largest(weights[left], size // 2)
    others = np.delete(left, heaviest)
    return np.sort(np.concatenate([left[heaviest], words.sample(others, size - len(heaviest))]))
