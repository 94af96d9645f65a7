"""What people do after an answer, and what time brings, in a shard that really runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.clock import now
from activities.histories import round_histories
from domain.ids import ReviewId, RoundId, review_task_id, shard_workflow_id
from domain.outcomes import How
from domain.reviewing import Escalation, ReviewRules
from domain.reviews import ClosingRequested, Submission, UndoRequested, Verdict, VerdictKind
from domain.rounds import Phase
from domain.tasks import ReviewStatus, TaskKind
from storage import claims, reviews, rounds, tasks
from storage.reviews import Review
from tests.workflows.round_world import ALL_AT_RANDOM, LEASE, POLICY, World, truth
from workflows.shards import ReviewShardWorkflow

pytestmark = pytest.mark.slow

DAY = 86_400.0
MINUTE = ReviewRules(undo_seconds=60.0)


def given(world: World, round_id: RoundId) -> list[Review]:
    with world.engine.connect() as connection:
        return reviews.reviews_of(connection, round_id)


async def until(found: Callable[[], bool], what: str) -> None:
    for _ in range(1_200):
        if found():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(what)


async def undo(world: World, review: Review) -> None:
    shard = world.client.get_workflow_handle(shard_workflow_id(review.round_id, review.shard))
    [author] = [each for each in world.reviewers if each.account_id == review.account_id]
    request = UndoRequested(
        request_id=f"undo {review.review_id}",
        round_id=review.round_id,
        record_id=review.record_id,
        review_id=review.review_id,
        actor=author,
        submitted_at=now(),
    )
    await shard.signal(ReviewShardWorkflow.undo, request)


def waiting(world: World, round_id: RoundId) -> int:
    with world.engine.connect() as connection:
        return sum(
            each.tasks
            for each in tasks.backlog(connection, round_id)
            if each.status in {"open", "claimed"}
        )


async def test_an_answer_that_settled_the_last_record_can_be_taken_back_and_given_again(
    world: World,
) -> None:
    plan = world.plan(world.pool(), reviewing=MINUTE, shard_size=8)
    await world.start(plan)
    while len(given(world, plan.round_id)) < 16:
        await world.answer_all(plan.round_id, most=1)
    await until(lambda: waiting(world, plan.round_id) == 0, "every record is settled")
    last = given(world, plan.round_id)[-1]
    await undo(world, last)
    await until(lambda: waiting(world, plan.round_id) == 1, "its task is open again")
    with world.engine.connect() as connection:
        assert len(reviews.outcomes_of(connection, plan.round_id)) == 7
    handle = world.client.get_workflow_handle(shard_workflow_id(plan.round_id, 0))
    [author] = [each for each in world.reviewers if each.account_id == last.account_id]
    again = Submission(
        review_id=ReviewId("again"),
        task_id=last.task_id,
        record_id=last.record_id,
        verdict=last.verdict,
        confidence=None,
        rationale="",
        seconds=1.0,
        guideline="news@1",
        actor=author,
        submitted_at=now(),
    )
    await handle.signal("review", again)
    await until(lambda: waiting(world, plan.round_id) == 0, "it has its answer")
    closing = ClosingRequested(
        request_id="close",
        round_id=plan.round_id,
        reason="nobody will take anything back",
        actor=world.requester,
        submitted_at=now(),
    )
    await handle.signal("close_shard", closing)
    found = await world.until(plan.round_id, Phase.APPROVAL)
    assert found.summary["quality"]["agreed"] == 8
    statuses = {review.review_id: review.status for review in given(world, plan.round_id)}
    assert statuses[last.review_id] is ReviewStatus.UNDONE
    assert statuses[ReviewId("again")] is ReviewStatus.ACCEPTED


async def test_closing_a_shard_early_holds_what_nobody_has_settled(world: World) -> None:
    plan = world.plan(world.pool(), shard_size=8)
    await world.start(plan)
    await world.until_open(plan.round_id)
    await world.answer_all(plan.round_id, most=5)
    handle = world.client.get_workflow_handle(shard_workflow_id(plan.round_id, 0))
    closing = ClosingRequested(
        request_id="close",
        round_id=plan.round_id,
        reason="enough",
        actor=world.requester,
        submitted_at=now(),
    )
    await handle.signal(ReviewShardWorkflow.close_shard, closing)
    found = await world.until(plan.round_id, Phase.APPROVAL)
    with world.engine.connect() as connection:
        outcomes = reviews.outcomes_of(connection, plan.round_id)
    held = [each for each in outcomes if each.outcome.how is How.CLOSED_EARLY]
    assert len(held) == found.summary["candidate"]["roles"]["held"] > 0


async def test_reminders_and_escalations_come_by_durable_timers(
    patient_world: World, time_skipping: WorkflowEnvironment
) -> None:
    world = patient_world
    chain = Escalation(after_hours=24.0, roles=("admin",), every_hours=24.0, times=2, raises=3)
    rules = ReviewRules(remind_at=(0.5, 0.9), escalations=(chain,))
    plan = world.plan(world.pool(), review_seconds=10 * DAY, reviewing=rules, shard_size=8)
    await world.start(plan)
    await world.until_open(plan.round_id)
    await time_skipping.sleep(timedelta(days=9, hours=12))
    with world.engine.connect() as connection:
        task = claims.claim_task(
            connection,
            world.reviewers[0].account_id,
            kinds={TaskKind.REVIEW},
            lease=LEASE,
            round_id=plan.round_id,
        )
    assert task is not None
    assert task.priority == 6
    [_, shard] = await round_histories(world.client, plan.round_id)
    timers = [event for event in shard.events if event.HasField("timer_fired_event_attributes")]
    assert len(timers) == 4


async def test_no_history_of_a_large_shard_grows_past_what_the_server_suggests(
    world: World,
) -> None:
    """200 records with three reviews each, every one of them decided by itself."""
    policy = replace(POLICY, batch_size=200, arms=ALL_AT_RANDOM)
    plan = world.plan(
        world.pool(records=220),
        policy=policy,
        shard_size=200,
        reviews_per_record=3,
    )
    await world.start(plan)
    await world.until_open(plan.round_id)
    with world.engine.connect() as connection:
        batch = rounds.get_batch(connection, plan.round_id, limit=200)
    handle = world.client.get_workflow_handle(shard_workflow_id(plan.round_id, 0))
    for slot, who in enumerate(world.reviewers):
        for row in batch:
            ordinal, record_id = row.selection.ordinal, row.selection.record_id
            submission = Submission(
                review_id=ReviewId(f"{ordinal}/{slot}"),
                task_id=review_task_id(plan.round_id, 0, ordinal, slot),
                record_id=record_id,
                verdict=Verdict(kind=VerdictKind.LABEL, label=truth(record_id)),
                confidence=None,
                rationale="",
                seconds=1.0,
                guideline="news@1",
                actor=who,
                submitted_at=now(),
            )
            await handle.signal("review", submission)
    found = await world.until(plan.round_id, Phase.APPROVAL)
    assert found.summary["quality"]["agreed"] == 200
    for history in await round_histories(world.client, plan.round_id):
        assert len(history.events) < 4_096
