"""Rules that a batch keeps while it grows: limits, guards and near duplicates.

`BatchRules` is the `Admission` that every way of picking asks before a pick and tells after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.policy import Limit, SamplingPolicy
from domain.selections import Shortfall
from learning.batch_neighbours import BatchNeighbours, close
from learning.selection.candidates import Candidates, Codes, Mask
from learning.selection.scores import Signals, coded

UNLIMITED = 2**31 - 1
MAX_VALUE = 80
"""Characters of a value that are told: findings travel in messages."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """Records that a bound is about: those whose code is `code`."""

    name: str
    """In words: `language = de`."""
    codes: Codes
    code: int
    at_least: int
    at_most: int

    def count(self, rows: Sequence[int]) -> int:
        return int(np.count_nonzero(self.codes[list(rows)] == self.code)) if rows else 0


def groups_of(pool: Candidates, policy: SamplingPolicy, signals: Signals, size: int) -> list[Group]:
    """Every bound of the policy on a batch of `size`. Raises MissingColumn."""
    groups: list[Group] = []
    columns: dict[str, tuple[Codes, list[str]]] = {}
    for limit in policy.limits:
        if limit.column not in columns:
            columns[limit.column] = coded(pool.column(limit.column))
        codes, names = columns[limit.column]
        groups += _limited(limit, codes, names, size)
    return groups + _guarded(pool, policy, signals, size)


def _limited(limit: Limit, codes: Codes, names: list[str], size: int) -> list[Group]:
    named = [limit.value] if limit.value else names
    places = {name: place for place, name in enumerate(names)}
    return [
        Group(
            name=f"{limit.column} = {short(name)}",
            codes=codes,
            code=places.get(name, UNLIMITED),
            at_least=limit.at_least(size),
            at_most=limit.at_most(size),
        )
        for name in named
    ]


def short(value: str) -> str:
    return value if len(value) <= MAX_VALUE else value[: MAX_VALUE - 1] + "…"


def _guarded(pool: Candidates, policy: SamplingPolicy, signals: Signals, size: int) -> list[Group]:
    """The caps against a loop that feeds on itself, as groups of their own."""
    guards = policy.guards
    marked: list[tuple[str, Mask, float]] = []
    if guards.max_weakness_share < 1.0 and pool.known.mistaken.any():
        alike = close(
            pool.embeddings,
            pool.known.embeddings[pool.known.mistaken & ~pool.known.for_test],
            cosine=guards.weakness_similarity,
            distances=signals.distances_to_mistakes,
        )
        marked.append(("resembling past weaknesses", alike, guards.max_weakness_share))
    if guards.max_ambiguous_share < 1.0 and pool.ambiguous is not None:
        marked.append(("ambiguous before", pool.ambiguous, guards.max_ambiguous_share))
    return [
        Group(
            name=name,
            codes=mask.astype(np.int32) - 1,
            code=0,
            at_least=0,
            at_most=Limit(column=name, max_share=share).at_most(size),
        )
        for name, mask, share in marked
    ]


class BatchRules:
    """What the batch holds already, and so what it may still take."""

    def __init__(
        self, pool: Candidates, policy: SamplingPolicy, groups: Sequence[Group], eligible: Mask
    ) -> None:
        self.free = eligible.copy()
        """(n,) who may still be picked, as far as is known without comparing them."""
        self.rows: list[int] = []
        self._eligible = eligible
        self._groups = groups
        self._left = [group.at_most for group in groups]
        for group in groups:
            if group.at_most == 0:
                self.free &= group.codes != group.code
        self._neighbours = BatchNeighbours(
            embeddings=pool.embeddings,
            signatures=pool.signatures,
            cosine=policy.near_duplicates.embedding,
            jaccard=policy.near_duplicates.text,
        )

    def admits(self, row: int) -> bool:
        if self._neighbours.clashes(row) is None:
            return True
        self.free[row] = False
        return False

    def take(self, row: int) -> NDArray[np.int64]:
        """Puts the row in the batch; the rows of every group that is full now may not follow."""
        self.rows.append(row)
        self._neighbours.add(row)
        self.free[row] = False
        closed = np.zeros(0, dtype=np.int64)
        for place, group in enumerate(self._groups):
            if group.codes[row] == group.code:
                self._left[place] -= 1
                if self._left[place] == 0:
                    closed = np.union1d(closed, np.flatnonzero(group.codes == group.code))
        self.free[closed] = False
        return closed

    def lift_maxima(self) -> None:
        """From now on groups may be fuller than their maximum; near duplicates stay out."""
        self._left = [UNLIMITED] * len(self._groups)
        self.free = self._eligible.copy()
        self.free[self.rows] = False

    def shortfalls(self) -> list[Shortfall]:
        """The bounds that the batch does not keep."""
        found = []
        for group in self._groups:
            got = group.count(self.rows)
            if got < group.at_least:
                demand = f"at least {group.at_least:,} with {group.name}"
                found.append(Shortfall(demand=demand, wanted=group.at_least, got=got))
            if got > group.at_most:
                demand = f"at most {group.at_most:,} with {group.name}"
                found.append(Shortfall(demand=demand, wanted=group.at_most, got=got))
        return found
