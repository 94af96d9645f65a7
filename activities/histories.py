"""Fetches the histories of a round: its own and those of all its shards, every run of each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from functools import cache

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory
from temporalio.converter import PayloadCodec

from domain.errors import DamagedPayload
from domain.ids import RoundId, round_workflow_id

ENCODING = "encoding"
ENCRYPTED = b"binary/encrypted"
"""The encoding of a payload that only a codec with its key makes anything of."""

_AT_A_TIME = 2_000
"""Payloads, after which others have their turn: decrypting them takes some ten milliseconds."""

ENDINGS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "completed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "failed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "cancelled",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: "terminated",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: "timed_out",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "continued_as_new",
}

DECIDED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
"""What a worker reports when a workflow has taken note of what came in, and decided."""


async def round_histories(client: Client, round_id: RoundId) -> list[WorkflowHistory]:
    """The round's history first, then its shards' in the order of their starting, runs in order.

    Raises temporalio.service.RPCError with status NOT_FOUND when Temporal has forgotten the round.
    """
    histories = await _runs(client, round_workflow_id(round_id))
    shards = [
        event.start_child_workflow_execution_initiated_event_attributes.workflow_id
        for history in histories
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED
    ]
    for shard in shards:
        histories.extend(await _runs(client, shard))
    return histories


def status_of(history: WorkflowHistory) -> str:
    """How the run ended, or `running`."""
    return ENDINGS.get(history.events[-1].event_type, "running")


def workflow_type_of(history: WorkflowHistory) -> str:
    return str(history.events[0].workflow_execution_started_event_attributes.workflow_type.name)


async def decode(histories: Iterable[WorkflowHistory], codec: PayloadCodec | None) -> None:
    """Puts every payload of the histories in the place of its encrypted form.

    What is not encrypted stays as it is, and so does a payload that cannot be decrypted with the
    key that it names: whoever reads it finds that it says nothing. Raises UnknownPayloadKey.
    """
    for history in histories:
        wanted = [
            payload
            for event in history.events
            for payload in payloads_in(event)
            if payload.metadata.get(ENCODING) == ENCRYPTED
        ]
        for start in range(0, len(wanted) if codec else 0, _AT_A_TIME):
            await _decode(wanted[start : start + _AT_A_TIME], codec)
            await asyncio.sleep(0)


def payloads_in(message: Message) -> Iterator[Payload]:
    """Every payload anywhere in a message of Temporal's API, search attributes included."""
    if isinstance(message, Payload):
        yield message
        return
    leading = _leading_to_payloads(message.DESCRIPTOR)
    for field, value in message.ListFields():
        if field.name not in leading:
            continue
        if not field.is_repeated:
            yield from payloads_in(value)
        elif field.message_type and field.message_type.GetOptions().map_entry:
            for item in value.values():
                yield from payloads_in(item)
        else:
            for item in value:
                yield from payloads_in(item)


async def _decode(payloads: list[Payload], codec: PayloadCodec | None) -> None:
    if codec is None:
        return
    try:
        decoded = await codec.decode(payloads)
    except DamagedPayload:
        # One by one, to leave out those alone that are damaged.
        if len(payloads) > 1:
            for payload in payloads:
                await _decode([payload], codec)
        return
    for payload, plain in zip(payloads, decoded, strict=True):
        payload.CopyFrom(plain)


@cache
def _leading_to_payloads(kind: Descriptor) -> frozenset[str]:
    """The fields of a message in which there may be payloads."""
    return frozenset(
        field.name
        for field in kind.fields
        if field.message_type is not None and _holds_payloads(field.message_type, frozenset())
    )


def _holds_payloads(kind: Descriptor, above: frozenset[str]) -> bool:
    if kind.full_name == Payload.DESCRIPTOR.full_name:
        return True
    inside = above | {kind.full_name}
    return kind.full_name not in above and any(
        field.message_type is not None and _holds_payloads(field.message_type, inside)
        for field in kind.fields
    )


async def _runs(client: Client, workflow_id: str) -> list[WorkflowHistory]:
    """Every run of the workflow, oldest first: the last one names the one before it."""
    runs: list[WorkflowHistory] = []
    run_id: str | None = None
    while True:
        history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
        runs.insert(0, history)
        started = history.events[0].workflow_execution_started_event_attributes
        run_id = started.continued_execution_run_id
        if not run_id:
            return runs
