"""Where an audit gets the histories from: Temporal, or the archive when Temporal has forgotten.

Both keep payloads encrypted; what leaves this module is decoded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Engine
from temporalio.client import Client, WorkflowHistory
from temporalio.converter import PayloadCodec
from temporalio.service import RPCError, RPCStatusCode

from activities.archive import unpack
from activities.histories import decode, round_histories
from domain.errors import DigestMismatch, NotFound, TemporalUnavailable
from domain.ids import RoundId
from storage.artifacts import ArtifactStore
from storage.histories import ArchivedHistory, histories_of
from workers.audit.findings import Finding, FindingKind

FORGOTTEN = frozenset({RPCStatusCode.NOT_FOUND})
NO_ANSWER = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
    }
)
UNREADABLE = (OSError, EOFError, ValueError, RuntimeError)
"""What is raised for bytes that are not gzip of a history's JSON, or not of one from its start."""


Source = Literal["live", "archive"]


@dataclass(frozen=True, kw_only=True)
class Sourced:
    source: Source
    histories: tuple[WorkflowHistory, ...]
    """The round's first, then its shards', runs in order."""
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    archived: int
    """Histories that the archive holds."""


async def find_histories(
    client: Client | None,
    engine: Engine,
    store: ArtifactStore,
    round_id: RoundId,
    *,
    codec: PayloadCodec | None = None,
    source: Source | None = None,
) -> Sourced:
    """All histories of the round, live where Temporal has them; the archive is checked either way.

    `source` wants them from there and from nowhere else.
    `codec` decrypts them; left out, it is the client's. Raises NotFound when neither has any,
    TemporalUnavailable when only Temporal could and it does not answer, and UnknownPayloadKey when
    the codec lacks a key that they need.
    """
    if codec is None and client is not None:
        codec = client.data_converter.payload_codec
    live, why_not = (None, None) if source == "archive" else await _live(client, round_id)
    rows, archived, findings = await asyncio.to_thread(_archived, engine, store, round_id)
    if live is not None:
        # As they are kept, so that not a byte may differ.
        differing = tuple(_compare(live, archived, rows))
        await decode(live, codec)
        return Sourced(
            source="live",
            histories=tuple(live),
            findings=(*findings, *differing),
            notes=() if rows else ("no history of this round is archived yet",),
            archived=len(rows),
        )
    if not rows or source == "live":
        if why_not is not None:
            raise why_not
        raise NotFound(
            "neither Temporal nor the archive has a history of this round", round_id=round_id
        )
    await decode(archived, codec)
    return Sourced(
        source="archive",
        histories=tuple(_in_order(archived)),
        findings=tuple(findings),
        notes=(_why_archived(why_not, source),),
        archived=len(rows),
    )


def _why_archived(why_not: TemporalUnavailable | None, source: Source | None) -> str:
    if source == "archive":
        return "the archive was asked for"
    return "Temporal does not answer" if why_not else "Temporal has forgotten the round"


async def _live(
    client: Client | None, round_id: RoundId
) -> tuple[list[WorkflowHistory] | None, TemporalUnavailable | None]:
    """The histories, or why there are none: no answer, or none such."""
    unavailable = TemporalUnavailable(
        "Temporal does not answer, and the round is not archived", round_id=round_id
    )
    if client is None:
        return None, unavailable
    try:
        return await round_histories(client, round_id), None
    except RPCError as error:
        if error.status in FORGOTTEN:
            return None, None
        if error.status in NO_ANSWER:
            return None, unavailable
        raise


def _archived(
    engine: Engine, store: ArtifactStore, round_id: RoundId
) -> tuple[list[ArchivedHistory], list[WorkflowHistory], list[Finding]]:
    with engine.connect() as connection:
        rows = histories_of(connection, round_id)
    kept: list[WorkflowHistory] = []
    findings: list[Finding] = []
    for row in rows:
        try:
            history = unpack(store, workflow_id=row.workflow_id, sha256=row.sha256)
            run_id = history.run_id
        except NotFound:
            findings.append(_altered(row, "is not in the artifact store"))
        except DigestMismatch:
            findings.append(_altered(row, "is not what was archived: its bytes have changed"))
        except UNREADABLE as error:
            findings.append(_altered(row, f"cannot be read as a history: {error}"))
        else:
            kept.append(history)
            if (row.run_id, row.events) != (run_id, len(history.events)):
                findings.append(
                    _altered(
                        row,
                        "is another history than its row says",
                        expected=f"run {row.run_id}, {row.events} events",
                        found=f"run {run_id}, {len(history.events)} events",
                    )
                )
    return rows, kept, findings


def _altered(
    row: ArchivedHistory, what: str, *, expected: str | None = None, found: str | None = None
) -> Finding:
    return Finding(
        kind=FindingKind.ARCHIVE_ALTERED,
        subject=f"archived history {row.workflow_id} run {row.run_id}",
        message=f"The archived history of {row.workflow_id} (run {row.run_id}) {what}.",
        expected=expected or row.sha256,
        found=found,
    )


def _compare(
    live: list[WorkflowHistory], archived: list[WorkflowHistory], rows: list[ArchivedHistory]
) -> Iterator[Finding]:
    """An archived history is the live one, or as much of it as there was when it was archived."""
    by_run = {history.run_id: history for history in live}
    named = {(row.workflow_id, row.run_id): row for row in rows}
    for history in archived:
        row = named.get((history.workflow_id, history.run_id))
        same = by_run.get(history.run_id)
        events = list(history.events)
        if row and (same is None or list(same.events)[: len(events)] != events):
            yield _altered(row, "differs from the one that Temporal has")


def _in_order(archived: list[WorkflowHistory]) -> list[WorkflowHistory]:
    """The round's history first, then the shards' by number, the runs of each as they followed."""
    followers: dict[str, WorkflowHistory] = {}
    for history in archived:
        started = history.events[0].workflow_execution_started_event_attributes
        followers[started.continued_execution_run_id or f"first of {history.workflow_id}"] = history
    ordered: list[WorkflowHistory] = []
    for workflow_id in sorted({history.workflow_id for history in archived}, key=_place):
        follower = followers.get(f"first of {workflow_id}")
        while follower is not None:
            ordered.append(follower)
            follower = followers.get(follower.run_id)
    # A run that is missing is reported by whoever follows the chain; the rest is looked at anyway.
    taken = {history.run_id for history in ordered}
    return ordered + [history for history in archived if history.run_id not in taken]


def _place(workflow_id: str) -> tuple[int, int]:
    _, _, shard = workflow_id.partition("/shard/")
    return (1, int(shard)) if shard.isdigit() else (0, 0)
