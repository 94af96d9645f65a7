"""A history that nears its limit hands over to a new run, which carries all that is pending."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.clock import now
from activities.histories import round_histories, status_of
from domain.accounts import Actor
from domain.ids import shard_workflow_id
from domain.reviewing import Escalation, ReviewRules
from domain.reviews import ClosingRequested, Submission, UndoRequested
from domain.rounds import Phase
from domain.tasks import ReviewStatus
from storage import reviews
from storage.reviews import Review
from tests.workflows.round_world import World
from workers.audit.replay import replay
from workflows.shards import MAX_EVENTS, ReviewShardWorkflow

pytestmark = pytest.mark.slow

DAY = 86_400.0
AT_ONCE = 100
REPEATED = MAX_EVENTS
"""Signals: each is an event, and the workflow tasks that they cause are a few more."""
RULES = ReviewRules(
    undo_seconds=3_600.0,
    remind_at=(0.2, 0.8),
    escalations=(Escalation(after_hours=24.0, roles=("admin",), every_hours=72.0, times=3),),
)


async def test_a_new_run_carries_answers_undo_windows_reminders_and_escalations(
    patient_world: World, time_skipping: WorkflowEnvironment
) -> None:
    """One answer comes so often that the history grows too long, between two reminders."""
    world = patient_world
    plan = world.plan(world.pool(), review_seconds=10 * DAY, reviewing=RULES, shard_size=8)
    round_id = plan.round_id
    await world.start(plan)
    await world.until_open(round_id)
    await time_skipping.sleep(timedelta(days=2, hours=12))
    await world.answer_all(round_id, most=6)
    given = await world.until_heard(round_id, 6)
    shard = world.client.get_workflow_handle(shard_workflow_id(round_id, 0))

    first = (await shard.describe()).run_id
    again = sent_again(world, given[0])
    for _ in range(REPEATED // AT_ONCE):
        await asyncio.gather(
            *(shard.signal(ReviewShardWorkflow.review, again) for _ in range(AT_ONCE))
        )
    await another_run(shard, first)
    undo = UndoRequested(
        request_id="undo",
        round_id=round_id,
        record_id=given[-1].record_id,
        review_id=given[-1].review_id,
        actor=author(world, given[-1]),
        submitted_at=now(),
    )
    await shard.signal(ReviewShardWorkflow.undo, undo)
    await time_skipping.sleep(timedelta(days=7))
    await world.answer_all(round_id, most=4)
    closing = ClosingRequested(
        request_id="close",
        round_id=round_id,
        reason="enough",
        actor=world.requester,
        submitted_at=now(),
    )
    await shard.signal(ReviewShardWorkflow.close_shard, closing)
    await world.until(round_id, Phase.APPROVAL)

    runs = [
        history
        for history in await round_histories(world.client, round_id)
        if history.workflow_id == shard_workflow_id(round_id, 0)
    ]
    assert [status_of(run) for run in runs] == ["continued_as_new", "completed"]
    assert all(len(run.events) < 4_096 for run in runs)
    replayed = await replay(runs)
    kinds = Counter(
        entry.decision.kind for run in runs for entry in replayed.runs[run.run_id].entries
    )
    assert kinds["reminded"] == 2
    assert kinds["escalated"] == 3
    assert kinds["review_undone"] == 1
    assert kinds["review_refused"] == REPEATED
    with world.engine.connect() as connection:
        shown = reviews.reviews_of(connection, round_id)
    assert {each.review_id for each in given} < {each.review_id for each in shown}
    assert Counter(each.status for each in shown)[ReviewStatus.UNDONE] == 1
    assert kinds["review_accepted"] == len(shown)


async def another_run(shard: WorkflowHandle[Any, Any], first: str | None) -> None:
    for _ in range(1_200):
        if (await shard.describe()).run_id != first:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the shard has not handed over")


def author(world: World, given: Review) -> Actor:
    [who] = [each for each in world.reviewers if each.account_id == given.account_id]
    return who


def sent_again(world: World, given: Review) -> Submission:
    return Submission(
        review_id=given.review_id,
        task_id=given.task_id,
        record_id=given.record_id,
        verdict=given.verdict,
        confidence=given.confidence,
        rationale=given.rationale,
        seconds=given.seconds,
        guideline=given.guideline,
        actor=author(world, given),
        submitted_at=given.submitted_at,
    )
