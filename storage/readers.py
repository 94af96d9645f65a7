"""Files of records, row by row: JSON Lines, CSV and Parquet, none of them held in memory whole.

A file that is not what it says is refused before its first row. A row that cannot become a record
is set aside with its line and a reason, and the rows after it are read.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from domain.errors import InvalidRecord
from domain.ids import RecordId
from domain.records import Record
from storage.formats import Format, check_header, detect_format, refuse
from storage.parquet import parquet_rows
from storage.rows import Mapping, id_as_shown

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

__all__ = ["Format", "Mapping", "Rejection", "Row", "detect_format", "read_rows"]

MAX_LINE = 4 * 1024 * 1024
_HEAD = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Row:
    line: int
    """Where it begins: the line of a text file, the row of a Parquet file, both from 1."""
    record: Record


@dataclass(frozen=True, kw_only=True)
class Rejection:
    line: int
    record_id: RecordId | None
    reason: str


_Raw = tuple[int, dict[str, object] | str]
"""A line with its values, or with the reason why it has none."""


def read_rows(
    source: Path | BinaryIO,
    format: Format | None,  # noqa: A002 -- the word that callers use
    mapping: Mapping,
    *,
    file_name: str = "",
) -> Iterator[Row | Rejection]:
    """The records of a file, and the rows that are none, in its order.

    Without a format it is told by the name, else by the content. Raises UnreadableFile and
    MissingColumn at once; UnreadableFile also later, when a file turns out to be damaged.
    """
    with ExitStack() as opening:
        stream = _seekable(source, opening)
        name = file_name or (source.name if isinstance(source, Path) else "")
        actual = detect_format(name, stream.read(_HEAD), said=format)
        stream.seek(0)
        raw = _READERS[actual](stream, mapping, opening)
        opened = opening.pop_all()
    return _records(raw, mapping, opened)


def _seekable(source: Path | BinaryIO, opening: ExitStack) -> BinaryIO:
    if isinstance(source, Path):
        stream = source.open("rb")
        return opening.enter_context(stream)
    if source.seekable():
        return source
    # Parquet begins at its end; and the head of any file is read twice.
    spooled = opening.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 -- it does
    shutil.copyfileobj(source, spooled)
    spooled.seek(0)
    return spooled


def _records(raw: Iterator[_Raw], mapping: Mapping, opened: ExitStack) -> Iterator[Row | Rejection]:
    with opened:
        for line, values in raw:
            if isinstance(values, str):
                yield Rejection(line=line, record_id=None, reason=values)
                continue
            try:
                yield Row(line=line, record=mapping.record(values))
            except InvalidRecord as error:
                shown = id_as_shown(values.get(mapping.id_column))
                yield Rejection(line=line, record_id=shown, reason=error.message)


# -- JSON Lines -------------------------------------------------------------------------------


def _json_lines(stream: BinaryIO, mapping: Mapping, opening: ExitStack) -> Iterator[_Raw]:
    del mapping, opening  # fields may differ from line to line
    number = 0
    while line := stream.readline(MAX_LINE):
        number += 1
        if not line.endswith(b"\n") and len(line) == MAX_LINE:
            _skip_line(stream)
            yield number, f"the line is longer than {MAX_LINE:,} bytes"
        elif line.strip():
            yield number, _json_object(line.removeprefix(b"\xef\xbb\xbf"))


def _json_object(line: bytes) -> dict[str, object] | str:
    try:
        value = json.loads(line.decode(), parse_constant=_no_constant)
    except UnicodeDecodeError:
        return "the line is not UTF-8 text"
    except RecursionError:
        return "the line is nested too deeply"
    except json.JSONDecodeError as error:
        return f"the line is not JSON: {error.msg} at column {error.colno}"
    except ValueError as error:
        return f"the line is not JSON: {error}"
    return value if isinstance(value, dict) else "the line is not a JSON object"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _skip_line(stream: BinaryIO) -> None:
    while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
        pass


# -- CSV --------------------------------------------------------------------------------------


def _csv(stream: BinaryIO, mapping: Mapping, opening: ExitStack) -> Iterator[_Raw]:
    csv.field_size_limit(MAX_LINE)
    # What is not UTF-8 becomes surrogates, so that one bad byte costs its row and not the file.
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    opening.callback(text.detach)  # or it would close the stream, which is the caller's
    reader = csv.reader(_limited(text), strict=True)
    try:
        header = next(reader, [])
    except csv.Error as error:
        refuse(f"the first line is not CSV: {error}")
    if not _is_utf8(header):
        refuse("the file is not UTF-8: save it as UTF-8")
    check_header(header)
    mapping.check_columns(header)
    return _csv_rows(reader, header, numbers=mapping.typed(header))


def _csv_rows(reader: CsvReader, header: list[str], *, numbers: bool) -> Iterator[_Raw]:
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, f"the row is not CSV: {error}"
            continue
        if not cells:
            continue
        if len(cells) != len(header):
            yield line, f"the row has {len(cells)} cells, the header {len(header)}"
        elif not _is_utf8(cells):
            yield line, "the row is not UTF-8 text"
        else:
            values = [_number(cell) if numbers else cell or None for cell in cells]
            yield line, dict(zip(header, values, strict=True))


def _limited(text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    while line := text.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
            refuse(f"line {number} is longer than {MAX_LINE:,} characters")
        yield line


_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)?\.?\d+([eE][+-]?\d{1,3})?")


def _number(cell: str) -> object:
    """A cell of a table: a number if it is written as one; `007` and `+1` stay text."""
    if not cell:
        return None
    if _WHOLE.fullmatch(cell):
        return int(cell)
    if ("." in cell or "e" in cell.lower()) and _DECIMAL.fullmatch(cell):
        return float(cell)
    return cell


def _is_utf8(cells: list[str]) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return False
    return True


# -- Parquet ----------------------------------------------------------------------------------


def _parquet(stream: BinaryIO, mapping: Mapping, opening: ExitStack) -> Iterator[_Raw]:
    del opening  # Arrow closes nothing that it was given
    return parquet_rows(stream, mapping)


_READERS: dict[Format, Callable[[BinaryIO, Mapping, ExitStack], Iterator[_Raw]]] = {
    Format.JSON_LINES: _json_lines,
    Format.CSV: _csv,
    Format.PARQUET: _parquet,
}
