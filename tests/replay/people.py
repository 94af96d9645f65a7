"""What people do in the scenarios besides giving a first answer: messages to one shard."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from temporalio.client import Client

from activities.clock import now
from domain.accounts import Actor
from domain.directing import Direction, TaskDirected
from domain.ids import ReviewId, RoundId, shard_workflow_id
from domain.reviews import Submission, UndoRequested
from storage import claims, reviews
from storage.reviews import Review
from tests.workflows.round_world import World


def author_of(world: World, review: Review) -> Actor:
    return next(each for each in world.reviewers if each.account_id == review.account_id)


async def take_back(world: World, review: Review) -> None:
    """Its author takes it back, and answers again."""
    request = UndoRequested(
        request_id=f"undo {review.review_id}",
        round_id=review.round_id,
        record_id=review.record_id,
        review_id=review.review_id,
        actor=author_of(world, review),
        submitted_at=now(),
    )
    await _shard(world, review.round_id, review.shard).signal("undo", request)
    await _until(world, review.review_id, "undone")
    anew = submission_of(world, review, ReviewId(f"{review.review_id} anew"))
    await _shard(world, review.round_id, review.shard).signal(
        "review", replace(anew, corrects=None)
    )


async def correct(world: World, review: Review, label: str) -> None:
    """Its author thinks better of it."""
    verdict = replace(review.verdict, label=label)
    await _shard(world, review.round_id, review.shard).signal(
        "review", submission_of(world, review, ReviewId(f"{review.review_id} again"), verdict)
    )
    await _until(world, review.review_id, "corrected")


def submission_of(
    world: World, review: Review, review_id: ReviewId, verdict: Any = None
) -> Submission:
    """The same task answered once more, in the place of the review."""
    return Submission(
        review_id=review_id,
        task_id=review.task_id,
        record_id=review.record_id,
        verdict=verdict or review.verdict,
        confidence=None,
        rationale="on second thought",
        seconds=1.0,
        guideline=review.guideline,
        actor=author_of(world, review),
        submitted_at=now(),
        corrects=review.review_id,
    )


async def direct(
    world: World, round_id: RoundId, task: Any, direction: Direction, **whither: Any
) -> None:
    message = TaskDirected(
        request_id=f"{direction} {task.task_id}",
        round_id=round_id,
        task_id=task.task_id,
        record_id=task.record_id,
        direction=direction,
        reason="it is better so",
        actor=world.requester,
        submitted_at=now(),
        **whither,
    )
    await _shard(world, round_id, task.shard).signal("direct", message)


async def put_back(world: World, who: Actor) -> None:
    """What the person was given by name goes back to the queue, as soon as they hold it."""
    for _ in range(1_200):
        with world.engine.begin() as connection:
            held = claims.held_tasks(connection, who.account_id)
            for task in held:
                claims.release_task(connection, who.account_id, task.task_id)
        if held:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{who.name} was given nothing")


async def forge(world: World, review: Review) -> None:
    """Somebody who reaches Temporal past the API answers in another's name."""
    config = world.client.config()
    config["interceptors"] = []
    past = Client(**config)
    shard = past.get_workflow_handle(shard_workflow_id(review.round_id, review.shard))
    forged = submission_of(world, review, ReviewId("forged"))
    await shard.signal("review", replace(forged, corrects=None))


def _shard(world: World, round_id: RoundId, shard: int) -> Any:
    return world.client.get_workflow_handle(shard_workflow_id(round_id, shard))


async def _until(world: World, review_id: ReviewId, status: str) -> None:
    for _ in range(1_200):
        with world.engine.connect() as connection:
            found = reviews.get_review(connection, review_id)
        if found is not None and found.status == status:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{review_id} is not {status}")
