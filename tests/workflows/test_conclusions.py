"""A shard that has concluded changes its mind no more, whatever still comes in."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import WorkflowHandle

from activities.clock import now
from activities.review import read_reviewed
from domain.ids import ReviewId, shard_workflow_id
from domain.reviews import Submission, Verdict, VerdictKind
from domain.rounds import Phase, ShardResult
from domain.tasks import ReviewStatus
from storage import reviews
from tests.workflows.round_world import World, candidate_of
from workflows.rounds import RoundWorkflow
from workflows.shards import ReviewShardWorkflow

pytestmark = pytest.mark.slow


async def _until_concluding(shard: WorkflowHandle[ReviewShardWorkflow, ShardResult]) -> None:
    """Answers are shown a moment before the shard knows it, and may still be corrected then."""
    for _ in range(1_200):
        pending = (await shard.describe()).raw_description.pending_activities
        if any(each.activity_type.name == "store_outcomes" for each in pending):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the shard does not store its outcomes")


async def test_a_correction_that_comes_while_outcomes_are_stored_is_late(world: World) -> None:
    """The store refuses to be written until it has come."""
    plan = world.plan(world.pool(), shard_size=8)
    handle = await world.start(plan)
    await world.until_open(plan.round_id)
    incoming = world.datasets.parent / "artifacts" / "incoming"
    incoming.rmdir()
    incoming.touch()
    await world.answer_all(plan.round_id, most=16)
    [earlier, *_] = await world.until_heard(plan.round_id, 16)
    shard: WorkflowHandle[ReviewShardWorkflow, ShardResult] = world.client.get_workflow_handle(
        shard_workflow_id(plan.round_id, 0), result_type=ShardResult
    )
    [author] = [each for each in world.reviewers if each.account_id == earlier.account_id]
    correction = Submission(
        review_id=ReviewId("better"),
        task_id=earlier.task_id,
        record_id=earlier.record_id,
        verdict=Verdict(kind=VerdictKind.ESCALATE),
        confidence=None,
        rationale="on second thought",
        seconds=1.0,
        guideline="news@1",
        actor=author,
        submitted_at=now(),
        corrects=earlier.review_id,
    )
    await _until_concluding(shard)
    await shard.signal(ReviewShardWorkflow.review, correction)
    incoming.unlink()
    found = await world.until(plan.round_id, Phase.APPROVAL)
    with world.engine.connect() as connection:
        shown = reviews.outcomes_of(connection, plan.round_id)
        late = reviews.get_review(connection, ReviewId("better"))
    stored = read_reviewed(world.store, ((await shard.result()).outcomes,))
    assert {each.outcome.record_id: each.outcome for each in shown} == {
        record_id: each.outcome for record_id, each in stored.items()
    }
    assert late is not None
    assert (late.status, late.refusal) == (ReviewStatus.REFUSED, "late: reviewing has ended")
    await handle.signal(
        RoundWorkflow.decide_approval, world.decision(plan.round_id, candidate_of(found))
    )
    assert (await handle.result()).phase is Phase.CLOSED
