"""Keeps the histories of ended rounds before Temporal's retention deletes them."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine
from temporalio import activity
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from activities.clock import now
from activities.histories import round_histories, status_of, workflow_type_of
from domain.canonical import Sha256
from domain.ids import RoundId
from storage import histories, rounds
from storage.artifacts import ArtifactStore

SWEEP = 50
"""Rounds in one sweep; the next one takes the rest."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Swept:
    rounds: int
    histories: int


class ArchiveActivities:
    def __init__(self, engine: Engine, store: ArtifactStore, client: Client) -> None:
        self._engine = engine
        self._store = store
        self._client = client

    @activity.defn
    async def archive_ended_rounds(self) -> Swept:
        """Exports every ended round whose histories are not kept yet.

        A round that Temporal has forgotten does not keep the others waiting.
        """
        with self._engine.connect() as connection:
            waiting = rounds.open_rounds_without_archive(connection, SWEEP)
        kept = 0
        for round_id in waiting:
            try:
                kept += await archive_round(self._client, self._engine, self._store, round_id)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                _log.warning("temporal has forgotten a round", round_id=round_id)
            activity.heartbeat(kept)
        return Swept(rounds=len(waiting), histories=kept)


async def archive_round(
    client: Client, engine: Engine, store: ArtifactStore, round_id: RoundId
) -> int:
    """Keeps all histories of a round, and marks it when each of them has ended.

    A round shows as ended a moment before its workflow does; the next sweep then takes the rest.
    """
    fetched = await round_histories(client, round_id)
    for history in fetched:
        # Beside the event loop, which every workflow of this worker waits for.
        await asyncio.to_thread(_keep, engine, store, round_id, history)
        if activity.in_activity():
            activity.heartbeat()
    if all(status_of(history) != "running" for history in fetched):
        with engine.begin() as connection:
            rounds.mark_archived(connection, round_id)
    return len(fetched)


def _keep(
    engine: Engine, store: ArtifactStore, round_id: RoundId, history: WorkflowHistory
) -> None:
    data = pack(history)
    kept = histories.ArchivedHistory(
        workflow_id=history.workflow_id,
        run_id=history.run_id,
        round_id=round_id,
        workflow_type=workflow_type_of(history),
        events=len(history.events),
        sha256=store.put(data),
        bytes=len(data),
        status=status_of(history),
        archived_at=now(),
    )
    with engine.begin() as connection:
        histories.record_history(connection, kept)


def pack(history: WorkflowHistory) -> bytes:
    """The history as gzip of Temporal's own JSON; the same history gives the same bytes."""
    return gzip.compress(history.to_json().encode(), mtime=0)


def unpack(store: ArtifactStore, *, workflow_id: str, sha256: Sha256) -> WorkflowHistory:
    """Raises DigestMismatch when the stored bytes are not those that were kept."""
    return WorkflowHistory.from_json(workflow_id, gzip.decompress(store.get(sha256)).decode())
