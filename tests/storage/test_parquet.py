"""Rows of Parquet files come out as Arrow itself says they are, whatever their types."""

from __future__ import annotations

import io
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from domain.records import ContentKind
from storage.parquet import parquet_rows
from storage.rows import Mapping

COLUMNS: dict[str, pa.Array] = {
    "id": pa.array(["a", "b", "a"]).dictionary_encode(),
    "category of numbers": pa.array([1, 2, 1]).dictionary_encode(),
    "large text": pa.array(["a", "b", None], pa.large_string()),
    "view of text": pa.array(["a", "b", None], pa.string_view()),
    "bytes": pa.array([b"a", b"b", None]),
    "decimal": pa.array([Decimal("1.2"), None, None], pa.decimal128(35, 2)),
    "long decimal": pa.array([Decimal("1.2"), None, None], pa.decimal256(50, 2)),
    "list": pa.array([["a"], [], None]),
    "list of lists": pa.array([[["x"]], [], None]),
    "embedding": pa.array([[1.0, 2.0], [3.0, 4.0], None], pa.list_(pa.float32(), 2)),
    "struct": pa.array([{"k": "v", "n": 1}, None, {"k": None, "n": 2}]),
    "map": pa.array([[("a", "b")], [], None], pa.map_(pa.string(), pa.string())),
    "instant": pa.array([datetime(2020, 1, 1), None, None]),  # noqa: DTZ001 - has no zone
    "nothing": pa.nulls(3),
}


@pytest.mark.parametrize(
    "options", [{}, {"use_dictionary": False}, {"store_schema": False}, {"row_group_size": 1}]
)
def test_every_type_reads_as_it_was_written(options: dict[str, Any]) -> None:
    table = pa.table(COLUMNS)
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    file.seek(0)
    wanted = tuple(name for name in COLUMNS if name != "id")
    mapping = Mapping(kind=ContentKind.TABLE, row_columns=wanted, metadata_columns=())
    rows = list(parquet_rows(file, mapping))
    assert [number for number, _ in rows] == [1, 2, 3]
    assert [row for _, row in rows] == table.to_pylist()
