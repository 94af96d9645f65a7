"""Rounds that began under an earlier version must end under this one."""

from __future__ import annotations

import gzip
import json
from importlib.metadata import version
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from domain.ids import RoundId, shard_workflow_id
from domain.rounds import RoundPlan, RoundResult, ShardPlan, ShardResult
from tests.replay.record import FINGERPRINTS, HISTORIES
from tests.replay.scenarios import SCENARIOS, fingerprint, fingerprints, play
from tests.workflows.round_world import World
from workers.sandbox import workflow_runner
from workflows.rounds import RoundWorkflow
from workflows.shards import ReviewShardWorkflow

GOLDEN = sorted(HISTORIES.glob("*/*.json.gz"))
OURS = [path for path in GOLDEN if path.parent.name == version("labelwright")]
INSTRUCTIONS = (
    "A round that is open now would break. Put the change behind `workflow.patched` with a named "
    "constant, so that old histories take the old path; `make golden` then records the new one."
)


def load(path: Path) -> WorkflowHistory:
    text = gzip.decompress(path.read_bytes()).decode()
    name, _, shard = path.name.removesuffix(".json.gz").partition("-shard-")
    # Under the ids that they had: who signed a message signed it for one workflow alone.
    workflow_id = shard_workflow_id(RoundId(name), int(shard)) if shard else f"round/{name}"
    return WorkflowHistory.from_json(workflow_id, text)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}/{path.name}")
async def test_a_golden_history_replays(path: Path) -> None:
    replayer = Replayer(
        workflows=[RoundWorkflow, ReviewShardWorkflow], workflow_runner=workflow_runner()
    )
    result = await replayer.replay_workflow(load(path), raise_on_replay_failure=False)
    assert result.replay_failure is None, f"{result.replay_failure}\n{INSTRUCTIONS}"


def test_there_are_golden_histories_of_every_scenario() -> None:
    names = {path.name.removesuffix(".json.gz") for path in GOLDEN}
    assert names >= set(SCENARIOS)


def test_the_fingerprints_are_those_of_this_version_s_histories() -> None:
    assert OURS, "make golden records them"
    assert fingerprints(list(map(load, OURS))) == json.loads(FINGERPRINTS.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["published", "failed", "amended"])
async def test_rounds_and_shards_give_the_commands_that_are_written_down(
    world: World, scenario: str
) -> None:
    recorded = json.loads(FINGERPRINTS.read_text())
    for workflow_id, given in fingerprints(await play(world, scenario)).items():
        assert given == recorded[workflow_id], INSTRUCTIONS


# -- the test of the test -----------------------------------------------------------------------


@workflow.defn(name="RoundWorkflow")
class HastyRound(RoundWorkflow):
    """Somebody has it wait a moment before it begins, and thinks of no open round."""

    @workflow.init
    def __init__(self, plan: RoundPlan) -> None:
        super().__init__(plan)

    @workflow.run
    async def run(self, plan: RoundPlan) -> RoundResult:
        await workflow.sleep(1)
        return await super().run(plan)


@workflow.defn(name="ReviewShardWorkflow")
class HastyShard(ReviewShardWorkflow):
    @workflow.init
    def __init__(self, plan: ShardPlan) -> None:
        super().__init__(plan)

    @workflow.run
    async def run(self, plan: ShardPlan) -> ShardResult:
        await workflow.sleep(1)
        return await super().run(plan)


@pytest.mark.parametrize(
    "path", [*HISTORIES.glob("*/published*.json.gz")], ids=lambda path: path.name
)
async def test_a_change_that_would_break_open_rounds_does_not_go_unnoticed(path: Path) -> None:
    replayer = Replayer(
        workflows=[HastyRound, HastyShard], workflow_runner=UnsandboxedWorkflowRunner()
    )
    result = await replayer.replay_workflow(load(path), raise_on_replay_failure=False)
    assert isinstance(result.replay_failure, workflow.NondeterminismError)


@pytest.mark.parametrize("workflow_id", ["round/published", "round/published/shard/0"])
def test_a_step_less_is_another_fingerprint(workflow_id: str) -> None:
    recorded = json.loads(FINGERPRINTS.read_text())[workflow_id]
    [whole] = [each for each in map(load, OURS) if each.workflow_id == workflow_id]
    steps = {step_of(event) for event in whole.events} - {""}
    assert steps
    for step in steps:
        rest = [event for event in whole.events if step_of(event) != step]
        assert fingerprint(WorkflowHistory(workflow_id, rest)) != recorded, step


def step_of(event: HistoryEvent) -> str:
    """The activity that the event schedules; empty for any other."""
    return event.activity_task_scheduled_event_attributes.activity_type.name
