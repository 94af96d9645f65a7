"""A worker without the key of a message waits for it, and nothing is lost meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from domain.ids import ORCHESTRATION_QUEUE, round_workflow_id
from domain.rounds import Phase
from storage import rounds
from storage.database import engine
from tests.signing import signing_client
from tests.workflows.round_world import make_world, working
from workers.conversion import encrypted
from workers.encryption import EncryptionCodec, ensure_keys

pytestmark = pytest.mark.slow


def append(path: Path, other: Path) -> None:
    path.write_text(path.read_text() + other.read_text())


async def test_a_round_whose_key_the_workers_lack_goes_on_once_they_have_it(
    development_address: str, database: str, tmp_path: Path
) -> None:
    ours, theirs = tmp_path / "api.keys", tmp_path / "workers.keys"
    sender = signing_client(
        await Client.connect(
            development_address, data_converter=encrypted(EncryptionCodec(ensure_keys(ours)))
        )
    )
    working_with = await Client.connect(
        development_address, data_converter=encrypted(EncryptionCodec(ensure_keys(theirs)))
    )
    connected = engine(database)
    world = make_world(working_with, connected, tmp_path)
    async with working(world):
        plan = world.plan(world.pool())
        with connected.begin() as connection:
            rounds.create_round(connection, plan)
        handle = await sender.start_workflow(
            "RoundWorkflow", plan, id=round_workflow_id(plan.round_id),
            task_queue=ORCHESTRATION_QUEUE,
        )  # fmt: skip
        failed = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
        while not any(e.event_type == failed for e in (await handle.fetch_history()).events):
            pass
        assert world.round(plan.round_id).updated_at is None, "no step was taken without the plan"
        append(theirs, ours)
        await world.until(plan.round_id, Phase.REVIEWING)
        cancellation = world.cancellation(plan.round_id)
        await handle.signal("cancel_round", cancellation)
        ended = await world.until(plan.round_id, Phase.CANCELLED)
        assert ended.failure is not None
        assert ended.failure["message"] == cancellation.reason
    connected.dispose()
