"""Deadlines are durable timers: weeks pass on a server that skips time."""

from __future__ import annotations

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.clock import now
from domain.ids import shard_workflow_id
from domain.outcomes import How
from domain.reviews import DeadlineExtended
from domain.rounds import Phase
from storage import reviews
from tests.workflows.round_world import World, candidate_of
from workflows.rounds import RoundWorkflow
from workflows.shards import ReviewShardWorkflow

pytestmark = pytest.mark.slow

DAY = 86_400.0


async def test_records_that_nobody_settles_in_time_are_held(
    patient_world: World, time_skipping: WorkflowEnvironment
) -> None:
    world = patient_world
    plan = world.plan(world.pool(), review_seconds=14 * DAY)
    handle = await world.start(plan)
    await world.until(plan.round_id, Phase.REVIEWING)
    await world.answer_all(plan.round_id, most=6)
    await time_skipping.sleep(14 * DAY + 60)
    found = await world.until(plan.round_id, Phase.APPROVAL)
    with world.engine.connect() as connection:
        outcomes = reviews.outcomes_of(connection, plan.round_id)
    held = [each for each in outcomes if each.outcome.how is How.DEADLINE]
    assert 0 < len(held) < 8
    assert found.summary["candidate"]["roles"]["held"] == len(held)
    await handle.signal(
        RoundWorkflow.decide_approval, world.decision(plan.round_id, candidate_of(found))
    )
    assert (await handle.result()).phase is Phase.CLOSED


async def test_an_extended_deadline_keeps_the_tasks_open(
    patient_world: World, time_skipping: WorkflowEnvironment
) -> None:
    world = patient_world
    plan = world.plan(world.pool(), review_seconds=2 * DAY, shard_size=8)
    await world.start(plan)
    await world.until_open(plan.round_id)
    shard = world.client.get_workflow_handle(shard_workflow_id(plan.round_id, 0))
    extension = DeadlineExtended(
        request_id="more",
        round_id=plan.round_id,
        seconds=3 * DAY,
        reason="holidays",
        actor=world.requester,
        submitted_at=now(),
    )
    await shard.signal(ReviewShardWorkflow.extend_deadline, extension)
    await time_skipping.sleep(3 * DAY)
    assert world.round(plan.round_id).phase is Phase.REVIEWING
    assert await world.answer_all(plan.round_id) >= 16
    await world.until(plan.round_id, Phase.APPROVAL)
