"""Ways to tamper with what a round left behind, each undone at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, delete, select, text
from sqlalchemy.dialects.postgresql import insert

from storage.tables import metadata


@contextmanager
def tampered(engine: Engine, table: str, sql: str) -> Iterator[None]:
    """The table after somebody with access to the database ran the statement."""
    rows = metadata.tables[table]
    with engine.begin() as connection:
        before = [dict(row) for row in connection.execute(select(rows)).mappings()]
        # Whoever owns a table can make it forget its rules.
        connection.execute(text(f"alter table {table} disable trigger user"))
        changed = connection.execute(text(sql)).rowcount
    assert changed > 0, "the statement tampered with nothing"
    try:
        yield
    finally:
        keys = list(rows.primary_key.columns)
        with engine.begin() as connection:
            for row in connection.execute(select(*keys)).all():
                if not any(
                    all(each[k.name] == getattr(row, k.name) for k in keys) for each in before
                ):
                    connection.execute(
                        delete(rows).where(*(k == getattr(row, k.name) for k in keys))
                    )
            for each in before:
                statement = insert(rows).values(each)
                connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=each))
            connection.execute(text(f"alter table {table} enable trigger user"))


@contextmanager
def rewritten(path: Path, data: bytes) -> Iterator[None]:
    """The file with other bytes."""
    before, mode = path.read_bytes(), path.stat().st_mode
    path.chmod(mode | 0o200)
    path.write_bytes(data)
    try:
        yield
    finally:
        path.write_bytes(before)
        path.chmod(mode)


@contextmanager
def added(path: Path) -> Iterator[None]:
    path.write_text("nobody published this")
    try:
        yield
    finally:
        path.unlink()


@contextmanager
def removed(path: Path) -> Iterator[None]:
    before = path.read_bytes()
    path.unlink()
    try:
        yield
    finally:
        path.write_bytes(before)


def flipped(path: Path) -> bytes:
    """The file's bytes with one bit of the middle one turned over."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    return bytes(data)
