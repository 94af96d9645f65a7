"""What a pool is made of: counts over what the reader may see, and a sample for the rest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import accumulate
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from domain.ids import AccountId, PoolId, RoundId, Timestamp
from domain.records import Record
from domain.rounds import Phase
from storage.pools import record
from storage.tables import imports, records, rounds
from storage.tables.columns import Instant
from storage.visibility import visible

SAMPLE = 10_000
"""Records whose metadata are read; of a larger pool, those that a hash of their id chooses."""
DIGESTS = 100_000
"""Contents that are compared; of a larger pool, those that come first by their digest."""
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


class Step(StrEnum):
    """Between two points of growth: as fine as leaves a chart that can be read."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


SPANS = {
    Step.MINUTE: timedelta(hours=2),
    Step.HOUR: timedelta(days=4),
    Step.DAY: timedelta(days=92),
}
"""Up to which time between the first import and the last a step is taken; then months."""


@dataclass(frozen=True, kw_only=True)
class Growth:
    step: Step
    points: list[tuple[Timestamp, int]]
    """When records came, in UTC, and how many there were by then of those that are there now."""


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    records: int
    """Those whose content another record has that is counted already."""
    among: int
    """As many records were compared: all, or a share of the contents with all their records."""


@dataclass(frozen=True, kw_only=True)
class PoolProfile:
    roles: dict[str | None, int]
    """Records by what their known label may be used for; none: no label is known."""
    labels: dict[str, int]
    levels: dict[int, int]
    """Records by the clearance that it takes to see them."""
    growth: Growth
    duplicates: Duplicates
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
    step = _step(connection, pool_id)
    groups = _groups(connection, step, *here)
    return PoolProfile(
        roles=_sums((row.role, row.records) for row in groups),
        labels=_counts(connection, records.c.label, *here, records.c.label.is_not(None)),
        levels=_sums((row.level, row.records) for row in groups),
        growth=Growth(step=step, points=_points(groups)),
        duplicates=_duplicates(connection, *here, records_in_it=records_in_it),
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


def _step(connection: Connection, pool_id: PoolId) -> Step:
    """By the pool's imports, which an index finds; asking its records would read them all."""
    first, last = connection.execute(
        select(func.min(imports.c.created_at), func.max(imports.c.created_at)).where(
            imports.c.pool_id == pool_id
        )
    ).one()
    if first is None:
        return Step.DAY
    lasted = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    return next((step for step, span in SPANS.items() if lasted <= span), Step.MONTH)


def _groups(
    connection: Connection, step: Step, *where: ColumnElement[bool]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """All that takes a look at every record, in one pass: by role, level and time of import."""
    came = func.date_trunc(step.value, records.c.created_at, "UTC", type_=Instant)
    groups = (records.c.role, records.c.level, came.label("came"))
    return connection.execute(
        select(*groups, func.count().label("records")).where(*where).group_by(*groups)
    ).all()


def _sums(pairs: Iterable[tuple[Any, int]]) -> dict[Any, int]:
    """The most frequent first."""
    found: Counter[Any] = Counter()
    for value, count in pairs:
        found[value] += count
    return dict(found.most_common())


def _points(groups: Sequence[Row[*tuple[Any, ...]]]) -> list[tuple[Timestamp, int]]:
    came = sorted(_sums((row.came, row.records) for row in groups).items())
    sums = accumulate(count for _, count in came)
    return [(when, so_far) for (when, _), so_far in zip(came, sums, strict=True)]


def _duplicates(
    connection: Connection, *where: ColumnElement[bool], records_in_it: int
) -> Duplicates:
    """Digests spread evenly, so those below a bound are a fair share of the contents, and all
    records of each are among them."""
    every = max(1, -(-records_in_it // DIGESTS))
    digest = records.c.content_digest.collate("C")
    few = () if every == 1 else (digest < f"{2**32 // every:08x}",)
    row = connection.execute(
        select(
            func.count().label("among"),
            func.count(records.c.content_digest.collate("C").distinct()).label("contents"),
        ).where(*where, *few)
    ).one()
    return Duplicates(records=row.among - row.contents, among=row.among)


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
