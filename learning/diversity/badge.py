"""BADGE: k-means++ among gradient embeddings, so that picks are both uncertain and different.

Source: J. Ash et al. (2020), "Deep Batch Active Learning by Diverse, Uncertain Gradient Lower
Bounds", arXiv 1906.03671; k-means++ by D. Arthur, S. Vassilvitskii (2007), "k-means++: The
Advantages of Careful Seeding".

The gradient embedding of a record is the outer product g = a xᵀ of its row x and a = p − e, its
probabilities less one at the likeliest class. It is never built: ⟨g, h⟩ = ⟨x, y⟩⟨a, b⟩.

Each pick after the first is drawn in proportion to D², the squared distance to the nearest pick.
D² only shrinks, so that any earlier upper bound of it may propose rows, and a row is accepted in
the ratio of its true D² to the bound: the draw is exactly that of k-means++ (rejection sampling, J.
von Neumann (1951)). The first bound is (|g| + |first pick|)², which reads no row of the pool. Only
when rejections have cost about as much as a product over the pool does one bring all bounds up to
date.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.diversity.picking import UNRESTRICTED, Admission, Picks
from learning.diversity.words import Words
from learning.ranking import ranked

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]
Rows = NDArray[np.int64]

PROPOSALS = 128
"""Rows proposed at once: their true distances are one small product."""
PATIENCE = 1024
"""Rejections before bounds may be brought up to date."""
ROWS_A_REJECTION = 32
"""In larger pools, one more rejection for so many rows: each costs as much as that many."""

_CELLS = 2**19
_NEAR = 1e-4
"""Below this, float32 says too little about a squared distance: float64 is asked."""
_SLACK = 1.0 + 2.0**-10
"""More than lengths of unit rows and float32 can be wrong about a bound, as a factor."""
_SAME = 1e-10
"""A squared distance that is rounding alone."""


def badge(
    points: Float32,
    probabilities: Floats,
    count: int,
    *,
    eligible: NDArray[np.bool_] | None = None,
    admission: Admission = UNRESTRICTED,
    seed: int,
) -> Picks:
    """Up to `count` rows of `points` (n, d) with `probabilities` (n, k), by k-means++ seeding.

    Rows of `points` are of unit length or zero. The first pick has the largest gradient embedding,
    of equals the first row, as in the authors' program. When all that is left equals a pick, as
    with a single class, the rest is drawn uniformly. `gains` are squared distances to the nearest
    earlier pick; the first one's is its squared length. Equal inputs and seeds give equal picks.
    """
    draw = _Draw(points, probabilities, eligible=eligible, admission=admission, seed=seed)
    draw.first(count)
    while len(draw.rows) < count and draw.advance(count):
        pass
    return Picks(rows=np.array(draw.rows, dtype=np.int64), gains=np.array(draw.gains))


class _Draw:
    def __init__(
        self,
        points: Float32,
        probabilities: Floats,
        *,
        eligible: NDArray[np.bool_] | None,
        admission: Admission,
        seed: int,
    ) -> None:
        self.points, self.probabilities = points, probabilities
        self.admission = admission
        self.words = Words(seed, "badge")
        self.blocked = np.zeros(len(points), dtype=np.bool_) if eligible is None else ~eligible
        self.rows: list[int] = []
        self.gains: list[float] = []
        self.counted = 0
        self.rejected = 0
        # Bounds of D²; squared lengths |a|² before there is a pick.
        self.bounds = _square_lengths(probabilities)
        self.bounds[self.blocked] = 0.0

    def first(self, count: int) -> None:
        """The largest gradient embedding that is admitted; then bounds for what follows."""
        if count <= 0:
            return
        size, asked = PROPOSALS, 0
        lengths = self.bounds
        while not self.rows and asked < len(lengths):
            order = ranked(lengths, size)[asked:]
            for row in order[(lengths[order] > 0.0) & self.points[order].any(axis=1)].tolist():
                if not self.blocked[row] and self._admitted(row, float(lengths[row])):
                    break
            asked, size = asked + len(order), 4 * size
            if not lengths[order[-1]]:
                break
        if self.rows:
            self.bounds = (np.sqrt(lengths) + np.sqrt(lengths[self.rows[0]])) ** 2 * _SLACK
        else:
            # No gradient: nothing to tell the rows apart.
            self.bounds = np.zeros(len(lengths))
        self._sum_up()

    def advance(self, count: int) -> bool:
        """Propose some rows and take those that are accepted; False when none may be picked."""
        if not self.total:
            return self._uniformly(count)
        at = self.words.uniform(PROPOSALS) * self.total
        rows = np.minimum(np.searchsorted(self.cumulative, at, side="right"), len(self.bounds) - 1)
        x, a = self._embedding(rows)
        true = np.minimum(_nearest(x, a, *self._picks()), self.bounds[rows])
        level = self.words.uniform(PROPOSALS) * self.bounds[rows]
        start = 0
        while start < len(rows) and len(self.rows) < count:
            true[self.blocked[rows]] = 0.0
            accepted = np.flatnonzero(level[start:] < true[start:])
            self.rejected += int(accepted[0]) if len(accepted) else len(rows) - start
            if not len(accepted):
                break
            place = start + int(accepted[0])
            start = place + 1
            if self._admitted(int(rows[place]), float(true[place])):
                newest = slice(place, start)
                np.minimum(true, _nearest(x, a, x[newest], a[newest]), out=true)
        if self.rejected > max(PATIENCE, len(self.bounds) // ROWS_A_REJECTION):
            self._bring_up_to_date()
        return True

    def _admitted(self, row: int, gain: float) -> bool:
        self.blocked[row] = True
        if not self.admission.admits(row):
            return False
        self.rows.append(row)
        self.gains.append(gain)
        self.blocked[self.admission.take(row)] = True
        return True

    def _embedding(self, rows: Rows) -> tuple[Float64, Float64]:
        """The rows x and a of the gradient embeddings, as float64."""
        a = self.probabilities[rows].astype(np.float64)
        a[np.arange(len(rows)), a.argmax(axis=1)] -= 1.0
        return self.points[rows].astype(np.float64), a

    def _picks(self, since: int = 0) -> tuple[Float64, Float64]:
        return self._embedding(np.array(self.rows[since:], dtype=np.int64))

    def _bring_up_to_date(self) -> None:
        """Bounds from distances to the picks since the last time: one product over the pool."""
        self.bounds[self.blocked] = 0.0
        y, b = self._picks(self.counted)
        y32, b32 = y.astype(np.float32), b.astype(np.float32)
        height = max(1, _CELLS // max(1, len(y)))
        for top in range(0, len(self.bounds) if len(y) else 0, height):
            chunk = slice(top, top + height)
            x, a = self.points[chunk], _less_one(self.probabilities[chunk])
            squares = _nearest(x, a, y32, b32) * _SLACK
            near = top + np.flatnonzero((squares < _NEAR) & (self.bounds[chunk] > 0.0))
            np.minimum(self.bounds[chunk], squares, out=self.bounds[chunk])
            if len(near):
                self.bounds[near] = _nearest(*self._embedding(near), y, b)
        self.counted, self.rejected = len(self.rows), 0
        self._sum_up()

    def _sum_up(self) -> None:
        self.bounds[self.blocked] = 0.0
        self.cumulative = np.cumsum(self.bounds)
        self.total = float(self.cumulative[-1]) if len(self.cumulative) else 0.0

    def _uniformly(self, count: int) -> bool:
        """Where every D² is nought: rows that are left in the order of random words."""
        left = np.flatnonzero(~self.blocked)
        order = left[np.argsort(self.words.raw(len(left)), kind="stable")]
        for row in order.tolist():
            if len(self.rows) >= count:
                break
            if not self.blocked[row]:
                self._admitted(row, 0.0)
        return False


def _square_lengths(probabilities: Floats) -> Float64:
    """|a|² = Σ p² − 2 max p + 1 of each row (n, k), as float64."""
    if not probabilities.shape[1]:
        return np.zeros(len(probabilities))
    squares: Float64 = np.einsum("ij,ij->i", probabilities, probabilities).astype(np.float64)
    squares += 1.0 - 2.0 * probabilities.max(axis=1)
    return np.where(squares > _SAME, squares, 0.0)


def _less_one(probabilities: Floats) -> Float32:
    a = probabilities.astype(np.float32)
    a[np.arange(len(a)), a.argmax(axis=1)] -= np.float32(1.0)
    return a


def _nearest(x: Floats, a: Floats, y: Floats, b: Floats) -> Float64:
    """(n,) squared distances of the embeddings a xᵀ to the nearest b yᵀ; nought where rounding."""
    products = x @ y.T
    products *= a @ (-2 * b).T
    products += np.einsum("ij,ij->i", y, y) * np.einsum("ij,ij->i", b, b)
    squares: Float64 = products.min(axis=1).astype(np.float64)
    squares += np.einsum("ij,ij->i", x, x) * np.einsum("ij,ij->i", a, a)
    return np.where(squares > _SAME, squares, 0.0)
