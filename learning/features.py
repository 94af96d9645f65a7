"""Features: contents in, sparse rows out, one class a kind of content.

Every kind yields CSR rows, also where they are dense. SciPy multiplies CSR matrices row by row, so
a record's scores do not depend on which other records share its partition, nor on the number of
threads; BLAS promises neither.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from domain.records import Content, Json
from learning.cells import column_types, is_missing, number

State = dict[str, Any]
"""What a model file keeps of the features: plain values, arrays, scikit-learn estimators."""

MAX_TERMS = 2**15
MAX_CATEGORIES = 50
"""A column with more values than this is closer to an identifier than to a category."""
MAX_SIDE = 32

# A token is 1 to 64 letters: longer runs are encoded files and keys, not words.
_TOKEN = r"(?u)\b\w{1,64}\b"  # noqa: S105


@dataclass(frozen=True, kw_only=True)
class TextFeatures:
    """TF-IDF of words and pairs of neighbouring words; no terms when no text holds a word."""

    vectorizer: TfidfVectorizer | None

    @classmethod
    def fit(cls, contents: Sequence[Content]) -> Self:
        texts = [_text(content) for content in contents]
        vectorizer = _vectorizer()
        analyze = vectorizer.build_analyzer()
        if not any(analyze(text) for text in texts):
            return cls(vectorizer=None)
        return cls(vectorizer=vectorizer.fit(texts))

    def transform(self, contents: Sequence[Content]) -> sparse.csr_matrix:
        """Unit rows, (n, terms); a text without a known word is a zero row."""
        if self.vectorizer is None:
            return sparse.csr_matrix((len(contents), 1), dtype=np.float64)
        if not contents:
            return sparse.csr_matrix((0, len(self.vectorizer.vocabulary_)), dtype=np.float64)
        return self.vectorizer.transform([_text(content) for content in contents])

    def state(self) -> State:
        if self.vectorizer is None:
            return {"terms": "", "idf": np.zeros(0)}
        # One long line per model instead of one node per term: skops would write megabytes.
        terms = "\n".join(self.vectorizer.get_feature_names_out())
        return {"terms": terms, "idf": np.asarray(self.vectorizer.idf_)}

    @classmethod
    def from_state(cls, state: State) -> Self:
        if not state["terms"]:
            return cls(vectorizer=None)
        vectorizer = _vectorizer(vocabulary=state["terms"].split("\n"))
        vectorizer.idf_ = state["idf"]
        return cls(vectorizer=vectorizer)


@dataclass(frozen=True, kw_only=True)
class TableFeatures:
    """Numbers imputed by their median and standardised; categories one-hot, unknown ones ignored.

    A column is numeric when every value it has in the fitted rows is a number or reads as one.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    imputer: SimpleImputer | None
    scaler: StandardScaler | None
    encoder: OneHotEncoder | None

    @classmethod
    def fit(cls, contents: Sequence[Content]) -> Self:
        rows = [_row(content) for content in contents]
        numeric, categorical = column_types(rows)
        imputer = scaler = encoder = None
        if numeric:
            imputer = SimpleImputer(strategy="median", add_indicator=True)
            scaler = StandardScaler().fit(imputer.fit_transform(_numbers(rows, numeric)))
        if categorical:
            encoder = OneHotEncoder(handle_unknown="ignore", max_categories=MAX_CATEGORIES)
            encoder.fit(_categories(rows, categorical))
        return cls(
            numeric=numeric,
            categorical=categorical,
            imputer=imputer,
            scaler=scaler,
            encoder=encoder,
        )

    def transform(self, contents: Sequence[Content]) -> sparse.csr_matrix:
        """(n, numbers + missing indicators + categories)"""
        rows = [_row(content) for content in contents]
        blocks = []
        if not rows:
            return sparse.csr_matrix((0, self._width()), dtype=np.float64)
        if self.imputer is not None and self.scaler is not None:
            imputed = self.imputer.transform(_numbers(rows, self.numeric))
            blocks.append(sparse.csr_matrix(self.scaler.transform(imputed)))
        if self.encoder is not None:
            blocks.append(self.encoder.transform(_categories(rows, self.categorical)))
        if not blocks:
            return sparse.csr_matrix((len(rows), 1), dtype=np.float64)
        return sparse.hstack(blocks, format="csr")

    def _width(self) -> int:
        numbers = 0 if self.scaler is None else int(self.scaler.n_features_in_)
        categories = 0 if self.encoder is None else len(self.encoder.get_feature_names_out())
        return max(1, numbers + categories)

    def state(self) -> State:
        return {
            "numeric": list(self.numeric),
            "categorical": list(self.categorical),
            "imputer": self.imputer,
            "scaler": self.scaler,
            "encoder": self.encoder,
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        return cls(
            numeric=tuple(state["numeric"]),
            categorical=tuple(state["categorical"]),
            imputer=state["imputer"],
            scaler=state["scaler"],
            encoder=state["encoder"],
        )


@dataclass(frozen=True, kw_only=True)
class ImageFeatures:
    """Grey values in [0, 1] on a common frame: larger images are shrunk, smaller ones padded."""

    height: int
    width: int
    white: float

    @classmethod
    def fit(cls, contents: Sequence[Content]) -> Self:
        images = [_pixels(content) for content in contents]
        return cls(
            height=min(MAX_SIDE, max((image.shape[0] for image in images), default=1)),
            width=min(MAX_SIDE, max((image.shape[1] for image in images), default=1)),
            white=max((float(image.max()) for image in images), default=0.0) or 1.0,
        )

    def transform(self, contents: Sequence[Content]) -> sparse.csr_matrix:
        """(n, height × width)"""
        frames = np.zeros((len(contents), self.height, self.width))
        for frame, content in zip(frames, contents, strict=True):
            image = np.clip(_pixels(content) / self.white, 0.0, 1.0)
            shrink = max(1.0, image.shape[0] / self.height, image.shape[1] / self.width)
            rows = max(1, math.floor(image.shape[0] / shrink + 1e-9))
            columns = max(1, math.floor(image.shape[1] / shrink + 1e-9))
            top, left = (self.height - rows) // 2, (self.width - columns) // 2
            image = _area_mean(_area_mean(image, rows).T, columns).T
            frame[top : top + rows, left : left + columns] = image
        return sparse.csr_matrix(frames.reshape(len(contents), self.height * self.width))

    def state(self) -> State:
        return {"height": self.height, "width": self.width, "white": self.white}

    @classmethod
    def from_state(cls, state: State) -> Self:
        return cls(height=state["height"], width=state["width"], white=state["white"])


def _vectorizer(*, vocabulary: Sequence[str] | None = None) -> TfidfVectorizer:
    return TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        token_pattern=_TOKEN,
        max_features=MAX_TERMS,
        vocabulary=vocabulary,
    )


def _text(content: Content) -> str:
    text = content["text"]
    return text if isinstance(text, str) else ""


def _row(content: Content) -> dict[str, Json]:
    row = content["row"]
    return row if isinstance(row, dict) else {}


def _pixels(content: Content) -> NDArray[np.float64]:
    return np.asarray(content["pixels"], dtype=np.float64)


def _numbers(rows: Sequence[dict[str, Json]], columns: Sequence[str]) -> NDArray[np.float64]:
    cells = [[number(row.get(column)) for column in columns] for row in rows]
    return np.array(cells, dtype=np.float64).reshape(len(rows), len(columns))


def _categories(rows: Sequence[dict[str, Json]], columns: Sequence[str]) -> NDArray[np.object_]:
    cells = [
        ["" if is_missing(row.get(column)) else str(row[column]).strip() for column in columns]
        for row in rows
    ]
    return np.array(cells, dtype=object).reshape(len(rows), len(columns))


def _area_mean(image: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """`image` with `rows` rows, each the mean of the strip of the image that it covers."""
    if rows == image.shape[0]:
        return image
    edges = np.linspace(0.0, image.shape[0], rows + 1)
    starts, ends = edges[:-1, None], edges[1:, None]
    pixel = np.arange(image.shape[0])[None, :]
    cover = np.clip(np.minimum(ends, pixel + 1) - np.maximum(starts, pixel), 0.0, None)
    # einsum, not BLAS: the same sum in the same order whatever the number of threads.
    shrunk: NDArray[np.float64] = np.einsum(
        "ij,jk->ik", cover / cover.sum(axis=1, keepdims=True), image
    )
    return shrunk
