"""Which build decides: written in the histories, and chosen by the server, two builds at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.delivery import DeliveryActivities
from activities.histories import round_histories
from activities.outbound import Outbound
from domain.ids import RoundId, round_workflow_id
from domain.retention import Retention
from domain.rounds import Phase
from storage.database import engine
from tests.webhook_receiver import SEALER, TO_LOOPBACK
from tests.workflows.round_world import World, make_world
from workers.audit.recorded import recorded
from workers.build import build_id, source_digest
from workers.compute import compute_worker
from workers.deployment import deployment_config, make_current
from workers.orchestration import orchestration_worker
from workers.versioning import Versioning

pytestmark = pytest.mark.slow


@pytest.fixture
async def idle_world(
    development_server: WorkflowEnvironment, database: str, tmp_path: Path
) -> AsyncIterator[World]:
    """Nobody decides in it yet."""
    connected = engine(database)
    made = make_world(development_server.client, connected, tmp_path)
    async with compute_worker(made.client, made.engine, made.store, made.datasets):
        yield made
    connected.dispose()


@asynccontextmanager
async def deciding(world: World, build: str, versioning: Versioning) -> AsyncIterator[None]:
    """A worker that says it is of that build, as its process has it."""
    delivery = DeliveryActivities(world.engine, Outbound(TO_LOOPBACK), SEALER.open)
    config = deployment_config(versioning, build)
    async with orchestration_worker(
        world.client, world.engine, world.store, delivery, Retention(rules=()), deployment=config
    ):
        await make_current(world.client, versioning, build)
        yield


async def builds(world: World, round_id: RoundId) -> set[str]:
    """Every build that completed a workflow task of the round or its shards."""
    histories = await round_histories(world.client, round_id)
    assert len(histories) > 1, "the round has shards"
    return {build for history in histories for build in recorded(history).builds}


async def begun(world: World) -> RoundId:
    plan = world.plan(world.pool())
    await world.start(plan)
    await world.until(plan.round_id, Phase.REVIEWING)
    await world.until_open(plan.round_id, 1)
    return plan.round_id


async def ended(world: World, round_id: RoundId) -> None:
    handle = world.client.get_workflow_handle(round_workflow_id(round_id))
    await handle.signal("cancel_round", world.cancellation(round_id))
    await handle.result()


async def test_a_pinned_round_ends_on_the_build_that_it_began_on(idle_world: World) -> None:
    world = idle_world
    async with deciding(world, "1-old", Versioning.PINNED):
        old = await begun(world)
        async with deciding(world, "2-new", Versioning.PINNED):
            new = await begun(world)
            # The old one started anew, after a crash say, takes nothing back.
            await make_current(world.client, Versioning.PINNED, "1-old")
            newest = await begun(world)
            for round_id in (old, new, newest):
                await ended(world, round_id)
    assert await builds(world, old) == {"1-old"}
    assert await builds(world, new) == await builds(world, newest) == {"2-new"}


async def test_an_upgrade_takes_over_the_rounds_that_are_open(idle_world: World) -> None:
    world = idle_world
    async with deciding(world, "1-old", Versioning.AUTO_UPGRADE):
        round_id = await begun(world)
    async with deciding(world, "2-new", Versioning.AUTO_UPGRADE):
        await ended(world, round_id)
    assert await builds(world, round_id) == {"1-old", "2-new"}


async def test_an_unversioned_worker_says_its_build_all_the_same(world: World) -> None:
    round_id = await begun(world)
    await ended(world, round_id)
    assert await builds(world, round_id) == {build_id()}


def test_a_change_of_what_decides_is_another_build(tmp_path: Path) -> None:
    folder = tmp_path / "domain"
    folder.mkdir()
    (folder / "rules.py").write_text("LIMIT = 1\n")
    before = source_digest(folder)
    assert source_digest(folder) == before
    (folder / "rules.py").write_text("LIMIT = 2\n")
    assert source_digest(folder) != before
