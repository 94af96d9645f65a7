"""Ways to tamper beside a running system, by seed: tables, published files, archived histories."""

# ruff: noqa: S608 -- whoever tampers writes statements by hand

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from domain.canonical import digest_bytes
from storage.artifacts import ArtifactStore
from storage.histories import histories_of
from storage.round_rows import rows_of_round
from storage.tables import metadata
from tests.audit.conftest import Ended
from tests.audit.tampering import added, removed, rewritten, tampered

CHANGES: dict[str, dict[str, str]] = {
    "reviews": {
        "rationale": "'something else'",
        "account_id": "'somebody'",
        "confidence": "0.123",
        "seconds": "seconds + 1",
        "guideline": "'news@2'",
        "sequence": "sequence + 1000",
        "submitted_at": "submitted_at + interval '1 hour'",
        "decided_at": "decided_at + interval '1 hour'",
        "verdict": "jsonb_set(verdict, '{label}', '\"other\"')",
        "answer": "'label:other'",
    },
    "outcomes": {
        "label": "'other'",
        "how": "'deadline'",
        "label_confidence": "0.123",
        "reviews": "reviews + 1",
        "decided_at": "decided_at + interval '1 hour'",
    },
    "batch_records": {
        "score": "coalesce(score, 0) + 1",
        "arm": "'another'",
        "rank": "rank + 100",
        "reason": "'because'",
    },
    "rounds": {
        "ledger_head": "repeat('0', 64)",
        "ledger_length": "ledger_length + 1",
        "phase": "'cancelled'",
        "requested_by": "'somebody'",
        "dataset": "'another'",
    },
    "evaluations": {"body": "jsonb_set(body, '{lift}', '0.5')"},
    "dataset_versions": {
        "approved_by": "'somebody'",
        "digest": "repeat('0', 64)",
        "rows": "rows + 1",
        "manifest": "manifest || '{\"records\": 1}'",
    },
}
"""Table → column → what somebody with access to the database writes there."""


@dataclass(frozen=True, kw_only=True)
class Tampering:
    what: str
    places: tuple[str, ...]
    live: bool = True
    """Whether Temporal is asked; an archived history counts where it does not answer."""


@contextmanager
def tampered_outside(ended: Ended, seed: int) -> Iterator[Tampering]:
    """The tampering of that seed, undone at the end."""
    rng = random.Random(seed)
    with OUTSIDE[rng.choice(list(OUTSIDE))](ended, rng) as tampering:
        yield tampering


@contextmanager
def changed_row(ended: Ended, rng: random.Random) -> Iterator[Tampering]:
    table = rng.choice(list(CHANGES))
    column = rng.choice(list(CHANGES[table]))
    where = _row(ended, table, rng)
    sql = f"update {table} set {column} = {CHANGES[table][column]} where {where}"
    with tampered(ended.world.engine, table, sql):
        yield Tampering(what=f"changed {table}", places=(f"table {table}, row ",))


@contextmanager
def removed_row(ended: Ended, rng: random.Random) -> Iterator[Tampering]:
    table = rng.choice(["reviews", "outcomes", "evaluations"])
    sql = f"delete from {table} where {_row(ended, table, rng)}"
    with tampered(ended.world.engine, table, sql):
        yield Tampering(what=f"removed from {table}", places=(f"table {table}, row ",))


@contextmanager
def altered_file(ended: Ended, rng: random.Random) -> Iterator[Tampering]:
    path = _published(ended, rng)
    data = bytearray(path.read_bytes())
    bit = rng.randrange(len(data) * 8)
    data[bit // 8] ^= 1 << bit % 8
    with rewritten(path, bytes(data)):
        yield Tampering(what="published file", places=(str(path),))


@contextmanager
def lost_file(ended: Ended, rng: random.Random) -> Iterator[Tampering]:
    path = _published(ended, rng)
    with removed(path):
        yield Tampering(what="published file lost", places=(str(path),))


@contextmanager
def added_file(ended: Ended, rng: random.Random) -> Iterator[Tampering]:
    path = _published(ended, rng).with_name(f"more-{rng.randrange(1_000)}.parquet")
    with added(path):
        yield Tampering(what="published file added", places=(str(path),))


@contextmanager
def altered_artifact(ended: Ended, rng: random.Random) -> Iterator[Tampering]:
    """The batch, or its routes: one bit."""
    world = ended.world
    sha256 = str(world.round(ended.round_id).summary["batch"]["artifact"])
    path = Path(world.store.path_of(sha256))  # type: ignore[arg-type]
    data = bytearray(path.read_bytes())
    bit = rng.randrange(len(data) * 8)
    data[bit // 8] ^= 1 << bit % 8
    with rewritten(path, bytes(data)):
        yield Tampering(what="artifact", places=(f"artifact {sha256}",))


@contextmanager
def altered_archive(ended: Ended, rng: random.Random) -> Iterator[Tampering]:
    """A bit of an archived history; whether Temporal answers or not."""
    with ended.world.engine.connect() as connection:
        row = rng.choice(histories_of(connection, ended.round_id))
    path = Path(ended.world.store.path_of(row.sha256))
    data = bytearray(path.read_bytes())
    bit = rng.randrange(len(data) * 8)
    data[bit // 8] ^= 1 << bit % 8
    place = f"archived history {row.workflow_id} run {row.run_id}"
    with rewritten(path, bytes(data)):
        yield Tampering(what="archived history", places=(place,), live=rng.random() < 0.5)


@contextmanager
def exchanged_archive(ended: Ended, rng: random.Random) -> Iterator[Tampering]:
    """Another history under its own digest, and the row that names it changed."""
    store: ArtifactStore = ended.world.store
    with ended.world.engine.connect() as connection:
        rows = histories_of(connection, ended.round_id)
    row, other = rng.sample(rows, 2)
    assert digest_bytes(store.get(other.sha256)) == other.sha256
    sql = f"""update archived_histories set sha256 = '{other.sha256}'
              where workflow_id = '{row.workflow_id}' and run_id = '{row.run_id}'"""
    place = f"archived history {row.workflow_id} run {row.run_id}"
    with tampered(ended.world.engine, "archived_histories", sql):
        yield Tampering(what="archived history exchanged", places=(place,))


OUTSIDE = {
    "changed row": changed_row,
    "removed row": removed_row,
    "altered file": altered_file,
    "lost file": lost_file,
    "added file": added_file,
    "altered artifact": altered_artifact,
    "altered archive": altered_archive,
    "exchanged archive": exchanged_archive,
}


def _row(ended: Ended, table: str, rng: random.Random) -> str:
    """A row of the round's, as a condition."""
    with ended.world.engine.connect() as connection:
        rows = rows_of_round(connection, metadata.tables[table], ended.round_id)
        at = rng.randrange(len(rows))
        where = f"round_id = '{ended.round_id}'"
        statement = text(f"select ctid from {table} where {where} order by 1 offset {at} limit 1")
        return f"ctid = '{connection.execute(statement).scalar_one()}'"


def _published(ended: Ended, rng: random.Random) -> Path:
    published = ended.result.published
    assert published is not None
    return rng.choice(sorted(Path(published.path).iterdir()))
