"""Labelled records for a backtest, from one table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from api.offline import arrays, tables
from domain.errors import EmptyPool, InvalidInput, InvalidScores
from domain.labels import powerset_label
from domain.policy import SamplingPolicy
from domain.records import Content, ContentKind, Json, check_content
from learning.backtesting import LabelledRecords
from learning.selection.scores import SEGMENT
from storage.rows import METADATA_NAMES
from storage.sides import Sides

USUAL_ID = "id"


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """A table whose labels are known, and which column is what."""

    path: Path
    label_column: str
    label_separator: str | None = None
    """Between the labels of a set; none: a record has one label."""
    text_column: str | None = None
    features: Path | None = None
    """Embeddings, a row a record; with these neither texts nor columns are learned from."""
    feature_columns: Sequence[str] = ()
    """Of a table row; empty: every column that is nothing else."""
    pairs: Sides | None = None
    """Where the sides of pairs are; none: the records are no pairs."""
    segment_column: str | None = None
    id_column: str | None = None
    """None: the column `id` if there is one, else rows are numbered."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    records: LabelledRecords
    rows: int
    """In the file, those without a label too."""
    unlabelled: int
    without_text: int
    learned_from: str
    """In words."""
    remarks: list[str]


def read(file: DataFile, policy: SamplingPolicy) -> Data:
    """The records of a table that have a label, by ascending id.

    Raises UnreadableFile, MissingColumn, InvalidScores, InvalidInput and EmptyPool.
    """
    if sum(map(bool, (file.text_column, file.features, file.pairs))) > 1:
        raise InvalidInput(
            "a model learns from --text-column, --features or --pairs, not from two of them",
            hint="leave all but one out",
        )
    source = tables.opened(file.path)
    if file.id_column is None and USUAL_ID in source.columns and file.label_column != USUAL_ID:
        file = replace(file, id_column=USUAL_ID)
    named = [file.label_column, file.text_column, file.segment_column, file.id_column]
    if file.pairs is not None:
        file.pairs.check_columns(source.columns)
        if file.pairs.whole(source.columns):
            named += [file.pairs.left_column, file.pairs.right_column]
    special = [name for name in named if name]
    source.check(*special, *file.feature_columns)
    table = source.read(source.columns, as_text=special)
    source = tables.TableFile(
        path=source.path, format=source.format, columns=tuple(table.column_names)
    )
    source.check(*special, *file.feature_columns)
    has_label = _said(table, file.label_column)
    has_text = _said(table, file.text_column) if file.text_column else has_label
    used = np.flatnonzero(has_label & has_text)
    if not len(used):
        raise EmptyPool(
            f"no row of {source.name} has a label in “{file.label_column}”",
            hint="a backtest replays what was labelled",
        )
    ids = tables.numbered(table.num_rows)
    if file.id_column:
        ids = table.column(file.id_column).combine_chunks()
    ids = ids.take(pa.array(used))
    order = tables.ascending(ids, source=f"{source.name}, of those with a label")
    if order is not None:
        used, ids = used[order], ids.take(pa.array(order))
    chosen = table.take(pa.array(used)).combine_chunks()
    remarks: list[str] = []
    kind, contents, features = _learned_from(file, chosen, used, table.num_rows, remarks)
    texts = file.text_column is not None and policy.near_duplicates.text is not None
    return Data(
        records=LabelledRecords(
            record_ids=ids.to_pylist(),
            labels=_labels(chosen.column(file.label_column), file.label_separator),
            kind=kind,
            contents=contents,
            features=features,
            signatures=tables.signatures_of(chosen.column(file.text_column)) if texts else None,
            metadata=_metadata(file, chosen),
            segments=_segments(chosen, file.segment_column),
        ),
        rows=table.num_rows,
        unlabelled=int((~has_label).sum()),
        without_text=int((has_label & ~has_text).sum()),
        learned_from=_in_words(kind, contents, features),
        remarks=remarks,
    )


def _said(table: pa.Table, name: str) -> NDArray[np.bool_]:
    """(n,) where the text column says anything."""
    trimmed = pc.utf8_trim_whitespace(table.column(name))
    said = pc.fill_null(pc.not_equal(trimmed, ""), fill_value=False)
    marks: NDArray[np.bool_] = said.combine_chunks().to_numpy(zero_copy_only=False)
    return marks


def _learned_from(
    file: DataFile, chosen: pa.Table, used: NDArray[np.int64], rows: int, remarks: list[str]
) -> tuple[ContentKind | None, list[Content], arrays.Float32 | None]:
    """Kind and contents, or else the features."""
    if file.features is not None:
        return None, [], _features(file.features, used, rows, file.path.name, remarks)
    if file.text_column:
        texts = chosen.column(file.text_column).to_pylist()
        return ContentKind.TEXT, [Content({"text": text}) for text in texts], None
    if file.pairs is not None:
        return ContentKind.PAIR, _pairs(file.pairs, chosen), None
    names = list(file.feature_columns) or _feature_columns(file, chosen, remarks)
    if not names:
        raise InvalidInput(
            f"{file.path.name} has no column to learn from",
            hint="name one: --text-column, --feature-column or --features FILE",
        )
    columns = {name: [_cell(value) for value in chosen.column(name).to_pylist()] for name in names}
    contents = [
        Content({"row": dict(zip(columns, cells, strict=True))})
        for cells in zip(*columns.values(), strict=True)
    ]
    return ContentKind.TABLE, contents, None


def _labels(labels: pa.ChunkedArray, separator: str | None) -> list[str]:
    """A set of labels is one label, whatever order it is written in."""
    found: list[str] = labels.to_pylist()
    if separator is None:
        return found
    parts = ((part.strip() for part in label.split(separator)) for label in found)
    return [powerset_label(filter(None, each)) for each in parts]


def _pairs(sides: Sides, chosen: pa.Table) -> list[Content]:
    columns = chosen.select([name for name in chosen.column_names if sides.holds(name)])
    rows = columns.to_pylist()
    contents = [sides.content(row, lambda value, _: _cell(value), ()) for row in rows]
    return [check_content(ContentKind.PAIR, content) for content in contents]


def _features(
    path: Path, used: NDArray[np.int64], rows: int, data: str, remarks: list[str]
) -> arrays.Float32:
    array = arrays.opened(path, axes="rows × dimensions")
    if array.rows != rows:
        raise InvalidScores(
            f"{array.name} has {array.rows:,} rows, {data} has {rows:,}",
            hint="give a row for each record in both files, in the same order",
        )
    points = arrays.unit_rows(array)
    if points.normalised:
        remarks.append(f"The rows of {array.name} were brought to length one.")
    return np.ascontiguousarray(points.rows[used])


def _feature_columns(file: DataFile, chosen: pa.Table, remarks: list[str]) -> list[str]:
    """Every column that holds numbers or categories and is nothing else."""
    taken = {file.label_column, file.segment_column, file.id_column, *METADATA_NAMES}
    names: list[str] = []
    left: list[str] = []
    for field in chosen.schema:
        if field.name in taken:
            continue
        (left if pa.types.is_temporal(field.type) else names).append(field.name)
    if left:
        remarks.append(f"Not learned from, being dates or times: {', '.join(left)}.")
    return names


def _cell(value: object) -> Json:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool | int | str) or value is None else str(value)


def _metadata(file: DataFile, chosen: pa.Table) -> pa.Table:
    """What a policy may look at: never the label."""
    hidden = [name for name in (file.label_column, file.text_column) if name]
    metadata = chosen.drop_columns(hidden)
    if file.segment_column and SEGMENT not in metadata.column_names:
        metadata = metadata.append_column(SEGMENT, chosen.column(file.segment_column))
    return metadata


def _segments(chosen: pa.Table, name: str | None) -> list[str]:
    if name is None:
        return []
    return [segment or "missing" for segment in chosen.column(name).to_pylist()]


def _in_words(
    kind: ContentKind | None, contents: Sequence[Content], features: arrays.Float32 | None
) -> str:
    if features is not None:
        return f"{features.shape[1]:,} features a record"
    if kind is ContentKind.TEXT:
        return "texts"
    if kind is ContentKind.PAIR:
        return "pairs"
    row = contents[0]["row"]
    return f"{len(row):,} columns" if isinstance(row, dict) else "columns"
