"""Every run that has ended is archived, and what is archived stays as it is."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from temporalio.client import WorkflowHistory
from temporalio.testing import ActivityEnvironment

from activities.archive import ArchiveActivities, Swept, closed_runs
from activities.clock import now
from activities.histories import round_histories
from domain.ids import RoundId, round_workflow_id, shard_workflow_id
from domain.rounds import Phase
from storage import histories, notices, rounds, tasks
from storage.histories import ArchivedHistory, ArchiveLag, archive_lag, archive_progress_of
from tests.audit.conftest import signed_plan, signing_world, verify
from tests.conftest import TEMPLATE
from tests.workflows.round_world import World, candidate_of
from workers.archive_health import LAG, ArchiveCollector, archive_finding
from workers.checkup import State
from workers.postgres import EmbeddedPostgres

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    temporal_address: str,
    postgres_server: EmbeddedPostgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    postgres_server.create_database("swept", template=TEMPLATE)
    folder = tmp_path_factory.mktemp("swept")
    async with signing_world(temporal_address, postgres_server.url("swept"), folder) as made:
        yield made
    postgres_server.drop_database("swept")


async def sweep(world: World) -> Swept:
    activities = ArchiveActivities(world.engine, world.store, world.client)
    swept = await ActivityEnvironment().run(activities.archive_ended_rounds)
    assert isinstance(swept, Swept)
    return swept


def archived(world: World, round_id: RoundId) -> list[ArchivedHistory]:
    with world.engine.connect() as connection:
        return histories.histories_of(connection, round_id)


def mode_of(world: World, each: ArchivedHistory) -> int:
    return stat.S_IMODE(Path(world.store.path_of(each.sha256)).stat().st_mode)


async def listed(world: World, runs: set[tuple[str, str]]) -> None:
    """Once Temporal's list shows that all these have ended: it does so a while later."""
    while runs - {
        (run.workflow_id, run.run_id) async for run in closed_runs(world.client, since=None)
    }:
        pass


async def runs_of(world: World, round_id: RoundId) -> list[WorkflowHistory]:
    return await round_histories(world.client, round_id)


async def started(world: World) -> RoundId:
    """A round that waits for reviewers, with some answers given."""
    plan = signed_plan(world)
    await world.start(plan)
    await world.until(plan.round_id, Phase.REVIEWING)
    await world.answer_all(plan.round_id, most=3)
    return plan.round_id


async def test_a_terminated_round_ends_in_the_read_model_and_is_archived(world: World) -> None:
    round_id = await started(world)
    await world.client.get_workflow_handle(round_workflow_id(round_id)).terminate(reason="by hand")
    swept = await sweep(world)
    assert swept.ended == 1
    shown = world.round(round_id)
    assert shown.phase is Phase.CANCELLED
    assert shown.failure is not None
    assert (shown.failure["code"], shown.failure["phase"]) == ("workflow_terminated", "reviewing")
    assert "by hand" in str(shown.failure["message"])
    with world.engine.connect() as connection:
        assert tasks.live_shards(connection, round_id) == []
        assert not rounds.reserved_records(
            connection, shown.plan.pool_id, besides=RoundId("another")
        )
        told = notices.inbox(connection, world.requester.account_id)
    assert any(each.round_id == round_id and "cancelled" in each.text for each in told)
    assert (await sweep(world)).ended == 0
    while len(kept := archived(world, round_id)) < 3 or world.round(round_id).archived_at is None:
        await sweep(world)
    assert {each.status for each in kept} == {"terminated"}
    assert (await verify(world, round_id)).findings == ()


async def test_a_round_that_ran_out_of_time_or_failed_ends_as_failed(world: World) -> None:
    plan = signed_plan(world)
    with world.engine.begin() as connection:
        rounds.create_round(connection, plan)
    await world.client.start_workflow(
        "RoundWorkflow", plan, id=round_workflow_id(plan.round_id),
        task_queue="nobody-works-here", execution_timeout=timedelta(seconds=1),
    )  # fmt: skip
    await listed_as_ended(world, plan.round_id)
    await sweep(world)
    shown = world.round(plan.round_id)
    assert shown.phase is Phase.FAILED
    assert shown.failure is not None
    assert shown.failure["code"] == "workflow_timed_out"


async def listed_as_ended(world: World, round_id: RoundId) -> None:
    handle = world.client.get_workflow_handle(round_workflow_id(round_id))
    while (described := await handle.describe()).close_time is None:
        del described


async def test_runs_that_a_shard_left_behind_are_archived_while_its_round_is_open(
    hasty_temporal: str, database: str, tmp_path: Path
) -> None:
    async with signing_world(hasty_temporal, database, tmp_path) as hasty:
        plan = signed_plan(hasty, shard_size=8)
        handle = await hasty.start(plan)
        await hasty.until(plan.round_id, Phase.REVIEWING)
        shard = shard_workflow_id(plan.round_id, 0)
        while len([h for h in await runs_of(hasty, plan.round_id) if h.workflow_id == shard]) < 2:
            await hasty.answer_all(plan.round_id, most=1)
        first = next(h for h in await runs_of(hasty, plan.round_id) if h.workflow_id == shard)
        await listed(hasty, {(shard, first.run_id)})
        await sweep(hasty)
        kept = archived(hasty, plan.round_id)
        left = [each for each in kept if each.run_id == first.run_id]
        assert [each.status for each in left] == ["continued_as_new"]
        assert hasty.round(plan.round_id).archived_at is None
        await hasty.answer_all(plan.round_id)
        waiting = await hasty.until(plan.round_id, Phase.APPROVAL)
        decision = hasty.decision(plan.round_id, candidate_of(waiting))
        await handle.signal("decide_approval", decision)
        await handle.result()
        await sweep(hasty)
        assert hasty.round(plan.round_id).archived_at is not None
        whole = archived(hasty, plan.round_id)
        assert len(whole) == len(await runs_of(hasty, plan.round_id))
        assert left[0] in whole, "what was archived first is not archived again"
        assert (await verify(hasty, plan.round_id)).findings == ()


async def test_what_is_archived_of_an_ended_run_cannot_be_changed_or_removed(world: World) -> None:
    plan = signed_plan(world)
    await world.complete(plan)
    await sweep(world)
    kept = archived(world, plan.round_id)
    assert len(kept) == 3
    for statement in (
        "update archived_histories set sha256 = repeat('0', 64)",
        "delete from archived_histories",
        "truncate archived_histories",
    ):
        with (
            pytest.raises(DBAPIError, match="neither changed nor removed"),
            world.engine.begin() as c,
        ):
            c.execute(text(statement))
    assert not any(mode_of(world, each) & 0o222 for each in kept)
    await sweep(world)
    assert archived(world, plan.round_id) == kept


async def test_the_lag_is_that_of_the_oldest_run_that_waits(world: World) -> None:
    plan = signed_plan(world)
    await world.complete(plan)
    with world.engine.connect() as connection:
        waiting = archive_lag(connection)
    assert waiting.waiting >= 1
    assert waiting.seconds > 0
    await sweep(world)
    with world.engine.connect() as connection:
        after, progress = archive_lag(connection), archive_progress_of(connection)
    assert (after.waiting, after.seconds) == (0, 0.0)
    assert after.sweep_age_seconds is not None
    assert progress.swept_until is not None
    assert progress.swept_until <= now()
    figures = {
        each.name: each.samples[0].value for each in ArchiveCollector(world.engine).collect()
    }
    assert figures[LAG] == 0.0


@pytest.mark.parametrize(
    ("lag", "state"),
    [
        (ArchiveLag(seconds=0.0, sweep_age_seconds=20.0, waiting=0), State.GOOD),
        (ArchiveLag(seconds=0.0, sweep_age_seconds=None, waiting=0), State.OPTIONAL),
        (ArchiveLag(seconds=7_200.0, sweep_age_seconds=20.0, waiting=3), State.OPTIONAL),
        (ArchiveLag(seconds=0.0, sweep_age_seconds=7_200.0, waiting=0), State.OPTIONAL),
        (ArchiveLag(seconds=50_000.0, sweep_age_seconds=20.0, waiting=3), State.BROKEN),
    ],
)
async def test_the_doctor_warns_long_before_retention_deletes_anything(
    lag: ArchiveLag, state: State
) -> None:
    finding = archive_finding(lag, timedelta(days=1))
    assert finding.state is state
    assert bool(finding.mend) == (state is not State.GOOD)
