"""Replays histories with Temporal's own Replayer and keeps the ledgers that come out.

A ledger is a field of the workflow object. It has to be read while the workflow stands where its
history ends: when the SDK lets go of a workflow it cancels its tasks, and an open round would then
write its own cancellation down. So each activation but that last one copies what is new.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import (
    HistoryEvent,
    WorkflowTaskScheduledEventAttributes,
    WorkflowTaskStartedEventAttributes,
)
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    Replayer,
    UnsandboxedWorkflowRunner,
    WorkflowInboundInterceptor,
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowInterceptorClassInput,
    WorkflowRunner,
)

from activities.histories import DECIDED, status_of
from domain.ledger import Entry, Ledger
from workers.conversion import PayloadConverter
from workflows.rounds import RoundWorkflow
from workflows.shards import ReviewShardWorkflow

STARTED = EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
AFTER_STARTED = frozenset(
    {
        DECIDED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
    }
)
"""What can come after a workflow task has started: whatever else comes in waits for its end."""


class ReadingConverter(PayloadConverter):
    """Reads messages as the workers do, and writes none.

    What a replayed workflow asks for goes nowhere: the history's own commands are compared by kind
    and id, so putting their content into words, a quarter of the time, would be for nobody.
    """

    def to_payloads(self, values: Sequence[Any]) -> list[Payload]:
        return [Payload()] * len(values)


READING = DataConverter(payload_converter_class=ReadingConverter)


@dataclass(frozen=True, kw_only=True)
class ReplayedRun:
    run_id: str
    entries: tuple[Entry, ...]
    failure: str
    """Why the history could not be replayed; empty when it could."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    runs: dict[str, ReplayedRun]
    """By run id."""

    @property
    def complete(self) -> bool:
        return not any(run.failure for run in self.runs.values())


async def replay(histories: Sequence[WorkflowHistory]) -> Replayed:
    """The ledger of every run, as far as its history goes."""
    kept = _Kept()
    malformed = {each.run_id: _malformed(each) for each in histories}
    failures = malformed | await _failures(
        [each for each in histories if not malformed[each.run_id]], kept
    )
    # The SDK gives up on an activation after two seconds, which a busy machine can take. What is
    # wrong with a history is still wrong the second time.
    again = [each for each in histories if failures[each.run_id] and not malformed[each.run_id]]
    if again:
        kept.forget(each.run_id for each in again)
        failures |= await _failures(again, kept)
    return Replayed(
        runs={
            run_id: ReplayedRun(
                run_id=run_id, entries=tuple(kept.entries.get(run_id, ())), failure=failure
            )
            for run_id, failure in failures.items()
        }
    )


async def _failures(histories: Sequence[WorkflowHistory], kept: _Kept) -> dict[str, str]:
    """Why each history could not be replayed, by run id; empty where it could."""

    async def each() -> AsyncIterator[WorkflowHistory]:
        for history in map(_as_decided, histories):
            if history.events:
                yield history

    replayer = Replayer(
        runtime=_quiet(),
        workflows=[RoundWorkflow, ReviewShardWorkflow],
        data_converter=READING,
        # The sandbox imports modules anew for every run, and on Python 3.11 two imports at a time
        # can stand still (CPython #91351). The code is our own.
        workflow_runner=_KeepingRunner(kept),
        interceptors=[kept],
    )
    # Where no worker has finished a task yet, nothing has been decided.
    failures = {each.run_id: "" for each in histories}
    async with replayer.workflow_replay_iterator(each()) as results:
        async for result in results:
            failure = result.replay_failure
            failures[result.history.run_id] = "" if failure is None else str(failure)
    return failures


@cache
def _quiet() -> Runtime:
    """Logs nothing: the SDK logs to standard output, and what fails is in the report."""
    return Runtime(telemetry=TelemetryConfig(logging=None))


def _malformed(history: WorkflowHistory) -> str:
    """Why no server can have written the history; empty where one can.

    The SDK does not refuse such a history: its core panics, and the replay stands still for ever.
    """
    events = list(history.events)
    for number, event in enumerate(events, 1):
        if event.event_id != number:
            return f"event {event.event_id} stands where event {number} should"
    for event, following in pairwise(events):
        if event.event_type == STARTED and following.event_type not in AFTER_STARTED:
            return f"event {following.event_id} comes in the middle of a workflow task"
    return ""


def _as_decided(history: WorkflowHistory) -> WorkflowHistory:
    """The history as far as the workflow has decided: to the commands of its last finished task.

    Replaying what came in since, or a task that some worker has in hand at this moment, would
    decide before the workflow itself does, and at another time.
    """
    if status_of(history) != "running":
        return history
    events = list(history.events)
    finished = [place for place, event in enumerate(events) if event.event_type == DECIDED]
    if not finished:
        return WorkflowHistory(history.workflow_id, [])
    last = events[finished[-1]]
    end = finished[-1] + 1
    while end < len(events) and _commanded_by(events[end], last):
        end += 1
    return WorkflowHistory(history.workflow_id, [*events[:end], *_next_task(events[end - 1])])


def _next_task(after: HistoryEvent) -> list[HistoryEvent]:
    """A task that brings nothing: the SDK replays a task only when another one follows it."""
    started = WorkflowTaskStartedEventAttributes(scheduled_event_id=after.event_id + 1)
    return [
        HistoryEvent(
            event_id=after.event_id + 1,
            event_time=after.event_time,
            event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
            workflow_task_scheduled_event_attributes=WorkflowTaskScheduledEventAttributes(),
        ),
        HistoryEvent(
            event_id=after.event_id + 2,
            event_time=after.event_time,
            event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
            workflow_task_started_event_attributes=started,
        ),
    ]


def _commanded_by(event: HistoryEvent, task: HistoryEvent) -> bool:
    attributes = getattr(event, str(event.WhichOneof("attributes")))
    return getattr(attributes, "workflow_task_completed_event_id", None) == task.event_id


class _Kept(Interceptor):
    """The workflows that are being replayed, and their ledgers so far, by run id."""

    def __init__(self) -> None:
        self.entries: dict[str, list[Entry]] = {}
        self._running: dict[str, Any] = {}

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002 -- the SDK's name for it
    ) -> type[WorkflowInboundInterceptor] | None:
        del input
        running = self._running

        class Notice(WorkflowInboundInterceptor):
            async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002
                running[workflow.info().run_id] = workflow.instance()
                return await super().execute_workflow(input)

        return Notice

    def keep(self, run_id: str) -> None:
        ledger = _ledger_of(self._running.get(run_id))
        if ledger is not None:
            kept = self.entries.setdefault(run_id, [])
            kept.extend(ledger.entries[len(kept) :])

    def let_go(self, run_id: str) -> None:
        self._running.pop(run_id, None)

    def forget(self, run_ids: Iterable[str]) -> None:
        for run_id in run_ids:
            self.entries.pop(run_id, None)


def _ledger_of(instance: object) -> Ledger | None:
    match instance:
        case RoundWorkflow():
            return instance.ledger
        case ReviewShardWorkflow(shard=shard) if shard is not None:
            return shard.ledger
        case _:
            return None


class _KeepingRunner(WorkflowRunner):
    """Runs workflows as the unsandboxed runner does, and keeps their ledgers as they go."""

    def __init__(self, kept: _Kept) -> None:
        self._kept = kept
        self._plain = UnsandboxedWorkflowRunner()

    def prepare_workflow(self, defn: Any) -> None:
        self._plain.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        instance = self._plain.create_instance(det)
        activate = instance.activate

        def keeping(act: WorkflowActivation) -> WorkflowActivationCompletion:
            if any(job.HasField("remove_from_cache") for job in act.jobs):
                self._kept.let_go(act.run_id)
                return activate(act)
            completion = activate(act)
            self._kept.keep(act.run_id)
            return completion

        # Delegating by hand would tie us to every method that the SDK may add.
        instance.activate = keeping  # type: ignore[method-assign]
        return instance
