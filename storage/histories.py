"""Which workflow histories are archived, and under which digest."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from domain.canonical import Sha256
from domain.ids import RoundId, Timestamp
from storage.tables import archived_histories


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


def record_history(connection: Connection, history: ArchivedHistory) -> None:
    """Notes an archived history. One that grew since it was last exported replaces the older."""
    statement = insert(archived_histories).values(asdict(history))
    changed = ("events", "sha256", "bytes", "status", "archived_at")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["workflow_id", "run_id"],
            set_={name: statement.excluded[name] for name in changed},
            where=archived_histories.c.events < statement.excluded.events,
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
