"""Features of pairs: how alike the two sides are, column by column and as a whole.

Each is the same for (a, b) as for (b, a), to the last bit: swapping the sides changes no score.

Sources: H. Köpcke, A. Thor, E. Rahm (2010), "Evaluation of entity resolution approaches on
real-world match problems"; S. Mudgal et al. (2018), "Deep Learning for Entity Matching: A Design
Space Exploration", whose baseline compares columns by several likenesses at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from domain.records import Content, Json
from learning.cells import column_types, is_missing, number
from learning.features import State, TextFeatures

Row = dict[str, Json]
Column = NDArray[np.float64]

TEXT = "text"
"""The one column of a side that is a text."""
MAX_REDUCED = 32
"""Directions that the words of both sides are reduced to."""
MAX_FITTED = 20_000
"""Sides from which these are found."""

_CODE = re.compile(r"(?=\w*\d)\w{2,}")
"""Model numbers, sizes, years: what tells two things of one make apart."""
_grams = HashingVectorizer(
    analyzer="char_wb", ngram_range=(3, 3), n_features=2**18, alternate_sign=False, norm="l2"
)
"""Three characters in a row, which a typing error leaves mostly as they are. Nothing is learnt."""


@dataclass(frozen=True, kw_only=True)
class PairFeatures:
    """Of each column that both sides have: likeness in words and in trigrams if it holds texts,
    relative closeness if it holds numbers; whether the cells are equal, whether one is missing. Of
    the sides as a whole: likeness in words, trigrams and codes, and the difference, product and
    mean of their words, reduced to a few directions. The mean says what a pair is about: without it
    two pairs that are equally alike would pass for the same pair twice."""

    numeric: tuple[str, ...]
    textual: tuple[str, ...]
    words: TextFeatures
    directions: NDArray[np.float32] | None
    """(terms, d); none when no side holds a word."""

    @classmethod
    def fit(cls, contents: Sequence[Content]) -> Self:
        lefts, rights = _sides(contents)
        shared = {
            column
            for left, right in zip(lefts, rights, strict=True)
            for column in left.keys() & right.keys()
            if not is_missing(left[column]) and not is_missing(right[column])
        }
        rows = [*lefts, *rights]
        numeric, textual = column_types([_only(row, shared) for row in rows])
        texts = [_whole(row) for row in rows]
        words = TextFeatures.fit([Content({"text": text}) for text in texts])
        return cls(
            numeric=numeric,
            textual=textual,
            words=words,
            directions=_directions(_vectors(words, texts)),
        )

    def transform(self, contents: Sequence[Content]) -> sparse.csr_matrix:
        """(n, features of the columns + of the whole)"""
        lefts, rights = _sides(contents)
        columns = [
            *(each for name in self.numeric for each in _numbers(lefts, rights, name)),
            *(each for name in self.textual for each in self._texts(lefts, rights, name)),
        ]
        left_texts, right_texts = list(map(_whole, lefts)), list(map(_whole, rights))
        columns.extend(self._likeness(left_texts, right_texts))
        columns.extend(_codes(left_texts, right_texts))
        blocks = [np.stack(columns, axis=1)]
        if self.directions is not None:
            left = _vectors(self.words, left_texts) @ self.directions
            right = _vectors(self.words, right_texts) @ self.directions
            blocks += [np.abs(left - right), left * right, (left + right) / 2.0]
        return sparse.csr_matrix(np.hstack(blocks))

    def state(self) -> State:
        return {
            "numeric": list(self.numeric),
            "textual": list(self.textual),
            "words": self.words.state(),
            "directions": self.directions,
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        return cls(
            numeric=tuple(state["numeric"]),
            textual=tuple(state["textual"]),
            words=TextFeatures.from_state(state["words"]),
            directions=state["directions"],
        )

    def _texts(self, lefts: Sequence[Row], rights: Sequence[Row], name: str) -> Iterator[Column]:
        left, right = [_cell(row, name) for row in lefts], [_cell(row, name) for row in rights]
        yield from self._likeness(left, right)
        yield from _presence(left, right)

    def _likeness(self, lefts: Sequence[str], rights: Sequence[str]) -> Iterator[Column]:
        """Cosines of words and of trigrams, each (n,) in [0, 1]."""
        yield _cosines(_vectors(self.words, lefts), _vectors(self.words, rights))
        yield _cosines(_trigrams(lefts), _trigrams(rights))


def _sides(contents: Sequence[Content]) -> tuple[list[Row], list[Row]]:
    return [_side(each["left"]) for each in contents], [_side(each["right"]) for each in contents]


def _side(side: Json) -> Row:
    if not isinstance(side, dict):
        return {}
    row = side.get("row")
    return row if isinstance(row, dict) else {TEXT: side.get("text")}


def _only(row: Row, columns: set[str]) -> Row:
    return {name: value for name, value in row.items() if name in columns}


def _cell(row: Row, name: str) -> str:
    value = row.get(name)
    return "" if is_missing(value) else str(value).strip()


def _whole(row: Row) -> str:
    return " ".join(filter(None, (_cell(row, name) for name in sorted(row))))


def _numbers(lefts: Sequence[Row], rights: Sequence[Row], name: str) -> Iterator[Column]:
    left = np.array([number(row.get(name)) for row in lefts], dtype=np.float64)
    right = np.array([number(row.get(name)) for row in rights], dtype=np.float64)
    largest = np.maximum(np.abs(left), np.abs(right))
    apart = np.abs(left - right) / np.where(largest > 0.0, largest, 1.0)
    missing = np.isnan(apart)
    yield np.where(missing, 0.0, 1.0 - np.minimum(apart, 1.0))
    yield (left == right).astype(np.float64)
    yield missing.astype(np.float64)


def _presence(lefts: Sequence[str], rights: Sequence[str]) -> Iterator[Column]:
    """Whether the cells are equal but for case, and whether either is empty."""
    pairs = list(zip(lefts, rights, strict=True))
    yield np.array([float(one.casefold() == other.casefold() != "") for one, other in pairs])
    yield np.array([float(not one or not other) for one, other in pairs])


def _codes(lefts: Sequence[str], rights: Sequence[str]) -> Iterator[Column]:
    """The share of codes that both sides have among those of either, and whether none is common
    though both have some."""
    shared, apart = np.zeros(len(lefts)), np.zeros(len(lefts))
    for place, (left, right) in enumerate(zip(lefts, rights, strict=True)):
        one, other = set(_CODE.findall(left.casefold())), set(_CODE.findall(right.casefold()))
        if one and other:
            shared[place] = len(one & other) / len(one | other)
            apart[place] = float(not one & other)
    yield shared
    yield apart


def _vectors(words: TextFeatures, texts: Sequence[str]) -> sparse.csr_matrix:
    return words.transform([Content({"text": text}) for text in texts])


def _trigrams(texts: Sequence[str]) -> sparse.csr_matrix:
    if not texts:
        return sparse.csr_matrix((0, 1), dtype=np.float64)
    return _grams.transform(texts)


def _cosines(left: sparse.csr_matrix, right: sparse.csr_matrix) -> Column:
    """(n,) products of unit rows with unit rows."""
    products: Column = np.asarray(left.multiply(right).sum(axis=1), dtype=np.float64).reshape(-1)
    return products


def _directions(rows: sparse.csr_matrix) -> NDArray[np.float32] | None:
    """(terms, d) leading directions of the words.

    Source: N. Halko, P.-G. Martinsson, J. Tropp (2011), "Finding structure with randomness".
    """
    if rows.nnz == 0:
        return None
    if rows.shape[0] > MAX_FITTED:
        rows = rows[np.linspace(0, rows.shape[0] - 1, MAX_FITTED).astype(np.int64)]
    # One thread: the order in which threads add up would show in the last digits.
    with threadpool_limits(limits=1, user_api="blas"):
        _, _, vectors = randomized_svd(rows, min(MAX_REDUCED, *rows.shape), random_state=0)
    return np.ascontiguousarray(vectors.T, dtype=np.float32)
