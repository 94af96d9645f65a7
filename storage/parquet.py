"""Rows of a Parquet file, however small it makes itself.

A file of a few kilobytes can stand for gigabytes: a long text that a dictionary holds once and a
million rows point to, or pages that unpack to a thousand times their size. So what the file says
of its size is looked at before anything is unpacked, texts stay in their dictionaries, and only as
many rows at a time are written out as fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.formats import check_header, refuse
from storage.rows import Mapping

MAX_ROWS = 20_000_000
MAX_VALUES = 200_000_000
"""In one column of a row group, lists taken apart."""
MAX_GROUP_BYTES = 1024**3
"""Of the wanted columns of one row group, unpacked."""
MAX_FIXED_BYTES = 4_096
"""Of a value whose size the schema fixes, such as an embedding that was stored as bytes."""
MAX_FOOTER_STRING = 16 * 1024 * 1024

_BATCH_ROWS = 1_000
_BYTES_AT_ONCE = 64 * 1024 * 1024
_FEW_BYTES = 64
"""A number, a date: what is not a text."""
_TEXTS = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
)


def parquet_rows(stream: BinaryIO, mapping: Mapping) -> Iterator[tuple[int, dict[str, object]]]:
    """Each row with its number, from 1. Raises UnreadableFile and MissingColumn at once;
    UnreadableFile also later, when the file turns out to be damaged."""
    try:
        file = pq.ParquetFile(stream, thrift_string_size_limit=MAX_FOOTER_STRING)
        names: list[str] = file.schema_arrow.names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        refuse(f"the Parquet file is damaged: {_first_line(error)}")
    check_header(names)
    mapping.check_columns(names)
    columns = mapping.columns(names)
    _check_size(file.metadata, set(columns))
    texts = _text_columns(file.metadata)
    stream.seek(0)
    file = pq.ParquetFile(stream, read_dictionary=texts, thrift_string_size_limit=MAX_FOOTER_STRING)
    return _rows(file, columns)


def _check_size(metadata: pq.FileMetaData, wanted: set[str]) -> None:
    """By what the file says of itself, which the reader holds it to."""
    if metadata.num_rows > MAX_ROWS:
        refuse(f"the file says that it has {metadata.num_rows:,} rows; {MAX_ROWS:,} are the most")
    schema = metadata.schema
    for place in range(len(schema)):
        if schema.column(place).length > MAX_FIXED_BYTES:
            refuse(f"column “{schema.column(place).path}” has values of more than 4,096 bytes")
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunks = [group.column(place) for place in range(group.num_columns)]
        ours = [each for each in chunks if each.path_in_schema.partition(".")[0] in wanted]
        unpacked = sum(each.total_uncompressed_size for each in ours)
        if unpacked > MAX_GROUP_BYTES or any(each.total_uncompressed_size < 0 for each in ours):
            refuse(f"row group {number} unpacks to {unpacked:,} bytes, which is too much at once")
        if any(not 0 <= each.num_values <= MAX_VALUES for each in ours):
            refuse(f"row group {number} has a column of more than {MAX_VALUES:,} values")


def _text_columns(metadata: pq.FileMetaData) -> list[str]:
    schema = metadata.schema
    columns = [schema.column(place) for place in range(len(schema))]
    return [
        column.path
        for column in columns
        if column.physical_type == "BYTE_ARRAY" and column.logical_type.type != "DECIMAL"
    ]


def _rows(file: pq.ParquetFile, columns: list[str]) -> Iterator[tuple[int, dict[str, object]]]:
    number = 0
    batches = _batches(file, columns)
    while True:
        try:
            batch = next(batches, None)
            at_once = 0 if batch is None else _rows_at_once(batch)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            refuse(f"the Parquet file is damaged after row {number}: {_first_line(error)}")
        if batch is None:
            return
        for start in range(0, batch.num_rows, at_once):
            try:
                values = _written_out(batch.slice(start, at_once)).to_pylist()
            except (pa.ArrowException, UnicodeDecodeError) as error:
                refuse(f"the Parquet file is damaged after row {number}: {_first_line(error)}")
            for row in values:
                number += 1
                yield number, row


def _batches(file: pq.ParquetFile, columns: list[str]) -> Iterator[pa.RecordBatch]:
    for group in range(file.num_row_groups):
        # Each group has dictionaries of its own, and Arrow cannot join those within lists.
        yield from file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=columns)


def _written_out(few: pa.RecordBatch) -> pa.RecordBatch:
    """With texts in the place of places in a dictionary, which are slow to look up one by one."""
    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in few.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=few.schema.names)


def _rows_at_once(batch: pa.RecordBatch) -> int:
    widest = sum(_widest(column) for column in batch.columns)
    return max(1, min(_BATCH_ROWS, _BYTES_AT_ONCE // max(widest, 1)))


def _widest(array: pa.Array) -> int:
    """About how many bytes the largest value has once it is written out."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _widest(array.dictionary)
    if any(is_text(kind) for is_text in _TEXTS):
        return pc.max(pc.binary_length(array)).as_py() or 0
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return int(array.nbytes)
    if pa.types.is_struct(kind):
        return sum(_widest(array.field(place)) for place in range(kind.num_fields))
    if pa.types.is_map(kind):
        return len(array.keys) * (_widest(array.keys) + _widest(array.items))
    if pa.types.is_fixed_size_list(kind):
        return int(kind.list_size) * _widest(array.values)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        longest = pc.max(pc.list_value_length(array)).as_py() or 0
        return int(longest) * _widest(array.values)
    return _FEW_BYTES


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
