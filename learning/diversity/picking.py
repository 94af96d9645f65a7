"""What every way of picking shares: the picks it returns and the rules it asks as it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

NOBODY: NDArray[np.int64] = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Picks:
    """Rows in the order in which they were picked, and what each was worth to the method.

    There are fewer than were asked for when nothing else was admitted.
    """

    rows: NDArray[np.int64]
    gains: NDArray[np.float64]
    """(k,) in the method's own unit: a distance, a gain of coverage, a score; NaN where it has
    none."""


class Admission(Protocol):
    """Rules that depend on what the batch holds already.

    `admits` is asked about the one row that a method is about to pick; a row that is refused is
    refused for the rest of the call. `take` is told of each pick, and answers with rows that may
    not be picked any more, such as the rest of a segment that has reached its maximum.
    """

    def admits(self, row: int) -> bool: ...

    def take(self, row: int) -> NDArray[np.int64]: ...


class Unrestricted:
    """The admission that refuses nothing."""

    def admits(self, row: int) -> bool:
        del row
        return True

    def take(self, row: int) -> NDArray[np.int64]:
        del row
        return NOBODY


UNRESTRICTED = Unrestricted()
