"""What a pool is made of, and its records by the beginning of their id, as far as one may see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text

from domain.routing import Clearance
from storage import visibility
from storage.database import engine as connect
from storage.pool_profile import pool_profile, search_records
from storage.visibility import seeing
from tests.storage.samples import POOL, import_lines, make_pool


@pytest.fixture(scope="module")
def guarded(storage_engine: Engine) -> Iterator[Engine]:
    """As the API has it, over the same database."""
    engine = connect(storage_engine.url.render_as_string(hide_password=False), connections=3)
    yield visibility.guard(engine)
    engine.dispose()


def found(guarded: Engine, words: str) -> list[str]:
    with guarded.begin() as connection:
        return [each.record_id for each in search_records(connection, POOL, words, limit=10)]


def test_a_search_finds_the_ids_that_begin_so_and_takes_signs_as_they_are(
    engine: Engine, guarded: Engine
) -> None:
    make_pool(engine)
    ids = ("a%1", "ab1", "a_1", "a_2", "a_\U0001f600", "b", "A_1")
    import_lines(engine, [{"id": each, "text": each} for each in ids])
    assert found(guarded, "a_") == ["a_1", "a_2", "a_\U0001f600"]
    assert found(guarded, "a%") == ["a%1"]
    assert found(guarded, "c") == []


def test_a_search_and_a_profile_leave_out_what_the_reader_is_not_cleared_for(
    engine: Engine, guarded: Engine
) -> None:
    make_pool(engine)
    hidden = {"sensitivity": "restricted", "segment": "court"}
    import_lines(
        engine,
        [
            {"id": "a1", "text": "one", "segment": "shop"},
            {"id": "a2", "text": "two", "label": "billing", "role": "train"} | hidden,
        ],
    )
    with seeing(Clearance.PUBLIC):
        assert found(guarded, "a") == ["a1"]
        with guarded.begin() as connection:
            seen = pool_profile(connection, POOL, records_in_it=1)
    assert (seen.labels, seen.roles, seen.levels) == ({}, {None: 1}, {0: 1})
    assert [value for each in seen.columns for value, _ in each.values] == ["shop"]
    with seeing(Clearance.RESTRICTED):
        assert found(guarded, "a") == ["a1", "a2"]


def test_a_search_does_not_read_the_whole_pool_beneath_row_level_security(
    engine: Engine, guarded: Engine
) -> None:
    make_pool(engine)
    import_lines(engine, [{"id": f"t{n:05}", "text": f"text {n}"} for n in range(3_000)])
    with engine.begin() as connection:
        connection.execute(text("ANALYZE records"))
    with guarded.begin() as connection:
        before = _read_through(connection)
        assert len(search_records(connection, POOL, "t0150", limit=50)) == 10
        assert _read_through(connection) == before


def _read_through(connection: Connection) -> int:
    """How often this transaction has read the records from end to end."""
    scans = text("SELECT pg_stat_get_xact_numscans('records'::regclass)")
    return int(connection.execute(scans).scalar_one())
