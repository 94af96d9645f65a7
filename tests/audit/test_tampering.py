"""An audit finds nothing in an honest round, and names whatever was tampered with."""

# ruff: noqa: S608 -- whoever tampers writes statements by hand

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from tests.audit.conftest import Ended
from tests.audit.tampering import added, flipped, removed, rewritten, tampered
from workers.audit import FindingKind

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


def one(ended: Ended, sql: str) -> str:
    with ended.world.engine.connect() as connection:
        return str(connection.execute(text(sql)).scalars().first())


def folder_of(ended: Ended) -> Path:
    assert ended.result.published is not None
    return Path(ended.result.published.path)


def kinds(found: Iterable[tuple[FindingKind, str]]) -> set[FindingKind]:
    return {kind for kind, _ in found}


async def test_an_honest_round_verifies(ended: Ended) -> None:
    report = await ended.verify()
    assert report.findings == ()
    assert report.verified
    assert report.replayed
    assert report.source == "live"
    assert report.ledger_head == ended.result.ledger_head
    assert report.histories == 3, "the round and two shards"
    assert report.notes == ("no history of this round is archived yet",)


async def test_a_changed_label_is_named_with_its_table_and_record(ended: Ended) -> None:
    review = one(ended, "select review_id from reviews where answer = 'label:sport'")
    record = one(ended, f"select record_id from reviews where review_id = '{review}'")
    sql = f"update reviews set answer = 'label:money' where review_id = '{review}'"
    with tampered(ended.world.engine, "reviews", sql):
        report = await ended.verify()
    [finding] = report.findings
    assert finding.kind is FindingKind.ROW_CHANGED
    assert finding.subject == f"table reviews, row {review}, column answer"
    assert (finding.expected, finding.found) == ("label:sport", "label:money")
    assert record in finding.message
    assert not report.verified


async def test_an_answer_that_was_given_to_another_content_is_named(ended: Ended) -> None:
    record = one(ended, "select record_id from batch_records order by ordinal limit 1")
    sql = f"update batch_records set content_digest = repeat('0', 64) where record_id = '{record}'"
    with tampered(ended.world.engine, "batch_records", sql):
        report = await ended.verify()
    named = [each for each in report.findings if each.kind is FindingKind.SHOWN_DIFFERS]
    assert len(named) >= 2, "two people reviewed it"
    assert all(each.subject.endswith(f"record {record}") for each in named)


@pytest.mark.parametrize(
    ("table", "change", "column"),
    [
        ("reviews", "rationale = 'something else'", "rationale"),
        ("reviews", "account_id = 'somebody'", "account_id"),
        ("reviews", "confidence = 0.1", "confidence"),
        ("reviews", "seconds = seconds + 1", "seconds"),
        ("reviews", "guideline = 'news@2'", "guideline"),
        ("reviews", "sequence = sequence + 1000", "sequence"),
        ("reviews", "submitted_at = submitted_at + interval '1 hour'", "submitted_at"),
        ("reviews", "decided_at = decided_at + interval '1 hour'", "decided_at"),
        ("reviews", "verdict = jsonb_set(verdict, '{label}', '\"other\"')", "verdict"),
        ("reviews", "status = 'refused', refusal = 'too late'", "status"),
        ("outcomes", "label = 'other'", "label"),
        ("outcomes", "how = 'deadline'", "how"),
        ("outcomes", "label_confidence = 0.1", "label_confidence"),
        ("tasks", "status = 'closed', review_id = null", "status"),
        ("batch_records", "score = coalesce(score, 0) + 1", "score"),
        ("batch_records", "arm = 'another'", "arm"),
        ("rounds", "ledger_head = repeat('0', 64)", "ledger_head"),
        ("rounds", "phase = 'cancelled'", "phase"),
        ("rounds", "requested_by = 'somebody'", "requested_by"),
        ("rounds", "summary = jsonb_set(summary, '{quality,agreed}', '999')", "summary"),
        ("evaluations", "body = jsonb_set(body, '{lift}', '0.5')", "body"),
        ("dataset_versions", "approved_by = 'somebody'", "approved_by"),
        ("dataset_versions", "digest = repeat('0', 64)", "digest"),
        ("dataset_versions", "manifest = manifest || '{\"records\": 1}'", "manifest"),
    ],
)
async def test_a_changed_column_is_named(
    ended: Ended, table: str, change: str, column: str
) -> None:
    which = f"ctid = (select ctid from {table} where round_id = '{ended.round_id}' limit 1)"
    with tampered(ended.world.engine, table, f"update {table} set {change} where {which}"):
        found = await ended.differences()
    assert kinds(found) == {FindingKind.ROW_CHANGED}
    named = [subject for _, subject in found]
    assert any(
        subject.startswith(f"table {table}, row ") and subject.endswith(f", column {column}")
        for subject in named
    ), named


async def test_a_removed_review_is_named(ended: Ended) -> None:
    review = one(ended, "select review_id from reviews order by 1")
    sql = f"delete from reviews where review_id = '{review}'"
    with tampered(ended.world.engine, "reviews", sql):
        found = await ended.differences()
    assert found == [(FindingKind.ROW_MISSING, f"table reviews, row {review}")]


async def test_an_added_review_is_named(ended: Ended) -> None:
    columns = "round_id, shard, task_id, record_id, kind, account_id, reviewer, verdict, answer, "
    columns += "confidence, rationale, seconds, guideline, submitted_at, decided_at, look, status, "
    columns += "refusal"
    sql = f"""insert into reviews (review_id, sequence, {columns})
              select 'invented', 999, {columns} from reviews limit 1"""
    with tampered(ended.world.engine, "reviews", sql):
        found = await ended.differences()
    assert found == [(FindingKind.ROW_ADDED, "table reviews, row invented")]


async def test_a_flipped_byte_names_the_file(ended: Ended) -> None:
    files = sorted(folder_of(ended).glob("*.parquet"))
    assert len(files) >= 2
    for path in files:
        with rewritten(path, flipped(path)):
            found = await ended.differences()
        assert (FindingKind.FILE_ALTERED, str(path)) in found
        assert all(str(path) in subject or kind is FindingKind.DIGEST_DIFFERS
                   for kind, subject in found)  # fmt: skip


async def test_a_label_changed_in_a_file_names_the_record(ended: Ended) -> None:
    path = folder_of(ended) / "train.parquet"
    table = pq.read_table(path)
    labels = table["label"].to_pylist()
    labels[0] = "money" if labels[0] == "sport" else "sport"
    place = table.schema.get_field_index("label")
    changed = pa.BufferOutputStream()
    pq.write_table(table.set_column(place, "label", pa.array(labels)), changed)
    with rewritten(path, changed.getvalue().to_pybytes()):
        found = await ended.differences()
    record = table["record_id"][0].as_py()
    assert (FindingKind.FILE_ALTERED, str(path)) in found
    assert (FindingKind.DATASET_ROW_DIFFERS, f"{path}, record {record}") in found
    assert (FindingKind.DIGEST_DIFFERS, str(path.parent)) in found


async def test_a_file_more_and_a_file_less_are_named(ended: Ended) -> None:
    folder = folder_of(ended)
    with added(folder / "notes.txt"):
        assert await ended.differences() == [(FindingKind.FILE_ADDED, str(folder / "notes.txt"))]
    with removed(folder / "train.parquet"):
        assert await ended.differences() == [
            (FindingKind.FILE_MISSING, str(folder / "train.parquet"))
        ]


async def test_an_edited_manifest_is_named(ended: Ended) -> None:
    path = folder_of(ended) / "manifest.json"
    manifest = json.loads(path.read_bytes()) | {"approved_by": "somebody else"}
    with rewritten(path, json.dumps(manifest).encode()):
        assert await ended.differences() == [(FindingKind.FILE_ALTERED, str(path))]


async def test_a_changed_artifact_is_named(ended: Ended) -> None:
    batch = ended.world.round(ended.round_id).summary["batch"]
    assert isinstance(batch, dict)
    path = Path(ended.world.store.path_of(batch["artifact"]))
    with rewritten(path, flipped(path)):
        found = await ended.differences()
    assert (FindingKind.ARTIFACT_ALTERED, f"artifact {batch['artifact']}") in found


async def test_everything_is_as_it_was_after_all_this(ended: Ended) -> None:
    assert await ended.differences() == []
