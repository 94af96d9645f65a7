"""Rounds that began under an earlier version must end under this one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from domain.ids import RoundId, shard_workflow_id
from tests.replay.record import FINGERPRINTS, HISTORIES
from tests.replay.scenarios import SCENARIOS, fingerprint, play
from tests.workflows.round_world import World
from workers.sandbox import workflow_runner
from workflows.rounds import RoundWorkflow
from workflows.shards import ReviewShardWorkflow

GOLDEN = sorted(HISTORIES.glob("*/*.json.gz"))
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


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["published", "failed", "amended"])
async def test_a_round_gives_the_commands_that_are_written_down(
    world: World, scenario: str
) -> None:
    recorded = json.loads(FINGERPRINTS.read_text())[scenario]
    [history, *_shards] = await play(world, scenario)
    assert fingerprint(history) == recorded, INSTRUCTIONS
