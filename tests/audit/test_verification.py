"""Rounds that are open, cancelled, forgotten by Temporal, or signalled past the API."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment

from activities.archive import ArchiveActivities
from activities.clock import now
from activities.histories import round_histories
from domain.ids import (
    ReviewId,
    RoundId,
    Timestamp,
    review_task_id,
    shard_workflow_id,
)
from domain.ledger import GENESIS
from domain.reviews import DeadlineExtended, Submission, Verdict, VerdictKind
from domain.rounds import Phase, RoundPlan
from domain.signing import audience_of
from storage import reviews, rounds, tasks
from storage.rounds import get_batch
from tests.audit.conftest import (
    Ended,
    archive,
    divided,
    end_a_round,
    end_open_round,
    signed_plan,
    signing_world,
    verify,
)
from tests.signing import SIGNER
from tests.workflows.round_world import World, candidate_of, truth
from workers.audit import FindingKind, ledger_of

pytestmark = pytest.mark.slow


async def reviewing(world: World) -> RoundPlan:
    """A round whose tasks are all open."""
    plan = signed_plan(world)
    await world.start(plan)
    while True:
        with world.engine.connect() as connection:
            backlog = tasks.backlog(connection, plan.round_id)
        if sum(each.tasks for each in backlog) == plan.policy.batch_size * plan.reviews_per_record:
            return plan
        await asyncio.sleep(0.05)


async def shown(world: World, plan: RoundPlan) -> None:
    """Waits until a first review is in the read model, so that nobody claims its task any more."""
    while True:
        with world.engine.connect() as connection:
            if reviews.reviews_of(connection, plan.round_id):
                return
        await asyncio.sleep(0.05)


def answer_to_the_first(world: World, plan: RoundPlan, label: str) -> Submission:
    """A review that nobody gave."""
    with world.engine.connect() as connection:
        [row] = get_batch(connection, plan.round_id, limit=1)
    record = row.selection.record_id
    return Submission(
        review_id=ReviewId("invented"),
        task_id=review_task_id(plan.round_id, 0, 0, 0),
        record_id=record,
        verdict=Verdict(kind=VerdictKind.LABEL, label=label),
        confidence=1.0,
        rationale="",
        seconds=1.0,
        guideline="news@1",
        actor=world.reviewers[0],
        submitted_at=now(),
    )


async def test_an_open_round_verifies_as_far_as_it_has_come(world: World) -> None:
    plan = await reviewing(world)
    await world.answer_all(plan.round_id, divided, most=7)
    report = await verify(world, plan.round_id)
    assert report.findings == ()
    assert "the round is open: what it has decided so far was checked" in report.notes
    lines = await ledger_of(world.client, world.engine, world.store, plan.round_id)
    assert not any("withdrawn" in line.kind or "cancelled" in line.kind for line in lines)
    await end_open_round(world, plan)


async def test_a_cancelled_round_verifies_with_all_that_was_said(world: World) -> None:
    plan = await reviewing(world)
    await world.answer_all(plan.round_id, most=5)
    await end_open_round(world, plan)
    report = await verify(world, plan.round_id)
    assert report.findings == ()
    lines = await ledger_of(world.client, world.engine, world.store, plan.round_id)
    assert [line.kind for line in lines].count("shard_withdrawn") == 2


async def test_a_round_with_a_second_look_verifies(world: World) -> None:
    plan = signed_plan(world)
    handle = await world.start(plan)
    await world.answer_all(plan.round_id, divided)
    waiting = await world.until(plan.round_id, Phase.APPROVAL)
    with world.engine.connect() as connection:
        again = tuple(row.selection.record_id for row in get_batch(connection, plan.round_id))[:3]
    digest = candidate_of(waiting)
    await handle.signal(
        "decide_approval", world.decision(plan.round_id, digest, approved=False, records=again)
    )
    await world.until(plan.round_id, Phase.REVIEWING)
    await world.answer_all(plan.round_id, truth)
    waiting = await world.until(plan.round_id, Phase.APPROVAL)
    await handle.signal("decide_approval", world.decision(plan.round_id, candidate_of(waiting)))
    await handle.result()
    assert (await verify(world, plan.round_id)).findings == ()


async def test_an_unsigned_signal_past_the_api_is_turned_away_and_noted(
    world: World, temporal_address: str
) -> None:
    plan = await reviewing(world)
    insider = await Client.connect(temporal_address, identity="insider")
    shard = insider.get_workflow_handle(shard_workflow_id(plan.round_id, 0))
    await shard.signal("review", answer_to_the_first(world, plan, "sport"))
    await world.answer_all(plan.round_id, most=4)
    report = await verify(world, plan.round_id)
    assert report.findings == ()
    assert any("1 forged messages came past the API" in note for note in report.notes)
    lines = await ledger_of(world.client, world.engine, world.store, plan.round_id)
    [line] = [each for each in lines if each.kind == "message_forged"]
    assert line.detail["claimed_name"] == world.reviewers[0].name
    assert (line.actor, line.detail["refusal"]) == ("labelwright", "it is not signed")
    await end_open_round(world, plan)


async def test_a_signature_of_another_message_does_not_help(
    world: World, temporal_address: str
) -> None:
    plan = await reviewing(world)
    audience = audience_of(shard_workflow_id(plan.round_id, 0), "review")
    honest = SIGNER.sign(answer_to_the_first(world, plan, "sport"), audience=audience)
    forged = replace(honest, verdict=Verdict(kind=VerdictKind.LABEL, label="money"))
    insider = await Client.connect(temporal_address)
    shard = insider.get_workflow_handle(shard_workflow_id(plan.round_id, 0))
    await shard.signal("review", forged)
    await shard.signal("review", "no message at all")
    await shard.signal("publish_at_once", forged)
    await world.answer_all(plan.round_id, most=4)
    report = await verify(world, plan.round_id)
    findings = report.findings
    assert any("1 forged messages" in note for note in report.notes)
    assert sorted(finding.kind for finding in findings) == [
        FindingKind.SIGNAL_UNREADABLE,
        FindingKind.SIGNAL_UNREADABLE,
    ], findings
    await end_open_round(world, plan)


async def test_every_signal_is_accounted_for_repeated_ones_too(world: World) -> None:
    plan = await reviewing(world)
    shard = world.client.get_workflow_handle(shard_workflow_id(plan.round_id, 0))
    said = answer_to_the_first(world, plan, "sport")
    longer = DeadlineExtended(
        request_id="holidays",
        round_id=plan.round_id,
        seconds=3600.0,
        reason="holidays",
        actor=world.requester,
        submitted_at=now(),
    )
    for _ in range(2):
        await shard.signal("review", said)
        await shard.signal("extend_deadline", longer)
    await shown(world, plan)
    await world.answer_all(plan.round_id, divided)
    await world.until(plan.round_id, Phase.APPROVAL)
    assert (await verify(world, plan.round_id)).findings == ()
    lines = await ledger_of(world.client, world.engine, world.store, plan.round_id)
    kinds = [line.kind for line in lines]
    assert kinds.count("deadline_extended") == kinds.count("deadline_extension_refused") == 1
    assert kinds.count("review_refused") == 1
    await end_open_round(world, plan)


async def test_without_a_public_key_signatures_are_left_out_and_a_note_says_so(
    world: World,
) -> None:
    ended = await end_a_round(world)
    report = await verify(world, ended.round_id, keys={})
    assert report.verified
    assert "signatures were not checked: no public key is known" in report.notes


async def test_a_round_that_temporal_has_forgotten_verifies_from_the_archive(world: World) -> None:
    ended = await end_a_round(world)
    for row in (await archive(ended)).values():
        execution = WorkflowExecution(workflow_id=row.workflow_id, run_id=row.run_id)
        await world.client.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(
                namespace=world.client.namespace, workflow_execution=execution
            )
        )
    await forgotten(ended)
    report = await ended.verify()
    assert report.source == "archive"
    assert report.findings == ()
    assert report.ledger_head == ended.result.ledger_head
    assert "Temporal has forgotten the round" in report.notes


async def test_a_round_that_temporal_never_knew_keeps_no_other_from_the_archive(
    world: World,
) -> None:
    ended = await end_a_round(world)
    lost = signed_plan(world)
    with world.engine.begin() as connection:
        rounds.create_round(connection, lost)
        rounds.close_round(
            connection,
            lost.round_id,
            Phase.FAILED,
            ledger_head=GENESIS,
            ledger_length=0,
            failure=None,
            at=Timestamp("2026-01-01T00:00:00+00:00"),
        )
    sweep = ArchiveActivities(world.engine, world.store, world.client)
    swept = await ActivityEnvironment().run(sweep.archive_ended_rounds)
    assert swept.rounds == 2
    assert world.round(ended.round_id).archived_at is not None
    assert world.round(lost.round_id).archived_at is None


async def forgotten(ended: Ended) -> None:
    for _ in range(300):
        try:
            await round_histories(ended.world.client, ended.round_id)
        except RPCError:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("Temporal still has the histories")


async def test_a_shard_that_continued_as_new_verifies_as_one_chain(
    hasty_temporal: str, database: str, tmp_path: Path
) -> None:
    async with signing_world(hasty_temporal, database, tmp_path) as world:
        ended = await end_a_round(world, divided)
        report = await ended.verify()
        await archive(ended)
        archived = await ended.verify(live=False)
    assert report.histories > 3, "at least one shard has continued as new"
    assert report.findings == ()
    assert archived.findings == ()
    assert archived.ledger_head == report.ledger_head


async def test_a_round_that_failed_verifies(world: World) -> None:
    nothing_left = world.pool(16, seeds=6, tests=10)
    plan = SIGNER.sign_plan(replace(signed_plan(world), pool_id=nothing_left))
    result = await (await world.start(plan)).result()
    assert result.phase is Phase.FAILED
    assert (await verify(world, plan.round_id)).findings == ()


async def test_an_earlier_version_still_verifies_once_a_later_one_is_out(world: World) -> None:
    first = signed_plan(world)
    second = SIGNER.sign_plan(replace(first, round_id=RoundId(f"{first.round_id}-next")))
    for plan in (first, second):
        await world.complete(plan, divided)
    for plan in (first, second):
        assert (await verify(world, plan.round_id)).findings == ()
