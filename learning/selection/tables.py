"""Candidates from tables: what scoring wrote, and metadata written as JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from domain.arms import Signal
from domain.errors import InvalidScores, MissingColumn
from learning.near_duplicates import Signatures, from_arrow
from learning.selection.candidates import Candidates, Float32, Known, Mask

NEEDED = ("record_id", "probabilities", "embedding")
_SIGNALS = tuple(
    signal
    for signal in Signal
    if signal
    in {
        Signal.LEAST_CONFIDENCE,
        Signal.MARGIN,
        Signal.ENTROPY,
        Signal.VOTE_ENTROPY,
        Signal.COMMITTEE_DIVERGENCE,
        Signal.VERSION_DIVERGENCE,
        Signal.INSTABILITY,
    }
)
"""Columns of scores that are signals already."""


@dataclass(frozen=True, kw_only=True)
class KnownRecord:
    """What is known of a record that is labelled, or kept for tests."""

    label: str | None
    for_test: bool
    predicted: str | None = None
    round_number: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """One partition: scores of its records, their metadata, and which of them may be chosen."""

    scores: pa.Table
    metadata: pa.Array
    """(n,) JSON objects as text."""
    eligible: Mask


def gather(
    parts: Iterable[Part],
    *,
    eligible: int,
    classes: Sequence[str],
    known: Mapping[str, KnownRecord],
    ambiguous: Iterable[str] = (),
    now: datetime | None = None,
) -> Candidates:
    """The `eligible` records of the parts as candidates, and those `known` beside them.

    Holds one part in memory besides the result. Raises MissingColumn, and InvalidScores when only
    some of the records have probabilities or the numbers do not match.
    """
    names = pa.array(list(known), pa.string())
    pool = _Columns(eligible, len(classes))
    rest = _Columns(len(known), 0)
    for part in parts:
        if missing := set(NEEDED) - set(part.scores.column_names):
            raise MissingColumn(f"the scores lack {', '.join(sorted(missing))}")
        pool.add(part.scores, part.metadata, part.eligible)
        is_known = pc.is_in(part.scores["record_id"], names).to_numpy()
        rest.add(part.scores, part.metadata, is_known)
    if pool.filled != eligible:
        raise InvalidScores(f"{pool.filled:,} records are there, {eligible:,} were announced")
    ids = pool.ids()
    held = pa.array(sorted(ambiguous), pa.string())
    return Candidates(
        record_ids=ids,
        embeddings=pool.embeddings,
        probabilities=pool.probabilities() if classes else None,
        classes=classes,
        metadata=metadata_table(pool.metadata),
        signals=pool.signals(),
        signatures=pool.signatures(),
        ambiguous=pc.is_in(ids, held).to_numpy(zero_copy_only=False) if len(held) else None,
        known=_known(rest, known),
        now=now,
    )


def metadata_table(texts: Sequence[pa.Array]) -> pa.Table:
    """JSON objects as columns, one a key; what is no scalar is left out.

    A key whose values are of several types becomes a column of texts.
    """
    rows = sum(len(part) for part in texts)
    if not rows:
        return pa.table({})
    lines = pc.binary_join(
        pa.ListArray.from_arrays([0, rows], pa.chunked_array(texts).combine_chunks()), "\n"
    )
    data = lines[0].as_buffer()
    try:
        table = pa.json.read_json(io.BytesIO(data))
    except pa.ArrowInvalid:
        table = None
    if table is None or table.num_rows != rows:
        table = _read_one_by_one([text for part in texts for text in part.to_pylist()])
    scalar = [field.name for field in table.schema if not pa.types.is_nested(field.type)]
    return table.select(scalar).combine_chunks()


def _read_one_by_one(texts: Sequence[str]) -> pa.Table:
    rows = [json.loads(text) for text in texts]
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list[Any]) -> pa.Array:
    scalars = [None if isinstance(value, list | dict) else value for value in values]
    try:
        return pa.array(scalars)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        texts = [
            value if value is None or isinstance(value, str) else json.dumps(value)
            for value in scalars
        ]
        return pa.array(texts, pa.string())


class _Columns:
    """Columns that grow part by part; embeddings in one array from the start."""

    def __init__(self, rows: int, classes: int) -> None:
        self.embeddings = np.empty((rows, 0), dtype=np.float32)
        self.metadata: list[pa.Array] = []
        self.filled = 0
        self._probabilities = np.empty((rows, classes), dtype=np.float32)
        self._rest: list[pa.Table] = []

    def add(self, scores: pa.Table, metadata: pa.Array, which: Mask) -> None:
        chosen = pa.array(which)
        here = scores.filter(chosen)
        end = self.filled + here.num_rows
        if end > len(self.embeddings):
            raise InvalidScores("there are more records than were announced")
        if not self.embeddings.shape[1]:
            width = here.schema.field("embedding").type.list_size
            self.embeddings = np.empty((len(self.embeddings), width), dtype=np.float32)
        place = slice(self.filled, end)
        self.embeddings[place] = _matrix(here["embedding"], self.embeddings.shape[1])
        if self._probabilities.shape[1]:
            self._probabilities[place] = self._distributions(here["probabilities"])
        kept = [name for name in here.column_names if name not in ("embedding", "probabilities")]
        self._rest.append(here.select(kept))
        flat = metadata.combine_chunks() if isinstance(metadata, pa.ChunkedArray) else metadata
        self.metadata.append(flat.filter(chosen))
        self.filled = end

    def _distributions(self, column: pa.ChunkedArray) -> Float32:
        if column.null_count:
            raise InvalidScores(
                f"{column.null_count:,} of {len(column):,} records have no probabilities",
                hint="score every partition with the same model",
            )
        return _matrix(column, self._probabilities.shape[1])

    def probabilities(self) -> Float32:
        return self._probabilities

    def column(self, name: str) -> pa.Array | None:
        """The column by that name; None where it is missing or says nothing of any record."""
        if not self._rest or name not in self._rest[0].column_names:
            return None
        whole = pa.concat_tables(self._rest, promote_options="permissive")[name].combine_chunks()
        return None if whole.null_count == len(whole) else whole

    def ids(self) -> pa.Array:
        found = self.column("record_id")
        return pa.array([], pa.string()) if found is None else found

    def signals(self) -> dict[Signal, Float32]:
        found = {signal: self.column(signal.value) for signal in _SIGNALS}
        return {
            signal: values.to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
            for signal, values in found.items()
            if values is not None and not values.null_count
        }

    def signatures(self) -> Signatures | None:
        found = self.column("signature")
        return None if found is None or found.null_count else from_arrow(found)


def _known(rest: _Columns, known: Mapping[str, KnownRecord]) -> Known:
    ids = rest.ids().to_pylist()
    records = [known[record_id] for record_id in ids]
    return Known(
        record_ids=ids,
        embeddings=rest.embeddings[: len(ids)],
        labels=[record.label for record in records],
        for_test=np.array([record.for_test for record in records], dtype=np.bool_),
        signatures=rest.signatures(),
        predicted=[record.predicted for record in records],
        rounds=[record.round_number for record in records],
        metadata=metadata_table(rest.metadata),
    )


def _matrix(column: pa.ChunkedArray, width: int) -> Float32:
    """Lists of `width` numbers as rows. Raises InvalidScores for lists of another length."""
    flat = column.combine_chunks()
    flat = flat.combine_chunks() if isinstance(flat, pa.ChunkedArray) else flat
    values = flat.flatten().to_numpy(zero_copy_only=False)
    if len(values) != len(column) * width:
        raise InvalidScores(f"a row of scores is not {width} numbers wide")
    rows: Float32 = values.reshape(len(column), width).astype(np.float32, copy=False)
    return rows
