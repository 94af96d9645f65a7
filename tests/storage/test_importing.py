"""Imports: every row is counted, twice changes nothing, a crash leaves whole chunks."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, func, select

from domain.errors import NotFound
from domain.ids import AccountId, RecordId
from domain.records import Content, KnownRole, Record
from storage import chunks, tasks
from storage.importing import ImportReport, get_import, import_records
from storage.pools import count_eligible, get_pool, get_record, iterate_snapshot, list_records
from storage.readers import Rejection, Row
from storage.tables import imports, records
from tests.storage.samples import POOL, import_lines, make_pool, make_round, review_task, schema


def line(n: int, text: str = "", **fields: object) -> dict[str, object]:
    return {"id": f"t{n:04}", "text": text or f"text {n}"} | fields


def counts(report: ImportReport) -> tuple[int, int, int, int, int]:
    assert report.accepted + report.unchanged + report.rejected == report.read
    return report.read, report.accepted, report.updated, report.unchanged, report.rejected


def feed(engine: Engine, rows: Iterator[Row | Rejection]) -> ImportReport:
    return import_records(
        engine,
        POOL,
        rows,
        schema=schema(),
        created_by=AccountId("acc-team"),
        file_name="made up",
    )


def rows(numbers: range, *, text: str = "text") -> Iterator[Row]:
    for n in numbers:
        content = Content({"text": f"{text} {n}"})
        yield Row(line=n + 1, record=Record(record_id=RecordId(f"t{n:07}"), content=content))


def test_importing_a_file_twice_changes_nothing(engine: Engine) -> None:
    make_pool(engine)
    file = [line(0, label="billing"), line(1, label="other", role="test"), line(2)]
    assert counts(import_lines(engine, file)) == (3, 3, 0, 0, 0)
    assert counts(import_lines(engine, file)) == (3, 0, 0, 3, 0)
    with engine.begin() as connection:
        pool = get_pool(connection, POOL)
        assert (pool.records, pool.labelled_train, pool.labelled_test) == (3, 1, 1)
        assert count_eligible(connection, POOL) == 1
        assert get_record(connection, POOL, RecordId("t0001")).role is KnownRole.TEST
        assert [each.record_id for each in list_records(connection, POOL, limit=2)] == [
            "t0000",
            "t0001",
        ]


def test_a_record_that_comes_with_other_content_is_updated(engine: Engine) -> None:
    make_pool(engine)
    import_lines(engine, [line(0), line(1)])
    assert counts(import_lines(engine, [line(0, "new text"), line(1)])) == (2, 1, 1, 1, 0)
    with engine.begin() as connection:
        changed = get_record(connection, POOL, RecordId("t0000"))
    assert changed.content == {"text": "new text"}


def test_a_record_that_comes_with_a_label_is_updated_though_its_content_is_the_same(
    engine: Engine,
) -> None:
    make_pool(engine)
    import_lines(engine, [line(0), line(1)])
    assert counts(import_lines(engine, [line(0, label="billing"), line(1)])) == (2, 1, 1, 1, 0)
    with engine.begin() as connection:
        assert get_record(connection, POOL, RecordId("t0000")).label == "billing"


def test_an_open_task_shows_what_its_round_selected(engine: Engine) -> None:
    make_round(engine, records=1)
    import_lines(engine, [line(0, "new text")])
    import_lines(engine, [line(0, "newer text")])
    with engine.begin() as connection:
        detail = tasks.get_task(connection, review_task())
    assert detail.content == {"text": "text 0"}


def test_a_record_twice_in_a_file_is_unchanged_or_rejected(engine: Engine) -> None:
    make_pool(engine)
    report = import_lines(engine, [line(0), line(1), line(0), line(1, "another text")])
    assert counts(report) == (4, 2, 0, 1, 1)
    [rejection] = report.rejections
    assert (rejection.line, rejection.record_id) == (4, "t0001")
    assert "line 2" in rejection.reason


def test_a_record_twice_is_found_across_chunks(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 2)
    make_pool(engine)
    file = [line(0), line(1), line(0), line(1, "another text"), line(2)]
    report = import_lines(engine, file)
    assert counts(report) == (5, 3, 0, 1, 1)
    assert "line 2" in report.rejections[0].reason


def test_a_label_that_the_schema_lacks_is_rejected(engine: Engine) -> None:
    make_pool(engine)
    report = import_lines(engine, [line(0, label="billing"), line(1, label="refunds")])
    assert counts(report) == (2, 1, 0, 0, 1)
    assert report.rejections[0].reason == "“refunds” is not a label of topics@1"


def test_a_report_names_the_first_thousand_rejections_and_counts_all(engine: Engine) -> None:
    make_pool(engine)
    report = feed(engine, (Rejection(line=n, record_id=None, reason="no") for n in range(1, 6_001)))
    assert counts(report) == (6_000, 0, 0, 0, 6_000)
    assert [each.line for each in report.rejections] == list(range(1, 1_001))
    with engine.begin() as connection:
        mine = AccountId("acc-team")
        assert get_import(connection, report.import_id, pool_id=POOL, created_by=mine) == report
        another = AccountId("acc-other")
        with pytest.raises(NotFound):
            get_import(connection, report.import_id, pool_id=POOL, created_by=another)


def test_what_breaks_off_between_chunks_leaves_whole_chunks_and_can_be_repeated(
    engine: Engine,
) -> None:
    make_pool(engine)

    def broken() -> Iterator[Row]:
        yield from rows(range(7_000))
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        feed(engine, broken())
    with engine.begin() as connection:
        assert _stored(connection) == 5_000
        [left] = connection.execute(select(imports)).all()
    assert (left.read, left.accepted, left.finished_at) == (5_000, 5_000, None)

    assert counts(feed(engine, rows(range(8_000)))) == (8_000, 3_000, 0, 5_000, 0)


def test_a_crash_inside_a_chunk_leaves_nothing_of_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_pool(engine)

    def crash(*_: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr("storage.importing.to_json", crash)
    with pytest.raises(RuntimeError, match="killed"):
        feed(engine, rows(range(10)))
    with engine.begin() as connection:
        assert _stored(connection) == 0


def test_a_large_file_is_never_in_memory_whole(engine: Engine) -> None:
    make_pool(engine)
    seen = []
    tracemalloc.start()
    try:
        report = import_records(
            engine,
            POOL,
            rows(range(20_000), text="x" * 2_000),
            schema=None,
            created_by=AccountId("acc-team"),
            file_name="large",
            progress=lambda sofar: seen.append(sofar.read),
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert counts(report) == (20_000, 20_000, 0, 0, 0)
    assert seen == list(range(5_000, 20_001, 5_000))
    assert peak < 35 * 1024 * 1024, f"{peak:,}: the file is 40 MB; a chunk of it is 10"


def test_a_snapshot_comes_in_partitions_ordered_by_bytes(engine: Engine) -> None:
    make_pool(engine)
    ids = ["b", "B", "a", "é", "Z", "_", "10", "9"]
    import_lines(engine, [{"id": each, "text": f"text {each}"} for each in ids])
    with engine.begin() as connection:
        partitions = list(iterate_snapshot(connection, POOL, 3))
    assert [each.num_rows for each in partitions] == [3, 3, 2]
    found = [record_id for each in partitions for record_id in each["record_id"].to_pylist()]
    assert found == sorted(ids, key=str.encode)


def test_what_postgresql_escapes_comes_back_as_it_was(engine: Engine) -> None:
    make_pool(engine)
    text = 'tab\t back\\slash \\N "quotes" new\nline return\r 😀 \\u0000'
    import_lines(engine, [line(0, text, source=[1e16, 1.0, -0.0, "\x00"])])
    with engine.begin() as connection:
        record = get_record(connection, POOL, RecordId("t0000"))
        digest = connection.scalar(select(records.c.content_digest))
    assert record.content == {"text": text}
    assert record.content_digest == digest


def _stored(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(records)).scalar_one()
