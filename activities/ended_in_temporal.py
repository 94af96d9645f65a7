"""Rounds that Temporal itself has ended: terminated, timed out, failed beyond their own handling.

Such a workflow runs no code any more, so it cannot show its end in the read model. Whoever sees its
history can.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC

from sqlalchemy import Connection
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter

from activities.histories import status_of
from domain.ids import RoundId, Timestamp
from domain.round_notices import ended
from domain.rounds import ENDED, Phase
from storage import rounds
from storage.notices import tell
from storage.tables.columns import timestamp

_WORDS = {
    "terminated": "its workflow was terminated in Temporal itself",
    "timed_out": "its workflow ran out of time in Temporal",
    "failed": "its workflow failed in a way that it does not handle",
    "cancelled": "its workflow was cancelled in Temporal itself",
}
_PHASES = {
    "terminated": Phase.CANCELLED,
    "cancelled": Phase.CANCELLED,
    "timed_out": Phase.FAILED,
    "failed": Phase.FAILED,
}


@dataclass(frozen=True, kw_only=True)
class EndedInTemporal:
    """How and when it ended."""

    phase: Phase
    code: str
    message: str
    at: Timestamp


def ended_in_temporal(history: WorkflowHistory) -> EndedInTemporal | None:
    """How Temporal ended the decoded history of a round; none where the round did so itself, or
    goes on."""
    status = status_of(history)
    if status not in _WORDS:
        return None
    last = history.events[-1]
    said = ""
    if status == "terminated":
        said = last.workflow_execution_terminated_event_attributes.reason
    elif status == "failed":
        failure = last.workflow_execution_failed_event_attributes.failure
        converter = DataConverter.default
        said = str(converter.failure_converter.from_failure(failure, converter.payload_converter))
    return EndedInTemporal(
        phase=_PHASES[status],
        code=f"workflow_{status}",
        message=_WORDS[status] + (f": {said}" if said else ""),
        at=timestamp(last.event_time.ToDatetime(tzinfo=UTC)),
    )


def show_end(
    connection: Connection, round_id: RoundId, end: EndedInTemporal, *, announce: bool = True
) -> bool:
    """Ends the round in the read model, and whether it was open there until now.

    Its tasks are closed and its records are free for other rounds. `announce` tells of it.
    """
    before = rounds.get_round(connection, round_id)
    if before.phase in ENDED:
        return False
    failure = {
        "code": end.code,
        "message": end.message,
        "hint": "nothing was published by it after that; start the round again",
        "phase": before.phase.value,
    }
    rounds.close_round(
        connection,
        round_id,
        phase=end.phase,
        ledger_head=None,
        ledger_length=None,
        failure=dict(failure),
        at=end.at,
    )
    if announce:
        tell(
            connection, [ended(before.plan, end.phase, dict(failure))], round_id=round_id, at=end.at
        )
    return True
