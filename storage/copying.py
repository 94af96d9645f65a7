"""Many rows at once: COPY into a temporary table, from which one statement goes on."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from secrets import token_hex
from typing import TYPE_CHECKING, cast

from sqlalchemy import Column, Connection, MetaData, Table
from sqlalchemy.schema import CreateTable

if TYPE_CHECKING:
    import psycopg2.extensions

Cell = str | int | float | None


def copy_rows(
    connection: Connection,
    like: Table,
    rows: Iterable[Mapping[str, Cell]],
    *,
    extra: Iterable[Column[int]] = (),
) -> Table:
    """A temporary table with the rows, gone when the transaction ends.

    It has the columns of `like` that the first row names, then `extra`. Rows are streamed.
    """
    stream = iter(rows)
    first = next(stream, None)
    extra = list(extra)
    names = [
        column.name for column in (*like.columns, *extra) if first is None or column.name in first
    ]
    staged = Table(
        f"staged_{token_hex(8)}",
        MetaData(),
        *(Column(name, like.c[name].type) for name in names if name in like.c),
        *extra,
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DROP",
    )
    connection.execute(CreateTable(staged))
    if first is None:
        return staged
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in names)
    lines = _lines((first, stream), names)
    driver = cast("psycopg2.extensions.cursor", connection.connection.cursor())
    with driver as cursor:
        cursor.copy_expert(f"COPY {quote(staged.name)} ({columns}) FROM STDIN", _Lines(lines))
    return staged


def _lines(
    rows: tuple[Mapping[str, Cell], Iterator[Mapping[str, Cell]]], names: list[str]
) -> Iterator[bytes]:
    first, rest = rows
    yield _line(first, names)
    for row in rest:
        yield _line(row, names)


def _line(row: Mapping[str, Cell], names: list[str]) -> bytes:
    return ("\t".join(_cell(row[name]) for name in names) + "\n").encode()


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _cell(value: Cell) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    return repr(value)


class _Lines(io.RawIOBase):
    """What COPY reads from: at each call as many whole lines as it asks for, or what is left."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = lines
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts, held = [self._rest], len(self._rest)
        while size < 0 or held < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            parts.append(piece)
            held += len(piece)
        data = b"".join(parts)
        if size < 0:
            size = len(data)
        self._rest = data[size:]
        return data[:size]
