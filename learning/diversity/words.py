"""Random numbers whose stream is promised: raw 64-bit words of PCG64.

NumPy promises the words for ever, but not the streams of its distributions.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


class Words:
    """The stream of one use of a seed: no two uses of it see the same numbers."""

    def __init__(self, seed: int, use: str) -> None:
        digest = hashlib.sha256(f"{seed}/{use}".encode()).digest()
        self._generator = np.random.PCG64(int.from_bytes(digest))

    def raw(self, count: int) -> NDArray[np.uint64]:
        words: NDArray[np.uint64] = self._generator.random_raw(count)
        return words

    def uniform(self, count: int) -> NDArray[np.float64]:
        """(count,) uniform in [0, 1), multiples of 2⁻⁵³."""
        return (self.raw(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def sample(self, rows: NDArray[np.int64], size: int) -> NDArray[np.int64]:
        """`size` of `rows` without replacement, in their order; all of them when there are fewer.

        In expected time proportional to `size` where that is a small share of the rows.
        """
        if size >= len(rows):
            return rows
        if 4 * size > len(rows):
            places = np.argsort(self.raw(len(rows)), kind="stable")[:size]
            return rows[np.sort(places)]
        chosen = np.zeros(0, dtype=np.int64)
        while len(chosen) < size:
            fresh = (self.uniform(size) * len(rows)).astype(np.int64)
            together = np.concatenate([chosen, fresh])
            _, first = np.unique(together, return_index=True)
            # Of repeated draws the first counts, as if it had been drawn again until it was new.
            chosen = together[np.sort(first)][:size]
        return rows[np.sort(chosen)]
