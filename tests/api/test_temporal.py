"""The API calls workflows by name: the names are those that the workflows have."""

from __future__ import annotations

import typing

import pytest
from temporalio import workflow

from api import temporal
from domain.directing import TaskDirected
from domain.reviews import ClosingRequested, DeadlineExtended, Submission, UndoRequested
from domain.rounds import ApprovalDecided, BatchDecided, CancelRequested, RoundPlan
from domain.tasks import TaskKind
from workflows.rounds import RoundWorkflow
from workflows.shards import ReviewShardWorkflow


def message_of(handler: object) -> object:
    [message] = [kind for name, kind in typing.get_type_hints(handler).items() if name != "return"]
    return message


def test_the_round_workflow_has_the_name_that_the_api_starts() -> None:
    assert RoundWorkflow.__name__ == temporal.ROUND_WORKFLOW
    assert typing.get_type_hints(RoundWorkflow.run)["plan"] is RoundPlan


@pytest.mark.parametrize(
    ("defined_in", "name", "message"),
    [
        (ReviewShardWorkflow, temporal.SUBMISSION_SIGNALS[TaskKind.REVIEW], Submission),
        (ReviewShardWorkflow, temporal.SUBMISSION_SIGNALS[TaskKind.ADJUDICATION], Submission),
        (ReviewShardWorkflow, temporal.UNDO, UndoRequested),
        (ReviewShardWorkflow, temporal.EXTEND_DEADLINE, DeadlineExtended),
        (ReviewShardWorkflow, temporal.DIRECT, TaskDirected),
        (ReviewShardWorkflow, temporal.CLOSE_SHARD, ClosingRequested),
        (RoundWorkflow, temporal.DECIDE_BATCH, BatchDecided),
        (RoundWorkflow, temporal.DECIDE_APPROVAL, ApprovalDecided),
        (RoundWorkflow, temporal.CANCEL_ROUND, CancelRequested),
    ],
)
def test_each_signal_is_taken_by_its_workflow_with_its_message(
    defined_in: type, name: str, message: type
) -> None:
    handler = getattr(defined_in, name)
    definition = workflow._SignalDefinition.from_fn(handler)
    assert definition is not None
    assert definition.name == name
    assert message_of(handler) is message
