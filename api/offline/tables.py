"""Tables in files: CSV, JSON Lines and Parquet, by columns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq
from numpy.typing import NDArray

from domain.errors import InvalidScores, MissingColumn, UnreadableFile
from domain.labels import powerset_label
from learning.near_duplicates import SIGNATURE_WIDTH, Signatures, signatures
from storage.formats import Format, detect_format

_HEAD = 64 * 1024
_TEXTS = 2**14
_LINE = 2**24
"""Bytes of the longest line of a JSON Lines file."""


@dataclass(frozen=True, kw_only=True)
class TableFile:
    """A table of which only the columns' names were read."""

    path: Path
    format: Format
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.name

    def check(self, *names: str) -> None:
        """Raises MissingColumn unless all are there."""
        for name in names:
            if name not in self.columns:
                raise MissingColumn(
                    f"{self.name} has no column “{name}”",
                    hint=f"columns that are there: {', '.join(self.columns)}",
                    column=name,
                )

    def read(self, names: Collection[str], *, as_text: Collection[str] = ()) -> pa.Table:
        """These columns, those of `as_text` as texts; what else is nested is left out.

        A list among those of `as_text` is a set of labels, written as the one label that it is.

        Raises MissingColumn and UnreadableFile.
        """
        self.check(*names)
        wanted = [name for name in self.columns if name in names]
        try:
            table = self._read(wanted, as_text)
        except (OSError, pa.ArrowException) as error:
            reason = str(error).split("\n", maxsplit=1)[0]
            raise UnreadableFile(f"{self.path} cannot be read: {reason}") from error
        for name in as_text:
            if pa.types.is_list(table.schema.field(name).type):
                place = table.column_names.index(name)
                table = table.set_column(place, name, _label_sets(table.column(name)))
        flat = [field.name for field in table.schema if not pa.types.is_nested(field.type)]
        table = table.select(flat).combine_chunks()
        for name in set(as_text) & set(flat):
            column = table.column(name)
            if pa.types.is_floating(column.type):
                column = pc.if_else(pc.is_nan(column), None, column)
            column = column.cast(pa.string())
            table = table.set_column(table.column_names.index(name), name, column)
        return table

    def _read(self, names: list[str], as_text: Collection[str]) -> pa.Table:
        match self.format:
            case Format.PARQUET:
                return pq.read_table(self.path, columns=names)
            case Format.CSV:
                return pa.csv.read_csv(
                    self.path,
                    parse_options=pa.csv.ParseOptions(newlines_in_values=True),
                    convert_options=pa.csv.ConvertOptions(
                        include_columns=names,
                        # Codes such as 007 stay what they are; NA is a country.
                        column_types={name: pa.string() for name in as_text if name in names},
                        null_values=[""],
                        strings_can_be_null=True,
                    ),
                )
            case Format.JSON_LINES:
                options = pa.json.ReadOptions(block_size=_LINE)
                return pa.json.read_json(self.path, read_options=options).select(names)


def opened(path: Path) -> TableFile:
    """The table in a file. Raises UnreadableFile."""
    try:
        with path.open("rb") as stream:
            actual = detect_format(path.name, stream.read(_HEAD))
        columns = _columns(path, actual)
    except UnreadableFile as error:
        raise UnreadableFile(error.message, hint="CSV, JSON Lines and Parquet are read") from None
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).split("\n", maxsplit=1)[0]
        raise UnreadableFile(f"{path} cannot be read: {reason}") from error
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise UnreadableFile(f"{path.name} has two columns “{twice}”", hint="rename one of them")
    return TableFile(path=path, format=actual, columns=tuple(columns))


def _columns(path: Path, actual: Format) -> list[str]:
    match actual:
        case Format.PARQUET:
            return list(pq.read_schema(path).names)
        case Format.CSV:
            with pa.csv.open_csv(
                path, parse_options=pa.csv.ParseOptions(newlines_in_values=True)
            ) as reader:
                return list(reader.schema.names)
        case Format.JSON_LINES:
            options = pa.json.ReadOptions(block_size=_LINE)
            return list(pa.json.read_json(path, read_options=options).column_names)


def _label_sets(lists: pa.ChunkedArray) -> pa.Array:
    labels = [
        None if each is None else powerset_label(str(label) for label in each)
        for each in lists.to_pylist()
    ]
    return pa.array(labels, pa.string())


def lines_of(path: Path) -> list[str]:
    """The lines of a text file, without their ends. Raises UnreadableFile."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UnreadableFile(f"{path} cannot be read: {reason}") from error
    return text.splitlines()


def numbered(count: int) -> pa.Array:
    """Record ids for rows that have none: their numbers from 0, padded so that they sort."""
    width = len(str(max(0, count - 1)))
    return pa.array([f"{row:0{width}d}" for row in range(count)], pa.string())


def ascending(ids: pa.Array, *, source: str) -> NDArray[np.int64] | None:
    """The order that sorts the ids; None where they are sorted.

    Raises InvalidScores, naming the rows, for ids that are missing or there twice.
    """
    blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(ids), ""), fill_value=True)
    if pc.any(blank).as_py():
        row = pc.index(blank, pa.scalar(value=True)).as_py()
        raise InvalidScores(f"row {row:,} of {source} has no record id", row=row)
    if len(ids) < 2 or pc.all(pc.less(ids[:-1], ids[1:])).as_py():
        return None
    order: NDArray[np.int64] = pc.sort_indices(ids).to_numpy().astype(np.int64)
    in_order = ids.take(pa.array(order))
    same = pc.equal(in_order[:-1], in_order[1:])
    if pc.any(same).as_py():
        place = pc.index(same, pa.scalar(value=True)).as_py()
        first, second = sorted(order[place : place + 2].tolist())
        raise InvalidScores(
            f"the record id “{in_order[place].as_py()}” is there twice: rows {first:,} and "
            f"{second:,} of {source}",
            hint="give each record an id of its own; rows are counted from 0",
            record_id=in_order[place].as_py(),
        )
    return order


def signatures_of(texts: pa.Array) -> Signatures:
    """MinHash signatures (n, w) of texts, a missing one being empty; a few texts at a time."""
    found = np.empty((len(texts), SIGNATURE_WIDTH), dtype=np.uint16)
    for start in range(0, len(texts), _TEXTS):
        part = texts.slice(start, _TEXTS).to_pylist()
        found[start : start + len(part)] = signatures([text or "" for text in part])
    return found
