"""Reads the histories of a round in shares, one process a core: replaying is work for a processor.

Each history is read by itself: decoded, replayed, its messages' signatures checked, its entries
hashed. What comes back holds what the comparison of the whole needs and not the history.
"""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context

from google.protobuf.message import DecodeError
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory

from domain.canonical import canonical
from domain.errors import InvalidInput, TooLarge
from domain.merkle import leaf_hash
from workers.audit.bundle import inflated
from workers.audit.evidence import Run, evidence_of
from workers.audit.findings import Finding, FindingKind
from workers.audit.recorded import PROJECTIONS
from workers.audit.replay import replay
from workers.audit.signed import check_signatures

STARTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
AHEAD = 2
"""Histories that wait for each process, so that none of them waits for us."""
FEW = 8
"""Histories that one process has read before others have started."""
LEVEL = 6
"""Of compression: a higher one takes longer and saves little."""


@dataclass(frozen=True, kw_only=True)
class PackedHistory:
    """One run of one workflow, as it lies in a bundle."""

    workflow_id: str
    name: str
    """Of the member, for what is said of it."""
    data: bytes
    """gzip of Temporal's own `History` message."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """What one history says."""

    events: int
    run: Run | None
    """None when it is no history of a round or a shard."""
    leaves: tuple[bytes, ...]
    """Leaf hashes of the run's entries."""
    lines: bytes
    """The canonical forms of the run's entries, one a line; where they were asked for."""
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is to be taken from each history."""

    public_keys: Mapping[str, str]
    with_lines: bool = False


def pack(history: WorkflowHistory) -> bytes:
    """The history in the form of a bundle; the same history gives the same bytes."""
    message = History(events=history.events)
    return compressed(message.SerializeToString(deterministic=True))


def compressed(data: bytes) -> bytes:
    """gzip of the data, without the time of day."""
    return gzip.compress(data, LEVEL, mtime=0)


def unpack(packed: PackedHistory) -> WorkflowHistory:
    """Raises DecodeError, InvalidInput, TooLarge."""
    history = History()
    history.ParseFromString(inflated(packed.data, packed.name))
    return WorkflowHistory(packed.workflow_id, list(history.events))


def cores_for(histories: int) -> int:
    """Processes that are worth their start: every core where there is enough to read, else one."""
    return (os.cpu_count() or 1) if histories > FEW else 1


def read_all(
    histories: Iterable[PackedHistory], reading: Reading, *, processes: int
) -> Iterator[Read]:
    """What each history says, in their order; one process is this one."""
    if processes <= 1:
        for each in histories:
            yield read(each, reading)
        return
    waiting = iter(histories)
    # Spawned, not forked: the SDK and pyarrow have threads, and a fork would copy none of them.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        pending: list[Future[Read]] = [
            pool.submit(read, each, reading) for each in islice(waiting, AHEAD * processes)
        ]
        while pending:
            yield pending.pop(0).result()
            pending += [pool.submit(read, each, reading) for each in islice(waiting, 1)]


def read(packed: PackedHistory, reading: Reading) -> Read:
    """What one history says; that it cannot be read is a finding."""
    try:
        history = unpack(packed)
    except (DecodeError, InvalidInput, TooLarge) as error:
        return _unreadable(packed, str(error))
    if not history.events or history.events[0].event_type != STARTED:
        return _unreadable(packed, "it does not begin with the start of a workflow")
    return read_history(history, reading)


def read_history(history: WorkflowHistory, reading: Reading) -> Read:
    evidence = evidence_of([history], asyncio.run(replay([history])), without=PROJECTIONS)
    run = next(iter(evidence.runs), None)
    lines = [canonical(entry) for entry in run.replayed.entries] if run else []
    return Read(
        events=len(history.events),
        run=run,
        leaves=tuple(map(leaf_hash, lines)),
        lines=b"".join(line + b"\n" for line in lines) if reading.with_lines else b"",
        findings=(*evidence.unreadable, *check_signatures(evidence, reading.public_keys))
        if reading.public_keys
        else evidence.unreadable,
    )


def _unreadable(packed: PackedHistory, why: str) -> Read:
    return Read(
        events=0,
        run=None,
        leaves=(),
        lines=b"",
        findings=(
            Finding(
                kind=FindingKind.HISTORY_UNREADABLE,
                subject=f"history {packed.workflow_id}, member {packed.name}",
                message=f"The history of {packed.workflow_id} cannot be read: {why}.",
            ),
        ),
    )
