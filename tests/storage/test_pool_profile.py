"""What a pool is made of, and its records by the beginning of their id, as far as one may see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text

from domain.routing import Clearance
from storage import visibility
from storage.database import engine as connect
from storage.pool_profile import Duplicates, Step, pool_profile, search_records
from storage.visibility import seeing
from tests.storage.samples import NOON, POOL, import_lines, make_pool


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


def came(engine: Engine, when: str, *record_ids: str) -> None:
    """The latest import, and these of its records, came at another time than now."""
    latest = "(SELECT import_id FROM imports ORDER BY created_at DESC LIMIT 1)"
    with engine.begin() as connection:
        connection.execute(
            text(f"UPDATE imports SET created_at = :when WHERE import_id = {latest}"),  # noqa: S608
            {"when": when},
        )
        connection.execute(
            text("UPDATE records SET created_at = :when WHERE record_id = ANY (:ids)"),
            {"when": when, "ids": list(record_ids)},
        )


@pytest.mark.parametrize(
    ("last", "step", "points"),
    [
        ("2026-03-01T12:00:59Z", Step.MINUTE, [("2026-03-01T12:00", 3)]),
        (
            "2026-03-01T13:05:00Z",
            Step.MINUTE,
            [("2026-03-01T12:00", 2), ("2026-03-01T13:05", 3)],
        ),
        ("2026-03-03T01:30:00Z", Step.HOUR, [("2026-03-01T12:00", 2), ("2026-03-03T01:00", 3)]),
        ("2026-03-31T23:30:00Z", Step.DAY, [("2026-03-01T00:00", 2), ("2026-03-31T00:00", 3)]),
        ("2027-01-20T12:00:00Z", Step.MONTH, [("2026-03-01T00:00", 2), ("2027-01-01T00:00", 3)]),
    ],
)
def test_growth_sums_up_records_by_when_they_came_in_steps_that_can_be_read(
    engine: Engine, guarded: Engine, last: str, step: Step, points: list[tuple[str, int]]
) -> None:
    make_pool(engine)
    for record_id, when in (("a", "2026-03-01T12:00:10Z"), ("b", NOON), ("c", last)):
        import_lines(engine, [{"id": record_id, "text": record_id}])
        came(engine, when, record_id)
    # A record that is replaced stays one of when it came first.
    import_lines(engine, [{"id": "a", "text": "another text"}])
    came(engine, last)
    with guarded.begin() as connection:
        growth = pool_profile(connection, POOL, records_in_it=3).growth
    assert (growth.step, [(at[:16], sum_) for at, sum_ in growth.points]) == (step, points)


def test_growth_and_duplicates_are_of_what_the_reader_may_see(
    engine: Engine, guarded: Engine
) -> None:
    make_pool(engine)
    twins = [{"id": f"t{n}", "text": "the same"} for n in range(3)]
    hidden = [{"id": f"h{n}", "text": "hidden", "sensitivity": "restricted"} for n in range(2)]
    alike = {"id": "x", "text": "the same", "sensitivity": "restricted"}
    import_lines(engine, [{"id": "a", "text": "alone"}, *twins, *hidden, alike])
    for clearance, duplicates, among in ((Clearance.PUBLIC, 2, 4), (Clearance.RESTRICTED, 4, 7)):
        with seeing(clearance), guarded.begin() as connection:
            found = pool_profile(connection, POOL, records_in_it=among)
        assert found.duplicates == Duplicates(records=duplicates, among=among)
        assert [records for _, records in found.growth.points] == [among]


def test_of_a_large_pool_a_fair_share_of_the_contents_is_compared_with_all_their_records(
    engine: Engine, guarded: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.pool_profile.DIGESTS", 1_000)
    make_pool(engine)
    rows = [{"id": f"t{n:05}", "text": f"text {n // 2}"} for n in range(4_000)]
    import_lines(engine, rows)
    with guarded.begin() as connection:
        found = pool_profile(connection, POOL, records_in_it=4_000).duplicates
    assert 800 < found.among < 1_200
    assert found.records == found.among / 2


def test_an_empty_pool_has_neither_growth_nor_duplicates(engine: Engine, guarded: Engine) -> None:
    make_pool(engine)
    with guarded.begin() as connection:
        found = pool_profile(connection, POOL, records_in_it=0)
    assert (found.growth.points, found.duplicates) == ([], Duplicates(records=0, among=0))


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
