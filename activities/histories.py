"""Fetches the histories of a round: its own and those of all its shards, every run of each."""

from __future__ import annotations

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory

from domain.ids import RoundId, round_workflow_id

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
