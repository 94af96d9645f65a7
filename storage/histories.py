"""Which workflow histories are archived, under which digest, and what still waits to be."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from domain.canonical import Sha256
from domain.ids import RoundId, Timestamp
from domain.moments import seconds_between
from storage.tables import archive_progress, archived_histories, rounds
from storage.tables.columns import timestamp

RUNNING = "running"
"""The status of a history whose run goes on, so that there will be more of it."""

Run = tuple[str, str]
"""Workflow id and run id."""


@dataclass(frozen=True, kw_only=True)
class ArchivedHistory:
    """One run of one workflow."""

    workflow_id: str
    run_id: str
    round_id: RoundId
    workflow_type: str
    events: int
    sha256: Sha256
    """Of the exported file; also its artifact."""
    bytes: int
    status: str
    archived_at: Timestamp
    closed_at: Timestamp | None = None
    """When the run ended; none while it goes on, and for what earlier versions archived."""


@dataclass(frozen=True, kw_only=True)
class ArchiveProgress:
    """How far the sweeps have come."""

    swept_until: Timestamp | None
    """Runs that ended before are archived, or Temporal had forgotten them."""
    swept_at: Timestamp | None
    """When a sweep last came to its end."""
    waiting: int
    """Runs that have ended and were not archived when a sweep last looked."""
    waiting_since: Timestamp | None
    """When the first of them ended."""


@dataclass(frozen=True, kw_only=True)
class ArchiveLag:
    seconds: float
    """Since the end of the oldest run that has ended and is not archived; 0 when there is none."""
    sweep_age_seconds: float | None
    """Since a sweep last came to its end; none before the first."""
    waiting: int


def record_history(connection: Connection, history: ArchivedHistory) -> None:
    """Notes an archived history. One that grew since it was last exported replaces the older; what
    has ended stays as it is, which the database sees to as well."""
    statement = insert(archived_histories).values(asdict(history))
    changed = ("events", "sha256", "bytes", "status", "archived_at", "closed_at")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["workflow_id", "run_id"],
            set_={name: statement.excluded[name] for name in changed},
            where=(archived_histories.c.status == RUNNING)
            & (archived_histories.c.events <= statement.excluded.events),
        )
    )


def histories_of(connection: Connection, round_id: RoundId) -> list[ArchivedHistory]:
    """Every archived run of the round and its shards, by workflow, in the order of archiving."""
    rows = connection.execute(
        select(archived_histories)
        .where(archived_histories.c.round_id == round_id)
        .order_by(archived_histories.c.workflow_id, archived_histories.c.archived_at)
    )
    return [ArchivedHistory(**row._mapping) for row in rows]  # noqa: SLF001 -- its public name


def archived_rounds(connection: Connection) -> list[RoundId]:
    """Every round of which a history is archived, by id."""
    found = select(archived_histories.c.round_id).distinct().order_by(archived_histories.c.round_id)
    return list(map(RoundId, connection.scalars(found)))


def archived_to_their_end(connection: Connection, runs: Collection[Run]) -> set[Run]:
    """Those of the runs whose whole history is archived."""
    if not runs:
        return set()
    key = (archived_histories.c.workflow_id, archived_histories.c.run_id)
    rows = connection.execute(
        select(*key).where(tuple_(*key).in_(runs), archived_histories.c.status != RUNNING)
    )
    return {(row.workflow_id, row.run_id) for row in rows}


def archive_progress_of(connection: Connection) -> ArchiveProgress:
    row = connection.execute(select(archive_progress)).one_or_none()
    if row is None:
        return ArchiveProgress(swept_until=None, swept_at=None, waiting=0, waiting_since=None)
    return ArchiveProgress(
        swept_until=row.swept_until,
        swept_at=row.swept_at,
        waiting=row.waiting,
        waiting_since=row.waiting_since,
    )


def note_progress(connection: Connection, progress: ArchiveProgress) -> None:
    values = asdict(progress)
    statement = insert(archive_progress).values(one=True, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["one"], set_=values))


def archive_lag(connection: Connection) -> ArchiveLag:
    """How far the archive is behind, so far as the database knows.

    A run that ends is known when a sweep has found it, and a round that ends at once.
    """
    progress = archive_progress_of(connection)
    ended = select(func.min(rounds.c.closed_at), func.count()).where(
        rounds.c.closed_at.is_not(None), rounds.c.archived_at.is_(None)
    )
    if progress.swept_until is not None:
        # What Temporal had forgotten before a sweep came is lost, and waits for nothing.
        ended = ended.where(rounds.c.closed_at > progress.swept_until)
    first, count = connection.execute(ended).one()
    oldest = min(filter(None, (first, progress.waiting_since)), default=None)
    now = timestamp(connection.execute(select(func.now())).scalar_one())
    return ArchiveLag(
        seconds=0.0 if oldest is None else max(0.0, seconds_between(oldest, now)),
        sweep_age_seconds=None
        if progress.swept_at is None
        else max(0.0, seconds_between(progress.swept_at, now)),
        waiting=max(count, progress.waiting),
    )
