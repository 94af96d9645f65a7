"""A round from pool to published dataset, and every way it may go otherwise."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import func, select

from activities.routing import RouteBatch, RoutingActivities
from activities.selection import BATCH
from domain.canonical import Sha256
from domain.errors import RecordsTaken
from domain.ids import RecordId, RoundId, shard_workflow_id
from domain.roles import DatasetRole
from domain.rounds import Batch, Phase
from domain.selections import Findings
from storage import datasets, models, reviews, rounds, tables
from storage.dataset_rows import read_rows
from storage.models import ModelPart
from tests.workflows.round_world import POLICY, World, candidate_of, text_of, truth
from workflows.rounds import RoundWorkflow

pytestmark = pytest.mark.slow


def files_in(folder: str) -> set[str]:
    return {file.name for file in Path(folder).iterdir()}


def some_record(world: World, round_id: RoundId) -> RecordId:
    with world.engine.connect() as connection:
        return rounds.get_batch(connection, round_id)[0].selection.record_id


def half_wrong(record_id: RecordId, reviewer: str) -> str:
    """Cid is mistaken about every fourth record."""
    right = truth(record_id)
    if reviewer == "cid" and int(record_id[1:]) % 4 == 0:
        return "sport" if right == "money" else "money"
    return right


async def test_a_round_runs_from_pool_to_published_dataset(world: World) -> None:
    plan = world.plan(world.pool())
    result = await world.complete(plan, half_wrong)
    assert result.phase is Phase.CLOSED
    assert result.published is not None
    found = world.round(plan.round_id)
    assert found.ledger_head == result.ledger_head
    assert found.summary["batch"]["arms"] == {"uncertain": 3, "diverse": 2, "random": 3}
    assert found.summary["quality"]["records"] == 8
    assert found.summary["evaluation"]["after"]["records"] == 10
    assert {"manifest.json", "train.parquet"} <= files_in(result.published.path)
    with world.engine.connect() as connection:
        version = datasets.get_version(connection, plan.dataset, 1)
        made = models.models_of(connection, plan.round_id)
    assert version.digest == result.published.digest
    assert sum(version.roles.values()) == version.rows == 6 + 10 + 8
    assert {part.value: model.labelled for part, model in made.items()}["before"] == 6


async def test_every_record_gets_exactly_the_reviews_it_wants(world: World) -> None:
    plan = world.plan(world.pool(), reviews_per_record=3)
    await world.complete(plan)
    with world.engine.connect() as connection:
        counts = connection.execute(
            select(func.count())
            .where(tables.reviews.c.round_id == plan.round_id)
            .where(tables.reviews.c.kind == "review", tables.reviews.c.status == "accepted")
            .group_by(tables.reviews.c.record_id)
        )
        assert list(counts.scalars()) == [3] * 8


async def test_the_same_pool_policy_and_seed_give_the_same_batch(world: World) -> None:
    first = world.plan(world.pool(), dataset="first")
    second = world.plan(world.pool(), dataset="second", partition_rows=7)
    for plan in (first, second):
        handle = await world.start(plan)
        await world.until(plan.round_id, Phase.REVIEWING)
        await handle.signal(RoundWorkflow.cancel_round, world.cancellation(plan.round_id))
        await handle.result()
    digests = {world.round(p.round_id).summary["batch"]["digest"] for p in (first, second)}
    assert len(digests) == 1


async def test_a_second_round_builds_on_the_first_and_roles_stay(world: World) -> None:
    pool = world.pool()
    first = await world.complete(world.plan(pool))
    second = await world.complete(world.plan(pool))
    assert first.published is not None
    assert second.published is not None
    assert (first.published.version, second.published.version) == (1, 2)
    with world.engine.connect() as connection:
        versions = datasets.list_versions(connection, str(pool))
    newer, older = (
        read_rows(world.store, Sha256(str(version.manifest["rows"]))) for version in versions
    )
    assert len(newer) == len(older) + 8
    assert all(newer[record_id] == row for record_id, row in older.items())


async def test_records_to_look_at_again_come_back_to_approval(world: World) -> None:
    plan = world.plan(world.pool())
    handle = await world.start(plan)
    await world.answer_all(plan.round_id, lambda _record, _who: "sport")
    before = await world.until(plan.round_id, Phase.APPROVAL)
    with world.engine.connect() as connection:
        wrong = tuple(
            outcome.outcome.record_id
            for outcome in reviews.outcomes_of(connection, plan.round_id)
            if truth(outcome.outcome.record_id) == "money"
        )
    rejection = world.decision(plan.round_id, candidate_of(before), approved=False, records=wrong)
    await handle.signal(RoundWorkflow.decide_approval, rejection)
    await world.until(plan.round_id, Phase.REVIEWING)
    await world.answer_all(plan.round_id)
    after = await world.until(plan.round_id, Phase.APPROVAL)
    assert candidate_of(after) != candidate_of(before)
    await handle.signal(
        RoundWorkflow.decide_approval, world.decision(plan.round_id, candidate_of(after))
    )
    result = await handle.result()
    assert result.published is not None
    with world.engine.connect() as connection:
        version = datasets.get_version(connection, plan.dataset, 1)
    rows = read_rows(world.store, Sha256(str(version.manifest["rows"])))
    mine = [row for row in rows.values() if row.arm is not None]
    assert all(row.label == truth(row.record_id) for row in mine)


async def test_an_approval_by_the_requester_or_of_another_dataset_changes_nothing(
    world: World,
) -> None:
    plan = world.plan(world.pool())
    handle = await world.start(plan)
    await world.answer_all(plan.round_id)
    waiting = candidate_of(await world.until(plan.round_id, Phase.APPROVAL))
    own = world.decision(plan.round_id, waiting, who=world.requester)
    stale = world.decision(plan.round_id, "0" * 64)
    for decision in (own, stale):
        await handle.signal(RoundWorkflow.decide_approval, decision)
    await asyncio.sleep(0.5)
    assert world.round(plan.round_id).phase is Phase.APPROVAL
    await handle.signal(RoundWorkflow.decide_approval, world.decision(plan.round_id, waiting))
    result = await handle.result()
    assert result.phase is Phase.CLOSED


async def test_a_rejection_without_records_ends_the_round_and_publishes_nothing(
    world: World,
) -> None:
    plan = world.plan(world.pool())
    handle = await world.start(plan)
    await world.answer_all(plan.round_id)
    waiting = candidate_of(await world.until(plan.round_id, Phase.APPROVAL))
    await handle.signal(
        RoundWorkflow.decide_approval, world.decision(plan.round_id, waiting, approved=False)
    )
    result = await handle.result()
    assert (result.phase, result.published) == (Phase.CANCELLED, None)
    assert result.failure is not None
    assert result.failure["code"] == "rejected"


async def test_cancelling_closes_every_task_and_publishes_nothing(world: World) -> None:
    plan = world.plan(world.pool())
    handle = await world.start(plan)
    await world.until(plan.round_id, Phase.REVIEWING)
    await world.answer_all(plan.round_id, most=4)
    await handle.signal(RoundWorkflow.cancel_round, world.cancellation(plan.round_id))
    result = await handle.result()
    assert (result.phase, result.published) == (Phase.CANCELLED, None)
    with world.engine.connect() as connection:
        left = connection.execute(
            select(func.count()).where(
                tables.tasks.c.round_id == plan.round_id,
                tables.tasks.c.status.in_(["open", "claimed"]),
            )
        ).scalar_one()
        version = datasets.version_of_round(connection, plan.round_id)
    assert (left, version) == (0, None)


async def test_an_empty_pool_fails_the_round_with_a_reason(world: World) -> None:
    plan = world.plan(world.pool(records=16))
    result = await (await world.start(plan)).result()
    assert result.phase is Phase.FAILED
    assert result.failure is not None
    assert result.failure["code"] == "empty_pool"
    assert world.round(plan.round_id).failure == result.failure


async def test_a_batch_larger_than_what_is_left_fails_the_round_with_a_reason(
    world: World,
) -> None:
    policy = replace(POLICY, name="big", batch_size=30)
    result = await (await world.start(world.plan(world.pool(), policy=policy))).result()
    assert result.failure is not None
    assert result.failure["code"] == "batch_exceeds_pool"


async def test_a_cold_start_needs_no_labels(world: World) -> None:
    plan = world.plan(world.pool(seeds=0, tests=0))
    result = await world.complete(plan)
    assert result.phase is Phase.CLOSED
    batch = world.round(plan.round_id).summary["batch"]
    assert batch["arms"] == {"uncertain": 3, "diverse": 2, "random": 3}
    assert any("no model yet" in note for note in batch["findings"]["notes"])


async def test_of_two_rounds_at_once_the_later_one_is_approved_again(world: World) -> None:
    pool = world.pool()
    plans = [world.plan(pool), world.plan(pool)]
    handles = []
    for plan in plans:
        handles.append(await world.start(plan))
        await world.until(plan.round_id, Phase.REVIEWING)
    for plan in plans:
        await world.answer_all(plan.round_id)
    first, second = [
        candidate_of(await world.until(plan.round_id, Phase.APPROVAL)) for plan in plans
    ]
    await handles[0].signal(RoundWorkflow.decide_approval, world.decision(plans[0].round_id, first))
    await handles[0].result()
    await handles[1].signal(
        RoundWorkflow.decide_approval, world.decision(plans[1].round_id, second)
    )
    for _ in range(200):
        again = world.round(plans[1].round_id)
        if again.phase is Phase.APPROVAL and candidate_of(again) != second:
            break
        await asyncio.sleep(0.05)
    await handles[1].signal(
        RoundWorkflow.decide_approval, world.decision(plans[1].round_id, candidate_of(again))
    )
    result = await handles[1].result()
    assert result.published is not None
    assert result.published.version == 2
    with world.engine.connect() as connection:
        version = datasets.get_version(connection, str(pool), 2)
    rows = read_rows(world.store, Sha256(str(version.manifest["rows"])))
    assert sum(row.arm is not None for row in rows.values()) == 16, "no record was chosen twice"


async def test_a_round_builds_on_a_version_with_records_that_came_after_its_snapshot(
    world: World,
) -> None:
    pool = world.pool()
    early = world.plan(pool)
    handle = await world.start(early)
    await world.until(early.round_id, Phase.REVIEWING)
    world.add(pool, [{"id": "t90", "text": text_of(90), "label": "money", "role": "train"}])
    await world.complete(world.plan(pool))

    await world.answer_all(early.round_id)
    waiting = await world.until(early.round_id, Phase.APPROVAL)
    decision = world.decision(early.round_id, candidate_of(waiting))
    await handle.signal(RoundWorkflow.decide_approval, decision)
    result = await handle.result()
    assert result.failure is None
    assert result.published is not None
    assert result.published.version == 2


async def test_no_model_learns_from_content_that_tests_it(world: World) -> None:
    pool = world.pool()
    twins: list[dict[str, object]] = [
        {"id": "t91", "text": text_of(10), "label": "money", "role": "train"},  # t10 is a test
        {"id": "t1000", "text": text_of(0)},  # t0 is labelled
    ]
    world.add(pool, twins)
    plan = world.plan(pool)
    await world.complete(plan)
    summary = world.round(plan.round_id)
    with world.engine.connect() as connection:
        before = models.models_of(connection, plan.round_id)[ModelPart.BEFORE]
        batch = rounds.get_batch(connection, plan.round_id)
    assert before.labelled == 6, f"a test's twin was learned from: {summary}"
    assert "t1000" not in {row.selection.record_id for row in batch}


async def test_an_approval_from_before_a_second_look_does_not_count_after_it(world: World) -> None:
    plan = world.plan(world.pool())
    handle = await world.start(plan)
    await world.answer_all(plan.round_id)
    shown = candidate_of(await world.until(plan.round_id, Phase.APPROVAL))
    again = world.decision(
        plan.round_id, shown, approved=False, records=(some_record(world, plan.round_id),)
    )
    await handle.signal(RoundWorkflow.decide_approval, again)
    await handle.signal(RoundWorkflow.decide_approval, world.decision(plan.round_id, shown))
    await world.until(plan.round_id, Phase.REVIEWING)
    await world.answer_all(plan.round_id)
    second = await world.until(plan.round_id, Phase.APPROVAL, Phase.CLOSED)
    assert second.phase is Phase.APPROVAL
    assert candidate_of(second) == shown, "the second look found the same"
    await handle.signal(RoundWorkflow.decide_approval, world.decision(plan.round_id, shown))
    assert (await handle.result()).phase is Phase.CLOSED


async def test_of_two_rounds_that_choose_at_the_same_moment_one_goes_on(world: World) -> None:
    pool = world.pool()
    plans = [world.plan(pool), world.plan(pool)]
    with world.engine.begin() as connection:
        for plan in plans:
            rounds.create_round(connection, plan)
    batch = Batch(
        digest=Sha256("0" * 64),
        artifact=one_record_batch(world),
        records=1,
        arms={"random": 1},
        findings=Findings(excluded={}),
        policy_digest=POLICY.digest,
    )
    routing = RoutingActivities(world.engine, world.store)
    for _ in range(2):  # again is as good as once
        routing.route_batch(RouteBatch(plan=plans[0], batch=batch, partitions=()))
    with pytest.raises(RecordsTaken):
        routing.route_batch(RouteBatch(plan=plans[1], batch=batch, partitions=()))


def one_record_batch(world: World) -> Sha256:
    row = {
        "ordinal": 0,
        "record_id": "t20",
        "arm": "random",
        "rank": 0,
        "score": None,
        "propensity": 1.0,
        "reason": "drawn",
        "predicted": None,
        "content_digest": "0" * 64,
    }
    return world.store.put_table(pa.Table.from_pylist([row], schema=BATCH))


async def test_content_that_is_twice_in_a_pool_is_chosen_once(world: World) -> None:
    plan = world.plan(world.pool())
    await world.complete(plan)
    with world.engine.connect() as connection:
        version = datasets.get_version(connection, plan.dataset, 1)
    rows = read_rows(world.store, Sha256(str(version.manifest["rows"])))
    tested = {row.content_digest for row in rows.values() if row.role is DatasetRole.TEST}
    trained = {row.content_digest for row in rows.values() if row.role is DatasetRole.TRAIN}
    assert not tested & trained


async def test_messages_sent_past_the_api_neither_stall_nor_change_a_round(world: World) -> None:
    plan = world.plan(world.pool())
    handle = await world.start(plan)
    await world.until_open(plan.round_id)
    shard = world.client.get_workflow_handle(shard_workflow_id(plan.round_id, 0))
    wild = {
        "review_id": "x" * 5_000,
        "task_id": f"{plan.round_id}.0.0.review-0",
        "record_id": "nul\x00",
        "verdict": {"kind": "label", "label": "sport"},
        "confidence": float("nan"),
        "rationale": "x" * 100_000,
        "seconds": float("inf"),
        "guideline": "news@1",
        "actor": {"account_id": "a\x00", "name": "n", "authenticated_by": "nobody"},
        "submitted_at": "never",
    }
    await shard.signal("review", wild)
    await shard.signal("review", {"no": "message"})
    await handle.signal("decide_approval", {"decision_id": "?"})
    other = world.cancellation(RoundId("another-round"))
    await handle.signal(RoundWorkflow.cancel_round, other)
    await world.answer_all(plan.round_id)
    waiting = candidate_of(await world.until(plan.round_id, Phase.APPROVAL))
    await handle.signal(RoundWorkflow.decide_approval, world.decision(plan.round_id, waiting))
    assert (await handle.result()).phase is Phase.CLOSED
    with world.engine.connect() as connection:
        stored = reviews.reviews_of(connection, plan.round_id)
    assert len(stored) == 16
