"""The records of a batch as it grows, and which other record would nearly repeat one of them."""

from __future__ import annotations

import numpy as np

from learning.near_duplicates import Signatures, resembles
from learning.selection.candidates import Float32

ROUNDING = 1e-6
"""What float32 may take from the cosine of a row with itself."""


class Neighbours:
    """Compares one row of a pool with those that were added, by embedding and by text."""

    def __init__(
        self,
        *,
        embeddings: Float32,
        signatures: Signatures | None,
        cosine: float | None,
        jaccard: float | None,
    ) -> None:
        """`embeddings` (n, d) are unit rows or zero, `signatures` (n, w) or None; a limit that is
        None compares nothing."""
        self._embeddings = embeddings if cosine is not None else None
        self._signatures = signatures if jaccard is not None else None
        self._cosine = np.float32((cosine or 1.0) - ROUNDING)
        self._jaccard = np.float32(jaccard or 1.0)
        self._rows: list[int] = []
        self._vectors = np.empty((0, embeddings.shape[1]), dtype=np.float32)
        width = 0 if signatures is None else signatures.shape[1]
        self._texts = np.empty((0, width), dtype=np.uint16)

    def clashes(self, row: int) -> int | None:
        """The first row added that `row` nearly repeats; None: it repeats none.

        Rows of zeros have no known feature and are like nothing.
        """
        count = len(self._rows)
        near = np.zeros(count, dtype=np.bool_)
        if self._embeddings is not None:
            near |= self._vectors[:count] @ self._embeddings[row] >= self._cosine
        if self._signatures is not None:
            near |= resembles(self._signatures[row], self._texts[:count]) >= self._jaccard
        return self._rows[int(near.argmax())] if near.any() else None

    def add(self, row: int) -> None:
        count = len(self._rows)
        if count == len(self._vectors):
            self._grow(max(64, 2 * count))
        if self._embeddings is not None:
            self._vectors[count] = self._embeddings[row]
        if self._signatures is not None:
            self._texts[count] = self._signatures[row]
        self._rows.append(row)

    def _grow(self, size: int) -> None:
        added = size - len(self._vectors)
        self._vectors = np.pad(self._vectors, ((0, added), (0, 0)))
        self._texts = np.pad(self._texts, ((0, added), (0, 0)))
