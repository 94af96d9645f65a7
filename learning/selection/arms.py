"""An arm's picks: its score, its filter, and its way of keeping picks from being alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.arms import Arm, Diversity
from domain.expressions import parse
from learning.diversity.badge import badge
from learning.diversity.facility_location import facility_location
from learning.diversity.herding import herd
from learning.diversity.k_center import k_center
from learning.diversity.picking import NOBODY, Picks
from learning.diversity.prefilter import prefiltered
from learning.diversity.typical_clusters import typical_clusters
from learning.ranking import largest, ranked
from learning.selection.candidates import Candidates, Float32, Mask
from learning.selection.filters import mask
from learning.selection.rules import BatchRules
from learning.selection.scores import Signals

SHORTLIST = 10
"""Records that k-center and BADGE look at, for each one that is wanted, where an arm has a score:
the highest."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ArmPicks:
    rows: NDArray[np.int64]
    gains: NDArray[np.float64]
    score: Float32 | None
    """(n,) of all candidates; None for an arm without signals."""
    method: Diversity
    """How they were picked: the arm's way, or what stood in for it."""


class Shown:
    """The rows that a way of picking is shown, all or some, and their admission."""

    def __init__(
        self, rules: BatchRules, free: Mask, rows: NDArray[np.int64] | None = None
    ) -> None:
        self.free = free
        """Which of the rows shown may be picked."""
        self._rules = rules
        self._rows = rows

    def of(self, values: Float32) -> Float32:
        """The rows of an array of all candidates."""
        return values if self._rows is None else values[self._rows]

    def admits(self, row: int) -> bool:
        return self._rules.admits(self._whole(row))

    def take(self, row: int) -> NDArray[np.int64]:
        closed = self._rules.take(self._whole(row))
        if self._rows is None or not len(closed):
            return closed
        return np.flatnonzero(np.isin(self._rows, closed))

    def _whole(self, row: int) -> int:
        return row if self._rows is None else int(self._rows[row])


class ArmPicker:
    """Picks for one arm after another, each from what the others left."""

    def __init__(self, pool: Candidates, signals: Signals, rules: BatchRules, *, seed: int) -> None:
        self._pool = pool
        self._signals = signals
        self._rules = rules
        self._seed = seed
        self._scores: dict[str, Float32 | None] = {}
        self._filters: dict[str, Mask] = {}

    def pick(self, arm: Arm, count: int, *, among: Mask | None = None) -> ArmPicks:
        """Up to `count` rows for the arm, put into the batch; fewer when no more are admitted.

        `among` (n,) narrows the choice further than the arm's filter does.
        """
        score = self._score(arm)
        free = self._rules.free.copy()
        if arm.where:
            free &= self._filter(arm)
        if among is not None:
            free &= among
        method = arm.method
        if method is Diversity.BADGE and self._pool.probabilities is None:
            method = Diversity.MAX_HERDING
        picks = (
            self._picked(method, arm, count, score, free)
            if count and free.any()
            else Picks(rows=NOBODY, gains=np.zeros(0))
        )
        return ArmPicks(rows=picks.rows, gains=picks.gains, score=score, method=method)

    def _score(self, arm: Arm) -> Float32 | None:
        if arm.name not in self._scores:
            self._scores[arm.name] = self._signals.score(arm)
        return self._scores[arm.name]

    def _filter(self, arm: Arm) -> Mask:
        if arm.name not in self._filters:
            self._filters[arm.name] = mask(parse(arm.where), self._pool.column)
        return self._filters[arm.name]

    @property
    def _covered(self) -> Float32:
        """What stands for other records already: labelled, or in the batch by another arm."""
        batch = self._pool.embeddings[self._rules.rows]
        return np.concatenate([self._pool.known.covered, batch])

    def _picked(
        self, method: Diversity, arm: Arm, count: int, score: Float32 | None, free: Mask
    ) -> Picks:
        points, rules, seed = self._pool.embeddings, self._rules, self._seed
        weights = self._weights(method, arm, score)
        match method:
            case Diversity.NONE:
                return self._highest(count, score, free)
            case Diversity.UNCERTAINTY_HERDING | Diversity.MAX_HERDING:
                return herd(
                    points,
                    count,
                    weights=weights,
                    covered=self._covered,
                    eligible=free,
                    admission=rules,
                    seed=seed,
                )
            case Diversity.FACILITY_LOCATION:
                return facility_location(
                    points,
                    count,
                    weights=weights,
                    covered=self._covered,
                    eligible=free,
                    admission=rules,
                    seed=seed,
                )
            case Diversity.TYPICAL_CLUSTERS:
                return typical_clusters(
                    points,
                    count,
                    weights=weights,
                    covered=self._covered,
                    eligible=free,
                    admission=rules,
                    seed=seed,
                )
            case Diversity.PREFILTER_K_MEANS:
                scores = np.ones(len(points), dtype=np.float32) if score is None else score
                return prefiltered(points, scores, count, eligible=free, admission=rules, seed=seed)
            case Diversity.K_CENTER:
                return self._among_the_best(
                    count,
                    score,
                    free,
                    lambda seen: k_center(
                        seen.of(points),
                        count,
                        covered=self._covered,
                        eligible=seen.free,
                        admission=seen,
                    ),
                )
            case Diversity.BADGE:
                probabilities = self._pool.probabilities
                assert probabilities is not None  # noqa: S101 - `pick` sees to it
                return self._among_the_best(
                    count,
                    score,
                    free,
                    lambda seen: badge(
                        seen.of(points),
                        seen.of(probabilities),
                        count,
                        eligible=seen.free,
                        admission=seen,
                        seed=seed,
                    ),
                )

    def _among_the_best(
        self, count: int, score: Float32 | None, free: Mask, pick: Callable[[Shown], Picks]
    ) -> Picks:
        """What `pick` picks of the free rows with the highest scores, or of all without a score."""
        if score is None:
            return pick(Shown(self._rules, free))
        best = largest(np.where(free, score, -1.0), SHORTLIST * count)
        rows = best[free[best]]
        found = pick(Shown(self._rules, free[rows], rows))
        return Picks(rows=rows[found.rows], gains=found.gains)

    def _weights(self, method: Diversity, arm: Arm, score: Float32 | None) -> Float32 | None:
        """What a record counts in a coverage sum (n,): nothing outside the arm's filter."""
        weights = self._signals.coverage_weights(arm)
        if score is not None and method is not Diversity.MAX_HERDING:
            weights = score if weights is None else weights * score
        if arm.where:
            inside = self._filter(arm).astype(np.float32)
            weights = inside if weights is None else weights * inside
        return weights

    def _highest(self, count: int, score: Float32 | None, free: Mask) -> Picks:
        scores = np.ones(len(free), dtype=np.float32) if score is None else score
        left = np.where(free, scores, -1.0)
        rows: list[int] = []
        while len(rows) < count:
            wanted = ranked(left, SHORTLIST * (count - len(rows)))
            for row in wanted.tolist():
                if left[row] < 0.0 or len(rows) == count:
                    break
                left[row] = -1.0
                if self._rules.admits(row):
                    rows.append(row)
                    left[self._rules.take(row)] = -1.0
            if not (left >= 0.0).any():
                break
        picked = np.array(rows, dtype=np.int64)
        return Picks(rows=picked, gains=scores[picked].astype(np.float64))
