"""Rules of a batch that the tests of all ways of picking share."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(eq=False)
class AtMost:
    """At most `limit` rows of each of `groups` (n,), and none that is `refused`.

    Fails when a row is told of twice, or without having been asked about just before.
    """

    groups: NDArray[np.int64]
    limit: int
    refused: frozenset[int] = frozenset()
    taken: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)

    def admits(self, row: int) -> bool:
        assert row not in self.taken
        assert self.groups[row] not in self._full()
        self.asked.append(row)
        return row not in self.refused

    def take(self, row: int) -> NDArray[np.int64]:
        assert self.asked
        assert self.asked[-1] == row
        assert row not in self.refused
        self.taken.append(row)
        if self.groups[row] in self._full():
            return np.flatnonzero(self.groups == self.groups[row])
        return np.zeros(0, dtype=np.int64)

    def _full(self) -> set[int]:
        groups, counts = np.unique(self.groups[self.taken], return_counts=True)
        return set(groups[counts >= self.limit].tolist())
