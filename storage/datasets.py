"""Published dataset versions. The rows themselves are files; here is which version is which."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, Row, Select, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from domain.canonical import Sha256
from domain.errors import Conflict, DutiesNotSeparate, NotFound
from domain.ids import AccountId, RoundId, Timestamp
from domain.records import Json
from storage.tables import dataset_versions


@dataclass(frozen=True, kw_only=True)
class DatasetVersion:
    dataset: str
    version: int
    digest: Sha256
    parent_version: int | None
    round_id: RoundId
    manifest: dict[str, Json]
    manifest_sha256: Sha256
    path: str
    rows: int
    roles: dict[str, int]
    """Dataset role → records."""
    ledger_head: Sha256
    approved_by: AccountId
    published_at: Timestamp
    break_glass: bool = False
    """Whether who approved it had a part in its round that stands against that."""
    level: int = 0
    """The highest of its records', which the database finds when the version appears."""


def lock_dataset(connection: Connection, dataset: str) -> None:
    """Until this transaction ends nobody else publishes a version of the dataset.

    A holder that says nothing for 20 seconds loses the lock: its process hangs, and others wait.
    """
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '20s'"))
    lock = func.hashtextextended(f"dataset/{dataset}", 0)
    connection.execute(select(func.pg_advisory_xact_lock(lock)))


def insert_version(connection: Connection, version: DatasetVersion) -> DatasetVersion:
    """The version, which appears when the transaction commits; the same one when repeated.

    Raises Conflict if the round has published another, or the number is taken, and
    DutiesNotSeparate where who approved it had another part in the round.
    """
    statement = insert(dataset_versions).values(asdict(version)).on_conflict_do_nothing()
    try:
        connection.execute(statement)
    except IntegrityError as error:
        if "duties_are_separate" not in str(error.orig):
            raise
        raise DutiesNotSeparate(
            "who approved this dataset asked for its round, or reviewed or adjudicated in it"
        ) from error
    stored = version_of_round(connection, version.round_id)
    if stored is None:
        raise Conflict(
            f"version {version.version} of “{version.dataset}” is another round's",
            hint="publish under the next number",
        )
    if (stored.dataset, stored.version, stored.digest) != (
        version.dataset,
        version.version,
        version.digest,
    ):
        raise Conflict(f"this round has published version {stored.version} already")
    return stored


def latest_version(connection: Connection, dataset: str) -> DatasetVersion | None:
    """The newest version of the dataset; none before the first."""
    return _one(
        connection,
        select(dataset_versions)
        .where(dataset_versions.c.dataset == dataset)
        .order_by(dataset_versions.c.version.desc())
        .limit(1),
    )


def get_version(connection: Connection, dataset: str, version: int) -> DatasetVersion:
    """Raises NotFound."""
    found = _one(
        connection,
        select(dataset_versions).where(
            dataset_versions.c.dataset == dataset, dataset_versions.c.version == version
        ),
    )
    if found is None:
        raise NotFound(f"there is no version {version} of “{dataset}”")
    return found


def version_of_round(connection: Connection, round_id: RoundId) -> DatasetVersion | None:
    """What the round has published; none if nothing."""
    return _one(connection, select(dataset_versions).where(dataset_versions.c.round_id == round_id))


def list_versions(
    connection: Connection, dataset: str, *, before: int | None = None, limit: int = 50
) -> list[DatasetVersion]:
    """Versions of the dataset, the newest first, from the one that precedes `before`."""
    query = select(dataset_versions).where(dataset_versions.c.dataset == dataset)
    if before is not None:
        query = query.where(dataset_versions.c.version < before)
    rows = connection.execute(query.order_by(dataset_versions.c.version.desc()).limit(limit))
    return [_version(row) for row in rows]


def list_datasets(
    connection: Connection, *, after: str | None = None, limit: int = 50
) -> list[DatasetVersion]:
    """The latest version of each dataset by name, from the one that follows the name `after`."""
    newer = dataset_versions.alias("newer")
    latest = (
        select(func.max(newer.c.version))
        .where(newer.c.dataset == dataset_versions.c.dataset)
        .scalar_subquery()
    )
    query = select(dataset_versions).where(dataset_versions.c.version == latest)
    if after is not None:
        query = query.where(dataset_versions.c.dataset > after)
    rows = connection.execute(query.order_by(dataset_versions.c.dataset).limit(limit))
    return [_version(row) for row in rows]


def _one(connection: Connection, query: Select[*tuple[object, ...]]) -> DatasetVersion | None:
    row = connection.execute(query).one_or_none()
    return None if row is None else _version(row)


def _version(row: Row[*tuple[object, ...]]) -> DatasetVersion:
    return DatasetVersion(**row._mapping)  # noqa: SLF001 -- SQLAlchemy's public name for it
