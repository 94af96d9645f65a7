"""The checks of a dataset that waits for approval find what they say they look for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from api.dataset_checks import DatasetCheck, check_candidate
from domain.canonical import Sha256
from domain.ids import RecordId, RoundId
from domain.roles import DatasetRole, DatasetRow
from storage.artifacts import ArtifactStore
from storage.database import engine
from storage.dataset_rows import write_rows

pytestmark = pytest.mark.slow

Row = tuple[str, str, str, str | None, int]
"""Record, content, role, arm, and the version that brought it in."""


def checked(connection: Connection, folder: Path, rows: list[Row]) -> dict[str, DatasetCheck]:
    store = ArtifactStore(folder)
    written = write_rows(
        store,
        [
            DatasetRow(
                record_id=RecordId(record_id),
                content_digest=Sha256(content),
                role=DatasetRole(role),
                label="one",
                between=(),
                how="agreement",
                label_confidence=1.0,
                arm=arm,
                round_number=number,
            )
            for record_id, content, role, arm, number in rows
        ],
    )
    found = check_candidate(connection, store, RoundId("r"), rows=written, parent=None)
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
