"""A round whose tasks were handed on, put off, skipped and withdrawn verifies like any other."""

# ruff: noqa: S608 -- whoever tampers writes statements by hand

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from activities.clock import now
from domain.accounts import Actor
from domain.directing import Direction, TaskDirected
from domain.ids import RecordId, RoundId, TaskId, review_task_id, shard_workflow_id
from domain.moments import later
from domain.outcomes import How
from domain.profiles import Profile
from domain.rounds import Phase
from domain.routing import Queue, Routing
from storage import claims, lanes, profiles, reviews, rounds
from storage.tables import task_directions, tasks
from tests.audit.conftest import Ended, archive, signed_plan, signing_world, verify
from tests.audit.tampering import tampered
from tests.workflows.round_world import World, candidate_of
from workers.audit import FindingKind, ledger_of
from workflows.shards import ReviewShardWorkflow

pytestmark = pytest.mark.slow

EXPERTS = Queue(name="experts", expertise={"sport": 1})
ROUTING = Routing(name="by-hand", queues=(EXPERTS,))


def task_of(round_id: RoundId, ordinal: int) -> TaskId:
    return review_task_id(round_id, 0, ordinal, 0)


async def direct(
    world: World, round_id: RoundId, ordinal: int, what: Direction, who: Actor, **more: Any
) -> None:
    with world.engine.connect() as connection:
        record = connection.execute(
            select(tasks.c.record_id).where(tasks.c.task_id == task_of(round_id, ordinal))
        ).scalar_one()
    message = TaskDirected(
        request_id=f"{what} {ordinal}",
        round_id=round_id,
        task_id=task_of(round_id, ordinal),
        record_id=RecordId(record),
        direction=what,
        reason="it is better so",
        actor=who,
        submitted_at=now(),
        **more,
    )
    shard = world.client.get_workflow_handle(shard_workflow_id(round_id, 0))
    await shard.signal(ReviewShardWorkflow.direct, message)


async def shown(world: World, round_id: RoundId, directions: int) -> None:
    """Returns once so many directions are in the tables."""
    count = select(func.count()).where(task_directions.c.round_id == round_id)
    for _ in range(1_200):
        with world.engine.connect() as connection:
            if connection.execute(count).scalar_one() >= directions:
                return
        await asyncio.sleep(0.05)
    raise AssertionError("not all directions are shown")


async def test_a_round_whose_tasks_went_other_ways_verifies_and_tampering_is_named(
    hasty_temporal: str, database: str, tmp_path: Path
) -> None:
    async with signing_world(hasty_temporal, database, tmp_path) as world:
        plan = signed_plan(world, routing=ROUTING, shard_size=8)
        round_id, (ann, _, cid) = plan.round_id, world.reviewers
        handle = await world.start(plan)
        await world.until_open(round_id)
        with world.engine.begin() as connection:
            own = lanes.find_lane(connection, round_id, 0)
            experts = lanes.lane_in_queue(connection, round_id, own, EXPERTS)
            claims.claim_named(connection, ann.account_id, task_of(round_id, 3), claims.URGENT)
        whither = {"to_lane": experts.number, "to_queue": "experts"}
        await direct(world, round_id, 0, Direction.FORWARD, world.requester, **whither)
        given = {"to_account": cid.account_id}
        await direct(world, round_id, 1, Direction.DELEGATE, world.requester, **given)
        until = later(now(), 60.0)
        await direct(world, round_id, 2, Direction.SUSPEND, world.requester, until=until)
        await direct(world, round_id, 2, Direction.RESUME, world.requester)
        await direct(world, round_id, 3, Direction.SKIP, ann)
        await direct(world, round_id, 4, Direction.WITHDRAW, world.requester)
        await direct(world, round_id, 5, Direction.DELEGATE, world.requester)
        await shown(world, round_id, 6)
        assert (await verify(world, round_id)).findings == ()

        with world.engine.begin() as connection:
            [held] = claims.held_tasks(connection, cid.account_id)
            assert held.task_id == task_of(round_id, 1)
            claims.release_task(connection, cid.account_id, held.task_id)
            for each in world.reviewers:
                expert = Profile(account_id=each.account_id, expertise={"sport": 1})
                profiles.put_profile(connection, expert, changed_by=ann.account_id, reason="so")
        waiting = asyncio.create_task(world.until(round_id, Phase.APPROVAL))
        await world.answer_all(round_id)
        decision = world.decision(round_id, candidate_of(await waiting))
        await handle.signal("decide_approval", decision)
        ended = Ended(world=world, round_id=round_id, result=await handle.result())
        assert await ended.differences() == []
        with world.engine.connect() as connection:
            outcomes = reviews.outcomes_of(connection, round_id)
            assert rounds.get_round(connection, round_id).phase is Phase.CLOSED
        assert [each.outcome.how for each in outcomes].count(How.WITHDRAWN) == 1
        kinds = [
            line.kind for line in await ledger_of(world.client, world.engine, world.store, round_id)
        ]
        for kind in ("task_forwarded", "task_delegated", "task_skipped", "direction_refused"):
            assert kinds.count(kind) == 1

        forwarded = task_of(round_id, 0)
        for table, sql, subject in (
            (
                "tasks",
                f"update tasks set lane = 0 where task_id = '{forwarded}'",
                f"table tasks, row {forwarded}, column lane",
            ),
            (
                "lanes",
                f"update lanes set expertise = '{{}}' where lane = {experts.number}",
                f"table lanes, row {experts.number}, column expertise",
            ),
            (
                "task_directions",
                "update task_directions set reason = 'another' where direction = 'delegate'",
                "column reason",
            ),
            (
                "task_directions",
                "delete from task_directions where direction = 'skip'",
                "table task_directions, row shard 0 decision",
            ),
        ):
            with tampered(world.engine, table, sql):
                [(kind, named)] = await ended.differences()
            assert subject in named
            assert kind in {FindingKind.ROW_CHANGED, FindingKind.ROW_MISSING}
        await archive(ended)
        assert await ended.differences(live=False) == []
