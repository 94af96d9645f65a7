"""Keeps the histories of runs that have ended before Temporal's retention deletes them.

What is kept is what Temporal has, byte by byte: its payloads stay encrypted.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Engine
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from activities.clock import now
from activities.ended_in_temporal import ended_in_temporal, show_end
from activities.histories import decode, round_histories, status_of, workflow_type_of
from domain.canonical import Sha256
from domain.ids import RoundId, Timestamp, round_of_workflow, round_workflow_id
from storage import histories, rounds
from storage.artifacts import ArtifactStore
from storage.histories import RUNNING, ArchiveProgress
from storage.tables.columns import timestamp

SWEEP = 50
"""Rounds in one sweep; the next one takes the rest."""

OVERLAP = timedelta(days=1)
"""How far back a sweep asks Temporal again: its lists show what has ended a while later."""

CLOSED_RUNS = "WorkflowType IN ('RoundWorkflow', 'ReviewShardWorkflow')"

_ENDED_BY_TEMPORAL = frozenset(
    {
        WorkflowExecutionStatus.TERMINATED,
        WorkflowExecutionStatus.TIMED_OUT,
        WorkflowExecutionStatus.FAILED,
        WorkflowExecutionStatus.CANCELED,
    }
)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Swept:
    rounds: int
    histories: int
    ended: int = 0
    """Rounds that Temporal had ended and that ended in the read model by this sweep."""


@dataclass(frozen=True, kw_only=True)
class ClosedRun:
    """A run that Temporal lists as ended."""

    workflow_id: str
    run_id: str
    round_id: RoundId
    closed_at: Timestamp


class ArchiveActivities:
    def __init__(self, engine: Engine, store: ArtifactStore, client: Client) -> None:
        self._engine = engine
        self._store = store
        self._client = client

    @activity.defn
    async def archive_ended_rounds(self) -> Swept:
        """Exports every run of a round or a shard that has ended and is not kept yet.

        They are found from the rounds in the read model, which knows of an end at once, and from
        Temporal's own list, which also has the runs that shards left behind and what never came to
        an end of its own. What Temporal has forgotten does not keep the others waiting.
        """
        began = now()
        ended = await self._end_what_temporal_ended()
        with self._engine.connect() as connection:
            wanted = rounds.open_rounds_without_archive(connection, SWEEP)
            before = histories.archive_progress_of(connection)
        kept, unfinished = await self._archive_rounds(wanted)
        waiting = [each async for each in self._waiting(before.swept_until)]
        self._note(before.swept_until, waiting, unfinished)
        for run in waiting:
            kept += await self._archive_run(run)
        whole = len(wanted) < SWEEP
        self._note(began if whole else before.swept_until, [], unfinished, at=now())
        return Swept(rounds=len(wanted), histories=kept, ended=ended)

    async def _end_what_temporal_ended(self) -> int:
        with self._engine.connect() as connection:
            open_rounds = rounds.open_rounds(connection)
        ended = 0
        for round_id in open_rounds:
            ended += await end_in_read_model(self._client, self._engine, round_id)
            _beat(ended)
        return ended

    async def _archive_rounds(self, wanted: Iterable[RoundId]) -> tuple[int, list[RoundId]]:
        """How many histories were kept, and the rounds whose workflows had not ended."""
        kept, unfinished = 0, list[RoundId]()
        for round_id in wanted:
            try:
                archived = await archive_round(self._client, self._engine, self._store, round_id)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                _log.warning("temporal has forgotten a round", round_id=round_id)
                continue
            kept += archived.histories
            if not archived.ended:
                unfinished.append(round_id)
            _beat(kept)
        return kept, unfinished

    async def _waiting(self, since: Timestamp | None) -> AsyncIterator[ClosedRun]:
        """Runs that Temporal lists as ended and that are not archived."""
        async for runs in _pages(closed_runs(self._client, since=since)):
            keys = [(run.workflow_id, run.run_id) for run in runs]
            with self._engine.connect() as connection:
                there = histories.archived_to_their_end(connection, keys)
            _beat(len(there))
            for run in runs:
                if (run.workflow_id, run.run_id) not in there:
                    yield run

    async def _archive_run(self, run: ClosedRun) -> int:
        handle = self._client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
        try:
            history = await handle.fetch_history()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            _log.warning("temporal has forgotten a run", workflow_id=run.workflow_id)
            return 0
        await asyncio.to_thread(_keep, self._engine, self._store, run.round_id, history)
        _beat(1)
        return 1

    def _note(
        self,
        swept_until: Timestamp | None,
        waiting: list[ClosedRun],
        unfinished: list[RoundId],
        *,
        at: Timestamp | None = None,
    ) -> None:
        """Writes the progress down, before what waits is archived as well as after."""
        with self._engine.begin() as connection:
            shown = [rounds.get_round(connection, each).closed_at for each in unfinished]
            since = [run.closed_at for run in waiting] + [each for each in shown if each]
            progress = ArchiveProgress(
                swept_until=swept_until,
                swept_at=at or histories.archive_progress_of(connection).swept_at,
                waiting=len(since),
                waiting_since=min(since, default=None),
            )
            histories.note_progress(connection, progress)


@dataclass(frozen=True, kw_only=True)
class Archived:
    histories: int
    """Of the round and its shards, all runs."""
    ended: bool
    """Whether each of them has ended, so that nothing is left to archive."""


async def archive_round(
    client: Client, engine: Engine, store: ArtifactStore, round_id: RoundId
) -> Archived:
    """Keeps all histories of a round, and marks it when each of them has ended.

    A round shows as ended a moment before its workflow does; the next sweep then takes the rest.
    """
    fetched = await round_histories(client, round_id)
    runs = [(history.workflow_id, history.run_id) for history in fetched]
    with engine.connect() as connection:
        there = histories.archived_to_their_end(connection, runs)
    for history in fetched:
        if (history.workflow_id, history.run_id) in there:
            continue
        # Beside the event loop, which every workflow of this worker waits for.
        await asyncio.to_thread(_keep, engine, store, round_id, history)
        _beat(1)
    ended = all(status_of(history) != RUNNING for history in fetched)
    if ended:
        with engine.begin() as connection:
            rounds.mark_archived(connection, round_id)
    return Archived(histories=len(fetched), ended=ended)


async def end_in_read_model(client: Client, engine: Engine, round_id: RoundId) -> bool:
    """Ends an open round in the read model if Temporal has ended it, and whether it did."""
    handle = client.get_workflow_handle(round_workflow_id(round_id))
    try:
        described = await handle.describe()
        if described.status not in _ENDED_BY_TEMPORAL:
            return False
        history = await handle.fetch_history()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False  # not started yet
    await decode([history], client.data_converter.payload_codec)
    end = ended_in_temporal(history)
    if end is None:
        return False
    with engine.begin() as connection:
        shown = show_end(connection, round_id, end)
    if shown:
        _log.warning("temporal had ended a round", round_id=round_id, code=end.code)
    return shown


async def closed_runs(client: Client, *, since: Timestamp | None) -> AsyncIterator[ClosedRun]:
    """The runs of rounds and shards that Temporal lists as ended, those from a while before `since`
    on."""
    query = f"{CLOSED_RUNS} AND ExecutionStatus != 'Running'"
    if since is not None:
        start = datetime.fromisoformat(since) - OVERLAP
        query += f" AND CloseTime >= '{start.isoformat()}'"
    async for each in client.list_workflows(query):
        round_id = round_of_workflow(each.id)
        if round_id is not None and each.close_time is not None:
            yield ClosedRun(
                workflow_id=each.id,
                run_id=each.run_id,
                round_id=round_id,
                closed_at=timestamp(each.close_time),
            )


async def _pages(runs: AsyncIterator[ClosedRun], size: int = 500) -> AsyncIterator[list[ClosedRun]]:
    page: list[ClosedRun] = []
    async for run in runs:
        page.append(run)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page


def _keep(
    engine: Engine, store: ArtifactStore, round_id: RoundId, history: WorkflowHistory
) -> None:
    data = pack(history)
    status = status_of(history)
    sha256 = store.put(data)
    if status != RUNNING:
        store.protect(sha256)
    kept = histories.ArchivedHistory(
        workflow_id=history.workflow_id,
        run_id=history.run_id,
        round_id=round_id,
        workflow_type=workflow_type_of(history),
        events=len(history.events),
        sha256=sha256,
        bytes=len(data),
        status=status,
        archived_at=now(),
        closed_at=None
        if status == RUNNING
        else timestamp(history.events[-1].event_time.ToDatetime(tzinfo=UTC)),
    )
    with engine.begin() as connection:
        histories.record_history(connection, kept)


def pack(history: WorkflowHistory) -> bytes:
    """The history as gzip of Temporal's own JSON; the same history gives the same bytes."""
    return gzip.compress(history.to_json().encode(), mtime=0)


def unpack(store: ArtifactStore, *, workflow_id: str, sha256: Sha256) -> WorkflowHistory:
    """Raises DigestMismatch when the stored bytes are not those that were kept."""
    return WorkflowHistory.from_json(workflow_id, gzip.decompress(store.get(sha256)).decode())


def _beat(done: int) -> None:
    if activity.in_activity():
        activity.heartbeat(done)
