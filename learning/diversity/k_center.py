"""Greedy k-center: each pick is the record farthest from everything labelled or picked before it.

Source: T. Gonzalez (1985), "Clustering to minimize the maximum intercluster distance"; for active
learning O. Sener, S. Savarese (2018), "Active Learning for Convolutional Neural Networks: A
Core-Set Approach".

Stale bounds make it fast. A distance to the nearest center only shrinks as centers are added, so an
old distance is an upper bound of today's (M. Minoux (1978), "Accelerated greedy algorithms"). Picks
are made inside a block of the rows with the largest bounds for as long as the winner exceeds every
outsider's bound; otherwise only the rows whose bound still exceeds the best value found are brought
up to date, in one product. No pick costs a pass over the pool, and bounds carried over from an
earlier round spare the pass that a batch starts with.

Exact distances make it the same everywhere: picks compare whole numbers (see `distances`), so they
depend neither on threads nor on machines, and ties go to the row that comes first.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from learning.diversity.distances import (
    GRID,
    Carried,
    Float32,
    Float64,
    Rows,
    bounds,
    carry,
    from_mean,
    nearest_squares,
    on_grid,
)
from learning.diversity.picking import UNRESTRICTED, Admission, Picks
from learning.parallel import Crew, crew
from learning.ranking import largest

BLOCK = 256
"""Rows that are compared exactly at once: with 384 dimensions they stay in a core's cache."""
FRONTIER = 2**15
"""About how many rows blocks are taken from before the whole pool is scanned again."""

_HEIGHT = 2048
"""Rows that one thread brings up to date at once: with 384 dimensions they stay in its cache."""
_SAMPLE = 2**14
_BLOCKED = -1.0
"""The bound of a row that may not be picked."""

Key = tuple[float, int]
"""A squared distance and the negative of a row: of two, the larger is picked first."""


def k_center(
    points: Float32,
    count: int,
    *,
    covered: Float32,
    carried: Carried | None = None,
    eligible: NDArray[np.bool_] | None = None,
    admission: Admission = UNRESTRICTED,
) -> Picks:
    """Up to `count` rows of `points` (n, d), each the farthest from `covered` (m, d) and the picks.

    Rows are at most MAX_LENGTH long. Only rows marked in `eligible` (n,) and admitted are picked.
    `carried`, from `carry`, must count the first rows of `covered` only. Without covered rows the
    first pick is the row nearest the mean of those eligible, and its gain is NaN. `gains` are
    Euclidean distances to the nearest covered or picked row.
    """
    search = _Greedy(points, count, admission=admission, eligible=eligible)
    search.start(covered, carried)
    with crew() as workers:
        while search.goes_on() and search.advance(workers):
            pass
    return Picks(rows=np.array(search.rows, dtype=np.int64), gains=np.array(search.gains))


class _Greedy:
    """The search: bounds of all rows, and a frontier of those with the largest ones."""

    def __init__(
        self,
        points: Float32,
        count: int,
        *,
        admission: Admission,
        eligible: NDArray[np.bool_] | None,
    ) -> None:
        # A view of a memory-mapped array is cheap, but each slice of one is not.
        self.points = np.asarray(points)
        self.admission = admission
        self.blocked = np.zeros(len(points), dtype=np.bool_) if eligible is None else ~eligible
        self.wanted = max(0, min(count, len(points) - int(np.count_nonzero(self.blocked))))
        self.rows: list[int] = []
        self.gains: list[float] = []

    def start(self, covered: Float32, carried: Carried | None) -> None:
        """Bounds to begin with; without covered rows, after the pick nearest the mean."""
        self.counted_before = len(covered) if carried is None else carried.counted
        if not self.goes_on():
            return
        if not len(covered):
            covered = self._nearest_mean()
            carried = None
            self.counted_before = len(covered)
            if not len(covered):
                self.wanted = 0
                return
        # A first pick made just now is a pick, not a center that was there before.
        self.centers = len(covered) - len(self.rows)
        size = (self.centers + self.wanted, self.points.shape[1])
        self.known, self.grid = np.empty(size, dtype=np.float32), np.empty(size)
        self.known[: len(covered)], self.grid[: len(covered)] = covered, on_grid(covered)
        squares = (carried or carry(self.points, covered)).squares
        self.bounds = squares.astype(np.float64)
        self.bounds *= GRID**2
        self.bounds[self.blocked] = _BLOCKED
        # How many centers a row's bound takes into account, and how many exactly.
        self.counted = np.full(len(self.points), self.counted_before, dtype=np.int32)
        self.exactly = np.zeros(len(self.points), dtype=np.int32)

    def goes_on(self) -> bool:
        return len(self.rows) < self.wanted

    def advance(self, workers: Crew) -> bool:
        """Pick among the rows with the largest bounds while one may lead; False: none is left."""
        frontier, bar = _frontier(self.bounds, FRONTIER)
        while self.goes_on():
            values = self.bounds[frontier]
            places, (value, place) = _farthest(values, BLOCK)
            if not len(places) or values[places].max() < 0.0:
                return bar[0] >= 0.0
            row = int(frontier[-place]) if -place < len(frontier) else len(self.bounds)
            inside = (value, -row)
            best = self._pick_from(frontier[places], max(bar, inside))
            values[places] = _BLOCKED
            self._bring_up_to_date(frontier[values >= best[0]], workers)
            if best < bar:
                break
        return True

    def _pick_from(self, block: Rows, bar: Key) -> Key:
        """Pick among the rows `block` while their best is not below `bar`; that best."""
        grid = on_grid(self.points[block])
        exact = self._made_exact(block, grid)
        lengths = np.vecdot(grid, grid)
        while True:
            winner = int(exact.argmax())
            row = int(block[winner])
            best = (float(exact[winner]), -row)
            if best < bar or best[0] < 0.0 or not self.goes_on():
                break
            if not self.admission.admits(row):
                self.blocked[row] = True
                exact[winner] = _BLOCKED
                continue
            self._take(row, grid[winner], best[0])
            apart = lengths + lengths[winner] - 2.0 * (grid @ grid[winner])
            np.minimum(exact, apart, out=exact)
            exact[self.blocked[block]] = _BLOCKED
        self.bounds[block] = exact
        self.counted[block] = self.exactly[block] = self.centers + len(self.rows)
        return best

    def _take(self, row: int, place: Float64, square: float) -> None:
        known = self.centers + len(self.rows)
        self.known[known], self.grid[known] = self.points[row], place
        self.rows.append(row)
        self.gains.append(math.sqrt(square) / GRID)
        self.blocked[row] = True
        refused = self.admission.take(row)
        self.blocked[refused] = True
        self.bounds[refused] = _BLOCKED

    def _made_exact(self, block: Rows, grid: Float64) -> Float64:
        """Exact squared distances of the rows `block`, on the grid, to their nearest center."""
        known = self.grid[: self.centers + len(self.rows)]
        exactly = self.exactly[block]
        exact = self.bounds[block]
        fresh, stale = exactly == 0, (exactly > 0) & (exactly < len(known))
        if fresh.any():
            exact[fresh] = nearest_squares(grid[fresh], known)
        if stale.any():
            since = known[int(exactly[stale].min()) :]
            exact[stale] = np.minimum(exact[stale], nearest_squares(grid[stale], since))
        exact[self.blocked[block]] = _BLOCKED
        return exact

    def _bring_up_to_date(self, rows: Rows, workers: Crew) -> None:
        """Lower the bounds of `rows` by the centers that they do not count yet."""
        known = self.centers + len(self.rows)
        rows = rows[self.counted[rows] < known]
        if not len(rows):
            return
        since = self.known[int(self.counted[rows].min()) : known]

        def lower(part: slice) -> None:
            chunk = rows[part]
            before = self.bounds[chunk]
            fresh = bounds(self.points.take(chunk, axis=0), since).astype(np.float64)
            fresh *= GRID**2
            self.exactly[chunk[fresh < before]] = 0
            self.bounds[chunk] = np.minimum(before, fresh)

        workers.in_blocks(len(rows), _HEIGHT, lower)
        self.counted[rows] = known

    def _nearest_mean(self) -> Float32:
        """The first pick where there is no center: (1, d), or (0, d) if no row is admitted."""
        rows = np.flatnonzero(~self.blocked)
        squares = from_mean(self.points, rows)
        for place in np.argsort(squares, kind="stable").tolist():
            row = int(rows[place])
            self.blocked[row] = True
            if self.admission.admits(row):
                self.rows.append(row)
                self.gains.append(math.nan)
                self.blocked[self.admission.take(row)] = True
                return self.points[row : row + 1]
        return self.points[:0]


def _frontier(values: Float64, size: int) -> tuple[Rows, Key]:
    """About `size` rows with the largest `values`, ascending, and a bar no other row exceeds.

    The cut is taken from an even sample, so that it costs two scans.
    """
    step = max(1, len(values) // _SAMPLE)
    sample = values[::step]
    kept = max(1, size // step)
    cut = _BLOCKED if kept >= len(sample) else float(np.partition(sample, -kept)[-kept])
    above = np.flatnonzero(values > cut)
    if cut < 0.0:
        return above, (_BLOCKED, -len(values))
    level = np.flatnonzero(values == cut)
    room = max(size - len(above), size // 2)
    bar = (cut, -int(level[room]) if room < len(level) else -len(values))
    return np.sort(np.concatenate([above, level[:room]])), bar


def _farthest(values: Float64, size: int) -> tuple[Rows, Key]:
    """The `size` places with the largest `values`, ascending, and a bar no other place exceeds."""
    places = largest(values, size)
    if len(places) == len(values):
        return places, (_BLOCKED, -len(values))
    limit = float(values[places].min())
    last = int(places[values[places] == limit][-1])
    level = np.flatnonzero(values[last + 1 :] == limit)
    return places, (limit, -(last + 1 + int(level[0]) if len(level) else len(values)))
