"""Near duplicates: texts that share most of their shingles, records whose embeddings nearly meet.

A text's **signature** is SIGNATURE_WIDTH numbers, each the smallest of one hash over the text's
shingles. Two texts agree in a place with the probability that their sets of shingles have in common
(the Jaccard index), so the share of places in which they agree estimates it, with a standard error
of at most .0625. A shingle is SHINGLE characters in a row, words with their spaces, in the text
without case and punctuation: that fits a message of ten words as well as an article, forgives a
typing error, and needs no spaces between words. Signatures are whole-number arithmetic on
characters: the same in every process and on every machine.

Source: A. Broder (1997), "On the Resemblance and Containment of Documents"; of each hash only 16
bits are kept, P. Li, A. König (2010), "b-Bit Minwise Hashing". Pairs to compare are found by bands,
P. Indyk, R. Motwani (1998), "Approximate Nearest Neighbors: Towards Removing the Curse of
Dimensionality".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import rensa  # type: ignore[import-untyped]
from numpy.typing import NDArray

Signatures = NDArray[np.uint16]
Flags = NDArray[np.bool_]

SIGNATURE_WIDTH = 64
SHINGLE = 5
"""Characters in a row that are compared as one."""

EXACT = 49 / SIGNATURE_WIDTH
"""From this resemblance on no pair is missed: 15 differing places leave one of 16 bands alone."""

_SEED = 1
"""Part of what a signature is: signatures of other seeds cannot be compared."""
_TEXTS = 1000
"""Texts worked on together."""
_BLOCK = 2**14
_SLOTS_A_KEY = 16
_PAIRS = 2**16
_SPACE = 0x20
_MULTIPLIERS = np.array(
    [
        0x9E3779B97F4A7C15,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0xD6E8FEB86659FD93,
        0xA0761D6478BD642F,
    ],
    dtype=np.uint64,
)
"""One odd number for each character of a shingle."""


def signatures(texts: Sequence[str]) -> Signatures:
    """The (n, SIGNATURE_WIDTH) signatures of n texts."""
    rows = np.zeros((len(texts), SIGNATURE_WIDTH), dtype=np.uint16)
    for start in range(0, len(texts), _TEXTS):
        hashes, offsets = _shingles(texts[start : start + _TEXTS])
        matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(
            hashes, offsets, SIGNATURE_WIDTH, _SEED
        )
        block = np.array(matrix.to_rows(), dtype=np.uint32)
        rows[start : start + _TEXTS] = block.astype(np.uint16)
    return rows


def to_arrow(rows: Signatures, *, null: Flags | None = None) -> pa.FixedSizeListArray:
    """Signatures as a column; null where `null` (n,) says so."""
    flat = pa.array(rows.reshape(-1))
    mask = None if null is None else pa.array(null)
    return pa.FixedSizeListArray.from_arrays(flat, SIGNATURE_WIDTH, mask=mask)


def from_arrow(column: pa.Array) -> Signatures:
    """The (n, SIGNATURE_WIDTH) signatures of a column without nulls, chunked or not."""
    flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    rows: Signatures = flat.flatten().to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(rows.reshape(len(column), SIGNATURE_WIDTH))


def resembles(signature: Signatures, others: Signatures) -> NDArray[np.float32]:
    """The estimated Jaccard index of one text's `signature` (w,) and of each of `others` (m, w)."""
    estimate: NDArray[np.float32] = (others == signature).mean(axis=1, dtype=np.float32)
    return estimate


def resembling(pool: Signatures, references: Signatures, *, threshold: float) -> Flags:
    """Which rows of `pool` (n, w) resemble one of `references` (m, w) by `threshold` or more; (n,).

    From EXACT on, the answer that `resembles` gives for every pair: signatures that differ in fewer
    places than there are bands have one band in common. Below, of the pairs that just reach the
    threshold one in 80 is missed at .7, one in 9 at .6. Linear in n.
    """
    flags = np.zeros(len(pool), dtype=np.bool_)
    wanted = places(threshold)
    references = np.unique(references, axis=0)
    if not len(references):
        return flags
    index = [_Band(keys) for keys in band_keys(references).T]
    for start in range(0, len(pool), _BLOCK):
        block = np.ascontiguousarray(pool[start : start + _BLOCK])
        found = flags[start : start + _BLOCK]
        for band, keys in zip(index, band_keys(block).T, strict=True):
            rows = np.flatnonzero(band.may_hold(keys) & ~found)
            found[rows[_verify(block[rows], references, band, keys[rows], wanted=wanted)]] = True
    return flags


def places(threshold: float) -> int:
    """How many places of two signatures must agree for a resemblance of at least `threshold`.

    Raises ValueError unless 0 < threshold ≤ 1.
    """
    if not 0.0 < threshold <= 1.0:
        raise ValueError(f"a resemblance of {threshold} is not above 0 and at most 1")
    # .9 × 64 is 57.6; a hair is taken off so that no product of floats rounds above its number.
    return int(np.ceil(threshold * SIGNATURE_WIDTH - 1e-9))


def band_keys(rows: Signatures) -> NDArray[np.uint64]:
    """(n, 16) keys, each four places of a signature."""
    keys: NDArray[np.uint64] = rows.view(np.uint64)
    return keys


def _shingles(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Hashes of the shingles of all texts in a row, and where each text's begin and end (n + 1)."""
    folded = [text.casefold() for text in texts]
    lengths = np.fromiter(map(len, folded), dtype=np.int64, count=len(folded))
    # Lone halves of surrogate pairs occur in real data; here they count as blanks.
    data = "".join(folded).encode("utf-32-le", "surrogatepass")
    characters = np.frombuffer(data, dtype=np.uint32).copy()
    owner = np.repeat(np.arange(len(texts)), lengths)
    blank = _is_blank(characters)
    # A text of punctuation alone is compared as it stands.
    blank &= (np.bincount(owner[~blank], minlength=len(texts)) > 0)[owner]
    characters[blank] = _SPACE
    # Of several blanks in a row, within one text, the last one stays.
    kept = np.ones(len(characters), dtype=np.bool_)
    kept[:-1] = ~(blank[:-1] & blank[1:] & (owner[:-1] == owner[1:]))
    characters, owner, blank = characters[kept], owner[kept], blank[kept]
    # Nor do blanks at the ends count.
    edge = np.ones(len(characters) + 1, dtype=np.bool_)
    edge[1:-1] = owner[:-1] != owner[1:]
    kept = ~(blank & (edge[:-1] | edge[1:]))
    characters, owner = characters[kept], owner[kept]
    lengths = np.bincount(owner, minlength=len(texts))
    # A blank on either side, so that a word counts as much at the ends; more for the shortest.
    padded = np.maximum(lengths + 2, SHINGLE)
    ends = np.cumsum(padded)
    line = np.full(ends[-1], _SPACE, dtype=np.uint64)
    first = np.cumsum(lengths) - lengths
    line[(ends - padded + 1 - first)[owner] + np.arange(len(characters))] = characters
    windows = np.zeros(len(line) - SHINGLE + 1, dtype=np.uint64)
    for place, multiplier in enumerate(_MULTIPLIERS):
        windows += line[place : place + len(windows)] * multiplier
    counts = padded - SHINGLE + 1
    within = np.ones(len(line), dtype=np.bool_)
    for place in range(1, SHINGLE):
        within[ends - place] = False
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint64)
    return _mixed(windows[within[: len(windows)]]), offsets


def _is_blank(characters: NDArray[np.uint32]) -> Flags:
    """Which code points are blanks, punctuation or control characters."""
    seen = np.zeros(int(characters.max(initial=0)) + 1, dtype=np.bool_)
    seen[characters] = True
    for point in np.flatnonzero(seen):
        seen[point] = unicodedata.category(chr(point))[0] in "ZPC"
    return seen[characters]


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each bit of a value spread over all bits.

    Source: G. Steele, D. Lea, C. Flood (2014), "Fast Splittable Pseudorandom Number Generators".
    """
    values ^= values >> np.uint64(30)
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


class _Band:
    """One band of the references: which of them have a given key."""

    def __init__(self, keys: NDArray[np.uint64]) -> None:
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        # Most keys of a pool are no reference's. A table that fits the cache says so at once.
        bits = (_SLOTS_A_KEY * len(keys)).bit_length()
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(2**bits, dtype=np.bool_)
        self._table[self._slots(keys)] = True

    def may_hold(self, keys: NDArray[np.uint64]) -> Flags:
        flags: Flags = self._table[self._slots(keys)]
        return flags

    def ranges(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where in `references` those of each key begin and end."""
        return np.searchsorted(self._keys, keys), np.searchsorted(self._keys, keys, side="right")

    def references(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._order[np.minimum(positions, len(self._order) - 1)]

    def _slots(self, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
        slots: NDArray[np.uint64] = (keys * _MULTIPLIERS[0]) >> self._shift
        return slots


def _verify(
    block: Signatures, references: Signatures, band: _Band, keys: NDArray[np.uint64], *, wanted: int
) -> NDArray[np.int64]:
    """Those of the rows of `block` (b, w) that a reference of the same key truly resembles.

    Each row is compared with one reference, then two, then four more: in a cluster of references
    that are alike the first ones decide.
    """
    resembling: list[NDArray[np.int64]] = []
    rows = np.arange(len(block))
    begin, end = band.ranges(keys)
    width = 1
    while True:
        open_ = begin < end
        rows, begin, end = rows[open_], begin[open_], end[open_]
        if not len(rows):
            return np.concatenate([*resembling, rows])
        agreed = np.zeros(len(rows), dtype=np.bool_)
        step = max(1, _PAIRS // width)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            positions = begin[part, None] + np.arange(width)
            others = references[band.references(positions)]
            same = np.count_nonzero(block[rows[part], None] == others, axis=2) >= wanted
            agreed[part] = (same & (positions < end[part, None])).any(axis=1)
        resembling.append(rows[agreed])
        rows, begin, end = rows[~agreed], begin[~agreed] + width, end[~agreed]
        width = min(2 * width, _PAIRS)
