"""Candidates: the records that a batch may be drawn from and those known already, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domain.arms import Signal
from domain.errors import InvalidScores, MissingColumn
from domain.policy import PREDICTED
from learning.near_duplicates import Signatures
from learning.signals.geometry import MAX_LENGTH
from learning.signals.probabilities import check_probabilities

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
Codes = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """m records that are labelled, or kept for tests: nothing like them needs to be asked again."""

    record_ids: Sequence[str] = ()
    embeddings: Float32
    """(m, d), rows of length one or zero."""
    labels: Sequence[str | None] = ()
    for_test: Mask
    """(m,) what tests a model: never shown to a method, only kept apart from."""
    signatures: Signatures | None = None
    """(m, w) MinHash signatures of the texts."""
    predicted: Sequence[str | None] = ()
    """What the model of the time took each for before its label was known; none: not asked."""
    rounds: Sequence[int] = ()
    """The number of the round that chose each; 0: not chosen by an arm that looks at the pool."""
    metadata: pa.Table | None = None

    @classmethod
    def nothing(cls, dimensions: int) -> Self:
        return cls(
            embeddings=np.zeros((0, dimensions), dtype=np.float32), for_test=np.zeros(0, np.bool_)
        )

    @property
    def covered(self) -> Float32:
        """Embeddings of what is labelled and may be learned from."""
        return self.embeddings[~self.for_test] if self.for_test.any() else self.embeddings

    @property
    def mistaken(self) -> Mask:
        """(m,) where the model of the time was wrong."""
        return np.array(
            [
                guess is not None and label is not None and guess != label
                for guess, label in zip(self.predicted, self.labels, strict=True)
            ]
            if self.predicted
            else np.zeros(len(self.embeddings)),
            dtype=np.bool_,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """n records to choose from.

    Raises InvalidScores on creation for what cannot be ranked: lengths and widths that differ, NaN
    and infinities, embeddings longer than one, probabilities that are none, repeated ids.
    """

    record_ids: pa.Array
    """(n,) strings."""
    embeddings: Float32
    """(n, d), rows of length one or zero."""
    probabilities: Float32 | None = None
    """(n, k), columns as in `classes`; None before there is a model."""
    classes: Sequence[str] = ()
    metadata: pa.Table = field(default_factory=lambda: pa.table({}))
    """(n, …) one column a name; empty when nothing is known."""
    signals: Mapping[Signal, Float32] = field(default_factory=dict)
    """Signals that scoring has computed, each (n,)."""
    signatures: Signatures | None = None
    """(n, w) MinHash signatures of the texts; None where the records are no texts."""
    ambiguous: Mask | None = None
    """(n,) what people could not settle in an earlier round."""
    known: Known
    now: datetime | None = None
    """What recency is counted from; None: the newest timestamp."""

    def __post_init__(self) -> None:
        self._check_lengths()
        _check_rows("embeddings", self.embeddings)
        _check_rows("embeddings of known records", self.known.embeddings)
        if self.probabilities is not None:
            check_probabilities(self.probabilities, record_ids=self.record_ids)
        for signal, values in self.signals.items():
            if not np.isfinite(values).all():
                raise InvalidScores(f"{signal} is NaN or infinite", hint="score the pool again")

    def __len__(self) -> int:
        return len(self.record_ids)

    @property
    def predicted(self) -> Codes | None:
        """(n,) place of the likeliest class; None before there is a model."""
        if self.probabilities is None:
            return None
        codes: Codes = self.probabilities.argmax(axis=1).astype(np.int32)
        return codes

    def column(self, name: str) -> pa.Array:
        """The column as one array; `predicted` is one. Raises MissingColumn."""
        if name == PREDICTED:
            codes = self.predicted
            if codes is None:
                return pa.nulls(len(self), pa.string())
            places = pa.array(codes)
            return pa.DictionaryArray.from_arrays(places, pa.array(self.classes, pa.string()))
        if name not in self.metadata.column_names:
            there = ", ".join(sorted(self.metadata.column_names)) or "none"
            raise MissingColumn(
                f"the policy looks at “{name}”, which no record of the pool has",
                hint=f"columns that are there: {there}",
                column=name,
            )
        column = self.metadata.column(name)
        return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

    def ordered(self) -> Self:
        """The same candidates by ascending record id, so that no result depends on their order."""
        ids = self.record_ids
        if len(ids) > 1 and not pc.all(pc.less(ids[:-1], ids[1:])).as_py():
            order = pc.sort_indices(ids).to_numpy()
            self_ordered = self._taken(order)
        else:
            self_ordered = self
        ids = self_ordered.record_ids
        if len(ids) > 1:
            same = pc.equal(ids[:-1], ids[1:])
            if pc.any(same).as_py():
                twice = ids[pc.index(same, True).as_py()]
                raise InvalidScores(f"the record {twice} is there twice", record_id=str(twice))
        return self_ordered

    def _taken(self, order: NDArray[np.int64 | np.uint64]) -> Self:
        return replace(
            self,
            record_ids=self.record_ids.take(pa.array(order)),
            embeddings=self.embeddings[order],
            probabilities=None if self.probabilities is None else self.probabilities[order],
            metadata=self.metadata.take(pa.array(order))
            if self.metadata.num_columns
            else self.metadata,
            signals={name: values[order] for name, values in self.signals.items()},
            signatures=None if self.signatures is None else self.signatures[order],
            ambiguous=None if self.ambiguous is None else self.ambiguous[order],
        )

    def _check_lengths(self) -> None:
        n = len(self.record_ids)
        parts: dict[str, Any] = {"embeddings": self.embeddings} | dict(self.signals)
        parts |= {
            "probabilities": self.probabilities,
            "signatures": self.signatures,
            "ambiguous": self.ambiguous,
        }
        if self.metadata.num_columns:
            parts["metadata"] = self.metadata
        for name, part in parts.items():
            if part is not None and len(part) != n:
                raise InvalidScores(f"{name} has {len(part):,} rows for {n:,} record ids")
        if self.embeddings.ndim != 2 or self.known.embeddings.ndim != 2:
            raise InvalidScores("embeddings are not a table of rows")
        m, width = self.known.embeddings.shape
        if m and width != self.embeddings.shape[1]:
            raise InvalidScores(
                f"the embeddings of known records have {width} dimensions, the others "
                f"{self.embeddings.shape[1]}",
                hint="embed both with the same model",
            )
        if self.probabilities is not None and self.probabilities.shape[1:] != (len(self.classes),):
            raise InvalidScores(
                f"the probabilities have shape {self.probabilities.shape} for "
                f"{len(self.classes)} classes"
            )


def _check_rows(name: str, rows: Float32) -> None:
    if rows.dtype != np.float32:
        raise InvalidScores(f"{name} are {rows.dtype}, not float32")
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", rows, rows)
    if not np.isfinite(squares).all():
        raise InvalidScores(f"{name} hold NaN or infinite values", hint="score the pool again")
    if squares.size and squares.max() > MAX_LENGTH**2:
        length = float(np.sqrt(squares.max()))
        raise InvalidScores(f"{name} are not unit rows: one has length {length:.3g}")
