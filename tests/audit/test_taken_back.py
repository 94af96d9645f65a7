"""Rounds in which people changed their minds verify like any other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from activities.clock import now
from domain.ids import ReviewId, RoundId, shard_workflow_id
from domain.reviewing import ReviewRules
from domain.reviews import ClosingRequested, Submission, UndoRequested, Verdict, VerdictKind
from domain.rounds import Phase
from domain.tasks import ReviewStatus, TaskKind
from storage import reviews
from storage.reviews import Review
from tests.audit.conftest import Ended, archive, divided, signed_plan, signing_world, verify
from tests.workflows.round_world import World, candidate_of
from workers.audit import ledger_of

pytestmark = pytest.mark.slow


async def standing(world: World, round_id: RoundId, least: int) -> list[Review]:
    """The reviews that stand, once there are so many."""
    while True:
        with world.engine.connect() as connection:
            found = reviews.reviews_of(connection, round_id)
        accepted = [
            each
            for each in found
            if each.status is ReviewStatus.ACCEPTED and each.kind is TaskKind.REVIEW
        ]
        if len(accepted) >= least:
            return accepted
        await world.answer_all(round_id, divided, most=1)
        await asyncio.sleep(0.05)


async def test_a_round_with_answers_taken_back_and_corrected_and_an_early_end_verifies(
    hasty_temporal: str, database: str, tmp_path: Path
) -> None:
    rules = ReviewRules(extra_reviews=1, remind_at=(0.5,))
    async with signing_world(hasty_temporal, database, tmp_path) as world:
        plan = signed_plan(world, reviewing=rules, shard_size=8)
        handle = await world.start(plan)
        given = await standing(world, plan.round_id, 10)
        shard = world.client.get_workflow_handle(shard_workflow_id(plan.round_id, 0))
        people = {each.account_id: each for each in world.reviewers}
        undone, corrected = given[-1], given[-2]
        for attempt in ("first", "second"):
            await shard.signal(
                "undo",
                UndoRequested(
                    request_id=attempt,
                    round_id=plan.round_id,
                    record_id=undone.record_id,
                    review_id=undone.review_id,
                    actor=people[undone.account_id],
                    submitted_at=now(),
                ),
            )
        await shard.signal(
            "review",
            Submission(
                review_id=ReviewId("better"),
                task_id=corrected.task_id,
                record_id=corrected.record_id,
                verdict=Verdict(kind=VerdictKind.ESCALATE),
                confidence=None,
                rationale="on second thought",
                seconds=1.0,
                guideline="news@1",
                actor=people[corrected.account_id],
                submitted_at=now(),
                corrects=corrected.review_id,
            ),
        )
        assert (await verify(world, plan.round_id)).findings == ()
        await standing(world, plan.round_id, 12)
        assert (await verify(world, plan.round_id)).findings == ()
        closing = ClosingRequested(
            request_id="close",
            round_id=plan.round_id,
            reason="enough",
            actor=world.requester,
            submitted_at=now(),
        )
        await shard.signal("close_shard", closing)
        waiting = await world.until(plan.round_id, Phase.APPROVAL)
        decision = world.decision(plan.round_id, candidate_of(waiting))
        await handle.signal("decide_approval", decision)
        ended = Ended(world=world, round_id=plan.round_id, result=await handle.result())
        assert await ended.differences() == []
        lines = await ledger_of(world.client, world.engine, world.store, plan.round_id)
        kinds = [line.kind for line in lines]
        assert kinds.count("review_undone") == kinds.count("undo_refused") == 1
        assert kinds.count("reviewing_closed") == 1
        await archive(ended)
        assert await ended.differences(live=False) == []
