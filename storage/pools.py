"""Pools and their records."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import Connection, Row, Select, func, select
from sqlalchemy.dialects.postgresql import insert

from domain.canonical import Sha256
from domain.errors import Conflict, InvalidInput, NotFound
from domain.ids import AccountId, PoolId, RecordId, Timestamp, is_name
from domain.records import Content, ContentKind, KnownRole, Record
from storage.tables import pools, records
from storage.visibility import everything, visible

SNAPSHOT_SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.string(), nullable=False),
        pa.field("content", pa.string(), nullable=False),
        pa.field("metadata", pa.string(), nullable=False),
        pa.field("content_digest", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("role", pa.string()),
    ]
)
"""A snapshot's partitions: content and metadata are canonical JSON, the digest is the content's."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    pool_id: PoolId
    kind: ContentKind
    schema: tuple[str, int] | None
    """Name and version of the label schema that the known labels of its records come from."""
    created_by: AccountId
    created_at: Timestamp
    records: int
    labelled_train: int
    labelled_test: int
    gold: int
    """Records with a known answer that measure reviewers."""


def create_pool(
    connection: Connection,
    pool_id: PoolId,
    *,
    kind: ContentKind,
    schema: tuple[str, int] | None,
    created_by: AccountId,
) -> Pool:
    """A new, empty pool; the same one if it is there with the same kind and schema.

    Raises InvalidInput, or Conflict for a pool of that name which is another.
    """
    if not is_name(pool_id):
        raise InvalidInput(
            f"{pool_id!r} cannot name a pool",
            hint="1 to 63 lower-case letters, digits, points, dashes and underscores",
        )
    name, version = schema or (None, None)
    connection.execute(
        insert(pools)
        .values(
            pool_id=pool_id,
            kind=kind.value,
            schema_name=name,
            schema_version=version,
            created_by=created_by,
        )
        .on_conflict_do_nothing(index_elements=["pool_id"])
    )
    pool = get_pool(connection, pool_id)
    if (pool.kind, pool.schema) != (kind, schema):
        raise Conflict(
            f"there is a pool “{pool_id}” already, of kind {pool.kind}",
            hint="choose another name, or import into it as it is",
        )
    return pool


def get_pool(connection: Connection, pool_id: PoolId) -> Pool:
    """The pool with its counts of what may be seen of it. Raises NotFound."""
    row = connection.execute(_pools(connection).where(pools.c.pool_id == pool_id)).one_or_none()
    if row is None:
        raise NotFound(
            f"there is no pool “{pool_id}”",
            hint="labelwright pool list shows those that there are",
            pool_id=pool_id,
        )
    return _pool(row)


def list_pools(
    connection: Connection, *, after: PoolId | None = None, limit: int = 50
) -> list[Pool]:
    """Pools by name with their counts, from the one that follows `after`."""
    query = _pools(connection).order_by(pools.c.pool_id).limit(limit)
    if after is not None:
        query = query.where(pools.c.pool_id > after)
    return [_pool(row) for row in connection.execute(query)]


def get_record(connection: Connection, pool_id: PoolId, record_id: RecordId) -> Record:
    """The record as it is now. Raises NotFound."""
    row = connection.execute(
        select(records).where(
            records.c.pool_id == pool_id,
            records.c.record_id == record_id,
            visible(connection, records),
        )
    ).one_or_none()
    if row is None:
        raise NotFound("the pool has no such record", pool_id=pool_id, record_id=record_id)
    return record(row)


def find_records(
    connection: Connection, pool_id: PoolId, record_ids: Collection[RecordId]
) -> dict[RecordId, Record]:
    """Those of them that are in the pool and may be seen."""
    rows = connection.execute(
        select(records).where(
            records.c.pool_id == pool_id,
            records.c.record_id.in_(list(record_ids)),
            visible(connection, records),
        )
    )
    return {each.record_id: each for each in map(record, rows)}


def list_records(
    connection: Connection, pool_id: PoolId, *, after: RecordId | None = None, limit: int = 100
) -> list[Record]:
    """Records by id, from the one that follows `after`."""
    query = select(records).where(records.c.pool_id == pool_id, visible(connection, records))
    if after is not None:
        query = query.where(records.c.record_id > after)
    return [
        record(row) for row in connection.execute(query.order_by(records.c.record_id).limit(limit))
    ]


def count_eligible(connection: Connection, pool_id: PoolId) -> int:
    """How many records have no known label: what a round may choose from, whoever starts it."""
    query = select(func.count()).where(records.c.pool_id == pool_id, records.c.label.is_(None))
    with everything(connection):
        return connection.execute(query).scalar_one()


def labelled_contents(connection: Connection, pool_id: PoolId) -> dict[Sha256, RecordId]:
    """The contents with a known label, by digest, each with the first record that has it."""
    rows = connection.execute(
        select(records.c.content_digest, records.c.record_id)
        .where(records.c.pool_id == pool_id, records.c.label.is_not(None))
        .order_by(records.c.record_id.desc())
    )
    return {Sha256(row.content_digest): RecordId(row.record_id) for row in rows}


def iterate_snapshot(
    connection: Connection, pool_id: PoolId, rows_per_partition: int
) -> Iterator[pa.Table]:
    """The pool as it is now, by record id, in tables of SNAPSHOT_SCHEMA of that many rows.

    One statement reads it all, so imports meanwhile do not show; one partition is in memory.
    """
    result = connection.execute(
        select(
            records.c.record_id,
            records.c.content,
            records.c.metadata,
            records.c.content_digest,
            records.c.label,
            records.c.role,
        )
        .where(records.c.pool_id == pool_id)
        .order_by(records.c.record_id),
        execution_options={"stream_results": True, "yield_per": rows_per_partition},
    )
    with result:
        for partition in result.partitions():
            columns = zip(*partition, strict=True)
            yield pa.table(
                [pa.array(column, pa.string()) for column in columns], schema=SNAPSHOT_SCHEMA
            )


def _pools(connection: Connection) -> Select[*tuple[object, ...]]:
    counts = (
        select(
            func.count().label("records"),
            func.count().filter(records.c.role == KnownRole.TRAIN).label("labelled_train"),
            func.count().filter(records.c.role == KnownRole.TEST).label("labelled_test"),
            func.count().filter(records.c.role == KnownRole.GOLD).label("gold"),
        )
        .where(records.c.pool_id == pools.c.pool_id, visible(connection, records))
        .lateral("counts")
    )
    return (
        select(*pools.c, *counts.c)
        .select_from(pools)
        .join(counts, onclause=pools.c.pool_id == pools.c.pool_id)
    )


def _pool(row: Row[*tuple[object, ...]]) -> Pool:
    return Pool(
        pool_id=row.pool_id,
        kind=ContentKind(row.kind),
        schema=None if row.schema_name is None else (row.schema_name, row.schema_version),
        created_by=row.created_by,
        created_at=row.created_at,
        records=row.records,
        labelled_train=row.labelled_train,
        labelled_test=row.labelled_test,
        gold=row.gold,
    )


def record(row: Row[*tuple[object, ...]]) -> Record:
    return Record(
        record_id=row.record_id,
        content=Content(json.loads(row.content)),
        metadata=json.loads(row.metadata),
        label=row.label,
        role=None if row.role is None else KnownRole(row.role),
    )
