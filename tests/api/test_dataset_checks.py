"""The checks of a dataset that waits for approval find what they say they look for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import Connection

from api.dataset_checks import DatasetCheck, check_candidate
from domain.canonical import Sha256
from domain.ids import RoundId
from storage.artifacts import ArtifactStore
from storage.database import engine

pytestmark = pytest.mark.slow

Row = tuple[str, str, str, str | None, int]
"""Record, content, role, arm, and the version that brought it in."""


def checked(connection: Connection, folder: Path, rows: list[Row]) -> dict[str, DatasetCheck]:
    store = ArtifactStore(folder)
    names = ("record_id", "content_digest", "role", "arm", "round_number")
    table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])
    found = check_candidate(
        connection, store, RoundId("r"), rows=Sha256(store.put_table(table)), parent=None
    )
    return {check.promise.split()[0]: check for check in found}


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    connected = engine(database)
    with connected.connect() as connection:
        yield connection
    connected.dispose()


def test_a_dataset_that_keeps_its_promises_passes(connection: Connection, tmp_path: Path) -> None:
    rows: list[Row] = [
        ("a", "1", "train", "uncertain", 1),
        ("b", "2", "test", None, 0),
        ("c", "3", "validation", "random", 1),
    ]
    assert [each.broken for each in checked(connection, tmp_path, rows).values()] == [0, 0, 0]


def test_content_that_trains_and_tests_is_found(connection: Connection, tmp_path: Path) -> None:
    rows: list[Row] = [("a", "1", "train", "uncertain", 1), ("b", "1", "test", None, 0)]
    leak = checked(connection, tmp_path, rows)["Equal"]
    assert (leak.broken, leak.checked) == (2, 2)
    assert leak.words == "broken by 2 of 2 records"


def test_a_chosen_record_that_measures_is_found(connection: Connection, tmp_path: Path) -> None:
    rows: list[Row] = [("a", "1", "validation", "uncertain", 1), ("b", "2", "train", "random", 1)]
    assert checked(connection, tmp_path, rows)["Of"].broken == 1
