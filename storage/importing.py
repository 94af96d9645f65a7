"""Imports: the rows of a file into a pool, in chunks that each are there whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from uuid import uuid4

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Connection,
    Engine,
    MetaData,
    Table,
    Text,
    func,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy import Row as Found
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.schema import CreateTable

from domain.errors import NotFound
from domain.ids import AccountId, PoolId, Timestamp
from domain.labels import LabelSchema
from storage.chunks import Chunk, chunks
from storage.copying import copy_rows
from storage.database import answering
from storage.documents import to_json
from storage.readers import Rejection, Row
from storage.tables import imports, records, superseded_records

MAX_REJECTIONS = 1_000
"""How many rejections a report names; all of them are counted."""

MAX_UNKNOWN_WORDS = 100


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """Every row that was read is accepted, unchanged or rejected."""

    import_id: str
    pool_id: PoolId
    file_name: str
    read: int = 0
    accepted: int = 0
    updated: int = 0
    """Of those accepted: records that were there with other content."""
    unchanged: int = 0
    rejected: int = 0
    rejections: tuple[Rejection, ...] = ()
    """The first thousand."""
    unknown_words: tuple[str, ...] = ()
    """What records say of who may see them and nobody knows the meaning of, the first hundred:
    such records are seen by those alone who are cleared for everything."""
    finished_at: Timestamp | None = None
    """None for an import that runs or broke off: what it counts is in the pool all the same."""


def import_records(
    engine: Engine,
    pool_id: PoolId,
    rows: Iterable[Row | Rejection],
    *,
    schema: LabelSchema | None,
    created_by: AccountId,
    file_name: str,
    progress: Callable[[ImportReport], None] | None = None,
) -> ImportReport:
    """Imports the rows and says what became of each. Importing a file twice changes nothing.

    Each chunk of rows commits with its counts: when something fails on the way, the pool holds
    whole chunks, the import's row says how many, and importing the file again completes it.

    Raises what reading the rows raises, and DatabaseUnavailable.
    """
    report = ImportReport(import_id=f"imp-{uuid4().hex}", pool_id=pool_id, file_name=file_name)
    with answering(), engine.connect() as connection:
        # Not back to the pool: the table of ids that were seen ends with this session.
        connection.detach()
        with connection.begin():
            connection.execute(CreateTable(_seen))
            connection.execute(
                insert(imports).values(
                    import_id=report.import_id,
                    pool_id=pool_id,
                    file_name=file_name,
                    created_by=created_by,
                )
            )
        for chunk in chunks(rows, schema):
            with connection.begin():
                report = _import_chunk(connection, report, chunk)
            if progress is not None:
                progress(report)
        with connection.begin():
            finished_at: Timestamp = connection.execute(
                update(imports)
                .where(imports.c.import_id == report.import_id)
                .values(finished_at=func.now())
                .returning(imports.c.finished_at)
            ).scalar_one()
    return replace(report, finished_at=finished_at)


def get_import(
    connection: Connection, import_id: str, *, pool_id: PoolId, created_by: AccountId
) -> ImportReport:
    """The report of an import into the pool by that account. Raises NotFound."""
    row = connection.execute(
        select(imports).where(
            imports.c.import_id == import_id,
            imports.c.pool_id == pool_id,
            imports.c.created_by == created_by,
        )
    ).one_or_none()
    if row is None:
        raise NotFound("no such import", import_id=import_id)
    return _report(row)


# -- one chunk --------------------------------------------------------------------------------

_seen = Table(
    "seen",
    MetaData(),
    Column("record_id", Text, primary_key=True),
    Column("line", BigInteger, nullable=False),
    Column("record_digest", Text, nullable=False),
    prefixes=["TEMPORARY"],
)
"""Where in the file each record stood; in the database, because a file may hold millions."""


def _import_chunk(connection: Connection, report: ImportReport, chunk: Chunk) -> ImportReport:
    ids = literal(list(chunk.rows), ARRAY(Text))
    for found in connection.execute(select(_seen).where(_seen.c.record_id == func.any(ids))):
        repeated = chunk.rows.pop(found.record_id)
        chunk.meet(repeated, line=found.line, digest=found.record_digest)
    inserted, updated = _upsert(connection, report.pool_id, chunk)
    chunk.rejections.sort(key=lambda rejection: rejection.line)
    named = chunk.rejections[: MAX_REJECTIONS - len(report.rejections)]
    report = replace(
        report,
        read=report.read + chunk.read,
        accepted=report.accepted + inserted + updated,
        updated=report.updated + updated,
        unchanged=report.unchanged + chunk.repeated + len(chunk.rows) - inserted - updated,
        rejected=report.rejected + len(chunk.rejections),
        rejections=(*report.rejections, *named),
        unknown_words=tuple(
            sorted({*report.unknown_words, *chunk.unknown_words})[:MAX_UNKNOWN_WORDS]
        ),
    )
    connection.execute(
        update(imports)
        .where(imports.c.import_id == report.import_id)
        .values(
            read=report.read,
            accepted=report.accepted,
            updated=report.updated,
            unchanged=report.unchanged,
            rejected=report.rejected,
            rejections=to_json([asdict(rejection) for rejection in report.rejections]),
            unknown_words=list(report.unknown_words),
        )
    )
    return report


def _upsert(connection: Connection, pool_id: PoolId, chunk: Chunk) -> tuple[int, int]:
    """Writes the rows that differ from the pool; says how many were new and how many replaced."""
    if not chunk.rows:
        return 0, 0
    line = Column("line", BigInteger)
    staged = copy_rows(connection, records, chunk.rows.values(), extra=[line])
    content = [
        "record_id",
        "record_digest",
        "content",
        "content_digest",
        "metadata",
        "label",
        "role",
        "level",
    ]
    connection.execute(
        insert(superseded_records)
        .from_select(
            ["pool_id", *content],
            select(records.c.pool_id, *(records.c[name] for name in content))
            .join(staged, staged.c.record_id == records.c.record_id)
            .where(
                records.c.pool_id == pool_id,
                records.c.record_digest != staged.c.record_digest,
            )
            # In one order, so that two imports into one pool cannot wait for each other.
            .order_by(records.c.record_id)
            .with_for_update(of=records),
        )
        .on_conflict_do_nothing()
    )
    write = insert(records).from_select(
        ["pool_id", *content],
        select(literal(pool_id, Text), *(staged.c[name] for name in content)).order_by(
            staged.c.record_id
        ),
    )
    new = write.excluded
    written = (
        write.on_conflict_do_update(
            index_elements=["pool_id", "record_id"],
            set_={name: new[name] for name in content[1:]} | {"updated_at": func.now()},
            where=records.c.record_digest != new.record_digest,
        )
        # A row that this statement inserted has never been locked or deleted by another.
        .returning(literal_column("xmax = 0").label("fresh"))
        .cte("written")
    )
    counts = connection.execute(
        select(
            func.count().filter(written.c.fresh).label("inserted"),
            func.count().filter(~written.c.fresh).label("updated"),
        )
    ).one()
    connection.execute(
        insert(_seen).from_select(
            ["record_id", "line", "record_digest"],
            select(staged.c.record_id, staged.c.line, staged.c.record_digest),
        )
    )
    return counts.inserted, counts.updated


def _report(row: Found[*tuple[object, ...]]) -> ImportReport:
    return ImportReport(
        import_id=row.import_id,
        pool_id=row.pool_id,
        file_name=row.file_name,
        read=row.read,
        accepted=row.accepted,
        updated=row.updated,
        unchanged=row.unchanged,
        rejected=row.rejected,
        rejections=tuple(Rejection(**rejection) for rejection in row.rejections),
        unknown_words=tuple(row.unknown_words),
        finished_at=row.finished_at,
    )
