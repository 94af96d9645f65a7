"""What Temporal recorded of one run, decoded: what it was told, what it asked for, how it ended.

This reads events as they are and decides nothing; the ledger comes from replaying them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import TypeVar

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from activities.histories import DECIDED, status_of, workflow_type_of
from domain.canonical import Sha256, tame
from domain.directing import TaskDirected
from domain.ids import Timestamp
from domain.reviews import (
    ClosingRequested,
    DeadlineExtended,
    Submission,
    UndoRequested,
    signed_part,
)
from domain.rounds import (
    ApprovalDecided,
    BatchDecided,
    CancelRequested,
    RoundPlan,
    RoundResult,
    ShardPlan,
    ShardResult,
)
from storage.tables.columns import timestamp
from workers.conversion import PayloadConverter

T = TypeVar("T")
Message = (
    Submission
    | UndoRequested
    | TaskDirected
    | DeadlineExtended
    | ClosingRequested
    | BatchDecided
    | ApprovalDecided
    | CancelRequested
)

MESSAGES: dict[str, type[Message]] = {
    "review": Submission,
    "adjudicate": Submission,
    "undo": UndoRequested,
    "direct": TaskDirected,
    "extend_deadline": DeadlineExtended,
    "close_shard": ClosingRequested,
    "decide_batch": BatchDecided,
    "decide_approval": ApprovalDecided,
    "cancel_round": CancelRequested,
}
"""Signal → what it carries."""

MESSAGES_AS_SENT = PayloadConverter()
PROJECTIONS = frozenset({"project_shard"})
"""Steps that only bring the read model up to date: most of a history."""

UNDECODABLE = (RuntimeError, TypeError, ValueError, KeyError)
"""What the SDK's converter raises for payloads that are not what they should be."""


class UnreadableHistory(Exception):
    """The history is not one of a round or a shard."""


@dataclass(frozen=True, kw_only=True)
class Signal:
    name: str
    event_id: int
    identity: str
    """What the sender claimed to be."""
    message: Message | None
    """None when it is no message of ours."""
    digest: Sha256 | None
    """Of the message without its signature, by which the ledger cites it."""


@dataclass(frozen=True, kw_only=True)
class Activity:
    name: str
    event_id: int
    scheduled_at: Timestamp
    input: Payloads
    result: Payloads | None
    """None unless it has completed."""

    def request(self, kind: type[T]) -> T:
        """What it was asked. Raises UnreadableHistory."""
        return self._decoded(self.input, kind)

    def answer(self, kind: type[T]) -> T | None:
        """What it answered, if it has. Raises UnreadableHistory."""
        return None if self.result is None else self._decoded(self.result, kind)

    def _decoded(self, payloads: Payloads, kind: type[T]) -> T:
        try:
            return decode(payloads, kind)
        except UNDECODABLE as error:
            raise UnreadableHistory(f"step {self.name}, event {self.event_id}: {error}") from error


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    workflow_id: str
    run_id: str
    source: str
    """`round`, or `shard 3`."""
    status: str
    events: int
    until: Timestamp
    """When the last event was recorded."""
    plan: RoundPlan | ShardPlan
    signals: tuple[Signal, ...]
    activities: tuple[Activity, ...]
    children: tuple[str, ...]
    """Workflow ids, in the order of their starting."""
    child_results: tuple[ShardResult, ...]
    result: RoundResult | ShardResult | None
    handed_over: ShardPlan | None
    """What the next run was told, where this one continued as new."""
    next_run: str
    builds: tuple[str, ...]
    """Of the workers that completed its workflow tasks, in the order of their first one."""

    @property
    def subject(self) -> str:
        return f"history {self.workflow_id} run {self.run_id}"

    def asked(self, activity: str) -> list[Activity]:
        return [each for each in self.activities if each.name == activity]


def recorded(history: WorkflowHistory, *, without: frozenset[str] = frozenset()) -> RecordedRun:
    """The run as recorded, but for steps of the names in `without`. Raises UnreadableHistory."""
    try:
        return _recorded(history, without)
    except (*UNDECODABLE, IndexError) as error:
        raise UnreadableHistory(f"{history.workflow_id}: {error}") from error


def decode(payloads: Payloads, kind: type[T]) -> T:
    """The first of the payloads. Raises one of UNDECODABLE."""
    [value] = MESSAGES_AS_SENT.from_payloads(payloads.payloads[:1], [kind])
    if not isinstance(value, kind):
        raise TypeError(f"expected a {kind.__name__}")
    return value


def _recorded(history: WorkflowHistory, without: frozenset[str]) -> RecordedRun:
    events = list(history.events)
    started = events[0].workflow_execution_started_event_attributes
    plan: RoundPlan | ShardPlan
    kind: type[RoundResult | ShardResult]
    if workflow_type_of(history) == "RoundWorkflow":
        plan, kind = decode(started.input, RoundPlan), RoundResult
    else:
        plan, kind = decode(started.input, ShardPlan), ShardResult
    last = events[-1]
    ended = last.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
    result = last.workflow_execution_completed_event_attributes.result
    continued = last.workflow_execution_continued_as_new_event_attributes
    goes_on = status_of(history) == "continued_as_new"
    return RecordedRun(
        workflow_id=history.workflow_id,
        run_id=history.run_id,
        source="round" if isinstance(plan, RoundPlan) else f"shard {plan.shard}",
        status=status_of(history),
        events=len(events),
        until=_until(events),
        plan=plan,
        signals=tuple(_signals(events)),
        activities=tuple(_activities(events, without)),
        children=tuple(_children(events)),
        child_results=tuple(_child_results(events)),
        result=decode(result, kind) if ended else None,
        handed_over=decode(continued.input, ShardPlan) if goes_on else None,
        next_run=continued.new_execution_run_id,
        builds=tuple(dict.fromkeys(_builds(events))),
    )


def _until(events: list[HistoryEvent]) -> Timestamp:
    """Workflow time of the last decisions; before all times where there are none yet."""
    started = {
        event.event_id: event.event_time
        for event in events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
    }
    for event in reversed(events):
        if event.event_type == DECIDED:
            task = event.workflow_task_completed_event_attributes.started_event_id
            return timestamp(started[task].ToDatetime(tzinfo=UTC))
    return Timestamp("")


def _builds(events: list[HistoryEvent]) -> Iterator[str]:
    for event in events:
        if event.event_type == DECIDED:
            completed = event.workflow_task_completed_event_attributes
            build = completed.deployment_version.build_id or completed.worker_version.build_id
            if build:
                yield build


def _signals(events: list[HistoryEvent]) -> Iterator[Signal]:
    for event in events:
        if event.event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            continue
        signal = event.workflow_execution_signaled_event_attributes
        message = _message(signal.signal_name, signal.input)
        yield Signal(
            name=signal.signal_name,
            event_id=event.event_id,
            identity=signal.identity,
            message=message,
            digest=None if message is None else signed_part(message),
        )


def _message(name: str, payloads: Payloads) -> Message | None:
    """The message as the workflow took it."""
    try:
        return tame(decode(payloads, MESSAGES[name]))
    except UNDECODABLE:
        return None


def _activities(events: list[HistoryEvent], without: frozenset[str]) -> Iterator[Activity]:
    results = {
        event.activity_task_completed_event_attributes.scheduled_event_id: (
            event.activity_task_completed_event_attributes.result
        )
        for event in events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
    }
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled = event.activity_task_scheduled_event_attributes
            if scheduled.activity_type.name in without:
                continue
            yield Activity(
                name=scheduled.activity_type.name,
                event_id=event.event_id,
                scheduled_at=timestamp(event.event_time.ToDatetime(tzinfo=UTC)),
                input=scheduled.input,
                result=results.get(event.event_id),
            )


def _children(events: list[HistoryEvent]) -> Iterator[str]:
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
            yield event.start_child_workflow_execution_initiated_event_attributes.workflow_id


def _child_results(events: list[HistoryEvent]) -> Iterator[ShardResult]:
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED:
            yield decode(
                event.child_workflow_execution_completed_event_attributes.result, ShardResult
            )
