"""What is labelled already, and what is kept for tests, from files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from api.offline import arrays, tables
from domain.errors import InvalidInput, InvalidScores
from learning.near_duplicates import SIGNATURE_WIDTH, Signatures
from learning.selection import Known

LABEL, PREDICTED, ROUND = "label", "predicted", "round"
"""Columns of the labelled records' metadata: the label, what the model of the time took the record
for, the number of the round that chose it."""


@dataclass(frozen=True, kw_only=True)
class KnownFiles:
    embeddings: Path | None = None
    """Of the labelled records."""
    labels: Path | None = None
    """One a line; else the column `label` of their metadata."""
    metadata: Path | None = None
    test_embeddings: Path | None = None
    test_metadata: Path | None = None


def known_records(
    files: KnownFiles, dimensions: int, *, text_column: str | None, texts: bool
) -> Known:
    """The labelled records, then those kept for tests.

    `dimensions` are those of the pool's embeddings; `texts`: whether texts are compared. Raises
    UnreadableFile, InvalidScores, InvalidInput, MissingColumn.
    """
    if files.embeddings is None and (files.labels or files.metadata):
        raise InvalidInput(
            "labels of records whose embeddings are not known cannot be used",
            hint="add --labelled-embeddings FILE",
        )
    if files.test_embeddings is None and files.test_metadata:
        raise InvalidInput(
            "test records whose embeddings are not known cannot be used",
            hint="add --test-embeddings FILE",
        )
    labelled = _points(files.embeddings, dimensions)
    tested = _points(files.test_embeddings, dimensions)
    table = _table(files.metadata, len(labelled))
    test_table = _table(files.test_metadata, len(tested))
    rows, m = len(labelled) + len(tested), len(labelled)
    signatures = None
    if texts:
        signatures = np.concatenate(
            [_signatures(table, text_column, m), _signatures(test_table, text_column, rows - m)]
        )
    return Known(
        record_ids=[f"known-{place}" for place in range(rows)],
        embeddings=np.concatenate([labelled, tested]),
        labels=[*_labels(files, table, m), *[None] * len(tested)],
        for_test=np.arange(rows) >= m,
        signatures=signatures,
        predicted=[*_texts(table, PREDICTED, m), *[None] * len(tested)],
        rounds=[*_rounds(table, m), *[0] * len(tested)],
        metadata=_joined(table, m, test_table, len(tested)),
    )


def _points(path: Path | None, dimensions: int) -> arrays.Float32:
    if path is None:
        return np.zeros((0, dimensions), dtype=np.float32)
    file = arrays.opened(path, axes="rows × dimensions")
    if file.rows and file.shape[1] != dimensions:
        raise InvalidScores(
            f"{file.name} has {file.shape[1]} dimensions, the pool's embeddings have {dimensions}",
            hint="embed both with the same model",
        )
    if not file.rows:
        return np.zeros((0, dimensions), dtype=np.float32)
    return arrays.unit_rows(file).rows


def _table(path: Path | None, rows: int) -> pa.Table | None:
    if path is None:
        return None
    file = tables.opened(path)
    special = {LABEL, PREDICTED} & set(file.columns)
    table = file.read(file.columns, as_text=special)
    if table.num_rows != rows:
        raise InvalidScores(
            f"{file.name} has {table.num_rows:,} rows for {rows:,} embeddings",
            hint="give a row for each record in both files, in the same order",
        )
    return table


def _labels(files: KnownFiles, table: pa.Table | None, rows: int) -> list[str | None]:
    if files.labels is not None:
        lines = [line.strip() or None for line in tables.lines_of(files.labels)]
        if len(lines) != rows:
            raise InvalidScores(
                f"{files.labels.name} has {len(lines):,} lines for {rows:,} labelled embeddings",
                hint="give a label for each, in the same order",
            )
        return lines
    return _texts(table, LABEL, rows)


def _texts(table: pa.Table | None, name: str, rows: int) -> list[str | None]:
    if table is None or name not in table.column_names:
        return [None] * rows
    found: list[str | None] = table.column(name).to_pylist()
    return found


def _rounds(table: pa.Table | None, rows: int) -> list[int]:
    if table is None or ROUND not in table.column_names:
        return [0] * rows
    column = table.column(ROUND)
    if not pa.types.is_integer(column.type):
        raise InvalidInput(f"“{ROUND}” holds {column.type}; it is the number of a round")
    return [number or 0 for number in column.to_pylist()]


def _signatures(table: pa.Table | None, name: str | None, rows: int) -> Signatures:
    """Zeros, which resemble no text, where the texts are not known."""
    if table is None or name is None or name not in table.column_names:
        return np.zeros((rows, SIGNATURE_WIDTH), dtype=np.uint16)
    return tables.signatures_of(table.column(name).cast(pa.string()))


def _joined(
    table: pa.Table | None, labelled: int, test_table: pa.Table | None, tested: int
) -> pa.Table | None:
    """The metadata of both, one below the other; null where one has no such column."""
    if table is None and test_table is None:
        return None
    parts = [(table, labelled), (test_table, tested)]
    schema = pa.unify_schemas(
        [part.schema for part, _ in parts if part is not None], promote_options="permissive"
    )
    columns = {}
    for field in schema:
        found = [
            pa.nulls(rows, field.type)
            if part is None or field.name not in part.column_names
            else part.column(field.name).combine_chunks().cast(field.type)
            for part, rows in parts
        ]
        columns[field.name] = pa.concat_arrays(found)
    return pa.table(columns)
