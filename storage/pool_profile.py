"""What a pool is made of: counts over what the reader may see, and a sample for the rest."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from domain.ids import AccountId, PoolId, RoundId, Timestamp
from domain.records import Record
from domain.rounds import Phase
from storage.pools import record
from storage.tables import imports, records, rounds
from storage.visibility import visible

SAMPLE = 10_000
"""Records whose metadata are read; of a larger pool, those that a hash of their id chooses."""
VALUES = 8
LAST_CHARACTER = "\U0010ffff"
"""Nothing that an id holds comes after it, by bytes."""
COLUMNS = ("source", "segment", "language", "market", "risk", "quality_status")


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    name: str
    missing: int
    """Of the sample."""
    values: list[tuple[str, int]]
    """The most frequent ones."""
    others: int
    """Records with any other value."""


@dataclass(frozen=True, kw_only=True)
class ImportOfPool:
    import_id: str
    created_by: AccountId
    file_name: str
    accepted: int
    updated: int
    rejected: int
    finished_at: Timestamp | None


@dataclass(frozen=True, kw_only=True)
class PoolProfile:
    roles: dict[str | None, int]
    """Records by what their known label may be used for; none: no label is known."""
    labels: dict[str, int]
    levels: dict[int, int]
    """Records by the clearance that it takes to see them."""
    sampled: int
    columns: list[ColumnProfile]
    median_bytes: float | None
    """Of the sample's contents, as canonical JSON."""
    imports: list[ImportOfPool]
    open_rounds: list[RoundId]


def pool_profile(connection: Connection, pool_id: PoolId, *, records_in_it: int) -> PoolProfile:
    """`records_in_it` is how many there are, by which the sample is drawn."""
    here = (records.c.pool_id == pool_id, visible(connection, records))
    every = max(1, -(-records_in_it // SAMPLE))
    sample = connection.execute(
        select(records.c.metadata, func.length(records.c.content).label("size")).where(
            *here, func.hashtext(records.c.record_id) % every == 0
        )
    ).all()
    metadata = [json.loads(row.metadata) for row in sample]
    return PoolProfile(
        roles=_counts(connection, records.c.role, *here),
        labels=_counts(connection, records.c.label, *here, records.c.label.is_not(None)),
        levels=_counts(connection, records.c.level, *here),
        sampled=len(sample),
        columns=[column for name in COLUMNS if (column := _column(name, metadata)) is not None],
        median_bytes=median(row.size for row in sample) if sample else None,
        imports=[
            ImportOfPool(
                import_id=row.import_id,
                created_by=row.created_by,
                file_name=row.file_name,
                accepted=row.accepted,
                updated=row.updated,
                rejected=row.rejected,
                finished_at=row.finished_at,
            )
            for row in connection.execute(
                select(imports)
                .where(imports.c.pool_id == pool_id)
                .order_by(imports.c.created_at.desc())
                .limit(20)
            )
        ],
        open_rounds=[
            RoundId(round_id)
            for round_id in connection.scalars(
                select(rounds.c.round_id)
                .where(rounds.c.pool_id == pool_id, rounds.c.closed_at.is_(None))
                .where(rounds.c.phase != Phase.FAILED.value)
                .order_by(rounds.c.created_at)
            )
        ],
    )


def search_records(
    connection: Connection, pool_id: PoolId, words: str, *, limit: int
) -> list[Record]:
    """Records whose id begins so, by id.

    As a range, for LIKE is not leakproof: beneath row-level security it would read the whole pool.
    """
    rows = connection.execute(
        select(records)
        .where(
            records.c.pool_id == pool_id,
            records.c.record_id >= words,
            records.c.record_id < words + LAST_CHARACTER,
            visible(connection, records),
        )
        .order_by(records.c.record_id)
        .limit(limit)
    )
    return [record(row) for row in rows]


def _counts(
    connection: Connection, column: ColumnElement[Any], *where: ColumnElement[bool]
) -> dict[Any, int]:
    """Records by a column's value, the most frequent first."""
    rows = connection.execute(
        select(column.label("value"), func.count().label("records"))
        .where(*where)
        .group_by(column)
        .order_by(func.count().desc())
    )
    return {row.value: row.records for row in rows}


def _column(name: str, metadata: list[dict[str, object]]) -> ColumnProfile | None:
    """None where no record of the sample says anything."""
    said = [str(each[name]) for each in metadata if each.get(name) not in (None, "")]
    if not said:
        return None
    counted = Counter(said).most_common()
    return ColumnProfile(
        name=name,
        missing=len(metadata) - len(said),
        values=counted[:VALUES],
        others=sum(records_ for _, records_ in counted[VALUES:]),
    )
