"""The moments of publishing: files written aside, folder moved, row written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, func, select, text

from storage.tables import dataset_versions
from tests.faults.people import eventually
from tests.faults.world import Round, World

WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO dataset_versions%'"
)


@contextmanager
def no_row_may_be_written(world: World) -> Iterator[Connection]:
    """Whoever publishes gets as far as the row of the new version, and waits there."""
    with world.engine.connect() as connection:
        connection.execute(text("LOCK TABLE dataset_versions IN SHARE MODE"))
        yield connection


def wait_for_the_row_to_wait(world: World) -> None:
    def waiting() -> bool:
        with world.engine.connect() as connection:
            return bool(connection.execute(WAITING).scalar_one())

    eventually("the worker waits to write the row", waiting)


def folders(world: World, round_: Round) -> set[str]:
    """The versions of the round's dataset on the disk, and what is in the making beside them."""
    root = world.datasets / round_.dataset
    return {path.name for path in (*root.glob("v*"), *root.glob(".staging/*"))}


def versions(world: World, round_: Round) -> int:
    with world.engine.connect() as connection:
        rows = dataset_versions.c.round_id == round_.round_id
        return connection.scalar(select(func.count()).where(rows)) or 0


def published(world: World, round_: Round) -> list[object]:
    """The version's row, and each of its files with the place where its bytes lie."""
    with world.engine.connect() as connection:
        rows = dataset_versions.c.round_id == round_.round_id
        row = connection.execute(select(dataset_versions).where(rows)).one()
    files = (world.datasets / round_.dataset).rglob("*.*")
    return [row, sorted((path, path.stat().st_ino, path.stat().st_mtime_ns) for path in files)]
