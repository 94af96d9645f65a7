"""A batch that fails a gate waits for a person: what they may decide, and what does not count."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, select
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from domain.arms import Arm, ArmKind
from domain.ids import RoundId
from domain.policy import Gate, Limit, Measure, SamplingPolicy, WhenImpossible
from domain.rounds import BatchAction, Phase, RoundPlan, RoundResult
from storage import datasets, rounds, tables
from tests.workflows.round_world import (
    ALL_AT_RANDOM,
    POLICY,
    World,
    candidate_of,
    held_batch_of,
)
from workers.audit import LedgerLine, ledger_of
from workflows.rounds import RoundWorkflow

pytestmark = pytest.mark.slow

MOSTLY_RANDOM = Gate(measure=Measure.RANDOM_SHARE, at_least=0.9)
STRICT = replace(POLICY, name="strict", gates=(MOSTLY_RANDOM,))
"""Three of its eight records are random, and it wants nine tenths: no batch of it passes."""
ALL_RANDOM = replace(STRICT, name="all-random", arms=ALL_AT_RANDOM, seed=9)
IMPOSSIBLE = replace(
    POLICY,
    name="impossible",
    limits=(Limit(column="predicted", value="nothing-of-the-kind", min_records=4),),
    when_impossible=WhenImpossible.STOP,
)

Handle = WorkflowHandle[RoundWorkflow, RoundResult]


async def held(
    world: World, policy: SamplingPolicy = STRICT, **changes: object
) -> tuple[RoundPlan, Handle, str]:
    """A round that waits for a decision about its batch, with the batch's digest."""
    plan = world.plan(world.pool(), policy=policy, **changes)
    handle = await world.start(plan)
    waiting = await world.until(plan.round_id, Phase.CHECKING, Phase.FAILED)
    return plan, handle, held_batch_of(waiting)


async def held_anew(world: World, round_id: RoundId, ledger_entries: int) -> rounds.Round:
    """The round once it is held for the time that makes so many `batch_held` entries."""
    for _ in range(400):
        if kinds(await ledger(world, round_id)).count("batch_held") == ledger_entries:
            return await world.until(round_id, Phase.CHECKING)
        await asyncio.sleep(0.05)
    raise AssertionError(f"{round_id} is not held again")


async def ledger(world: World, round_id: RoundId) -> list[LedgerLine]:
    return await ledger_of(world.client, world.engine, world.store, round_id)


def kinds(lines: list[LedgerLine]) -> list[str]:
    return [line.kind for line in lines]


def refusals(lines: list[LedgerLine]) -> list[str]:
    return [str(line.detail["refusal"]) for line in lines if line.kind == "batch_decision_refused"]


def tasks_of(world: World, round_id: RoundId) -> int:
    with world.engine.connect() as connection:
        return connection.execute(
            select(func.count()).where(tables.tasks.c.round_id == round_id)
        ).scalar_one()


async def finish(world: World, handle: Handle, round_id: RoundId) -> RoundResult:
    """Everybody answers, and somebody approves."""
    await world.until(round_id, Phase.REVIEWING)
    await world.answer_all(round_id)
    waiting = await world.until(round_id, Phase.APPROVAL)
    decision = world.decision(round_id, candidate_of(waiting))
    await handle.signal(RoundWorkflow.decide_approval, decision)
    return await handle.result()


async def test_a_batch_that_fails_a_gate_reaches_nobody_until_somebody_accepts_it(
    world: World,
) -> None:
    plan, handle, digest = await held(world)
    shown = world.round(plan.round_id)
    assert shown.awaiting is not None
    assert shown.awaiting["who"] == "approver"
    assert shown.awaiting["failed_gates"] == [
        {
            "measure": "random_share",
            "value": 0.375,
            "at_least": 0.9,
            "at_most": None,
            "passed": False,
        }
    ]
    assert tasks_of(world, plan.round_id) == 0

    acceptance = world.batch_decision(plan.round_id, digest)
    await handle.signal(RoundWorkflow.decide_batch, acceptance)
    result = await finish(world, handle, plan.round_id)
    assert result.phase is Phase.CLOSED
    assert world.round(plan.round_id).summary["batch_decisions"] == [
        {
            "action": "accept",
            "batch_digest": digest,
            "policy": "strict@1",
            "by": "pat",
            "reason": "looked at it",
            "at": acceptance.submitted_at,
        }
    ]
    with world.engine.connect() as connection:
        version = datasets.get_version(connection, plan.dataset, 1)
    assert version.manifest["policy"] == {
        "name": "strict",
        "version": 1,
        "digest": STRICT.digest,
    }


async def test_an_amended_policy_selects_again_and_is_the_one_that_is_published(
    world: World,
) -> None:
    plan, handle, digest = await held(world)
    amendment = world.batch_decision(plan.round_id, digest, policy=ALL_RANDOM)
    await handle.signal(RoundWorkflow.decide_batch, amendment)
    assert (await finish(world, handle, plan.round_id)).phase is Phase.CLOSED
    shown = world.round(plan.round_id)
    assert shown.plan.policy == STRICT, "what was asked for stays as it was asked"
    assert shown.summary["policy"]["digest"] == ALL_RANDOM.digest
    assert shown.summary["batch"]["policy_digest"] == ALL_RANDOM.digest
    assert shown.summary["batch"]["arms"] == {"random": 8}
    with world.engine.connect() as connection:
        version = datasets.get_version(connection, plan.dataset, 1)
    assert version.manifest["policy"] == {
        "name": "all-random",
        "version": 1,
        "digest": ALL_RANDOM.digest,
    }
    found = kinds(await ledger(world, plan.round_id))
    assert found.count("batch_selected") == 2
    assert found.count("pool_scored") == 1, "the scores serve the other policy too"


async def test_the_pool_is_scored_again_for_a_policy_that_asks_a_committee(world: World) -> None:
    plan, handle, digest = await held(world)
    disagreement = Arm(name="disagreement", kind=ArmKind.DISAGREEMENT, share=0.5)
    at_random = replace(ALL_AT_RANDOM[0], share=0.5)
    committee = replace(POLICY, name="committee", arms=(disagreement, at_random))
    amendment = world.batch_decision(plan.round_id, digest, policy=committee)
    await handle.signal(RoundWorkflow.decide_batch, amendment)
    assert (await finish(world, handle, plan.round_id)).phase is Phase.CLOSED
    found = kinds(await ledger(world, plan.round_id))
    assert found.count("pool_scored") == 2


async def test_a_policy_that_fails_its_own_gate_holds_the_round_again(world: World) -> None:
    plan, handle, digest = await held(world)
    stricter = replace(STRICT, name="stricter", gates=(replace(MOSTLY_RANDOM, at_least=0.95),))
    amendment = world.batch_decision(plan.round_id, digest, policy=stricter)
    hasty = world.batch_decision(plan.round_id, digest)
    await handle.signal(RoundWorkflow.decide_batch, amendment)
    await handle.signal(RoundWorkflow.decide_batch, hasty)
    again = await held_anew(world, plan.round_id, 2)
    assert held_batch_of(again) == digest, "only the gates differ, so the batch is the same"
    assert refusals(await ledger(world, plan.round_id)) == [
        "the round does not wait for a decision about its batch"
    ], "it was made about the batch of the policy before"
    await handle.signal(RoundWorkflow.cancel_round, world.cancellation(plan.round_id))
    assert (await handle.result()).phase is Phase.CANCELLED


async def test_cancelling_while_a_batch_is_held_ends_the_round_and_frees_its_records(
    world: World,
) -> None:
    plan, handle, _ = await held(world)
    await handle.signal(RoundWorkflow.cancel_round, world.cancellation(plan.round_id))
    result = await handle.result()
    assert (result.phase, result.published) == (Phase.CANCELLED, None)
    assert result.failure is not None
    assert result.failure["phase"] == "checking"
    with world.engine.connect() as connection:
        taken = rounds.reserved_records(connection, plan.pool_id, besides=RoundId("another"))
    assert not taken


async def test_decisions_that_do_not_count_change_nothing_and_stand_in_the_ledger(
    world: World,
) -> None:
    plan, handle, digest = await held(world)
    about = plan.round_id
    unfit = [
        world.batch_decision(about, "0" * 64),
        world.batch_decision(RoundId("another-round"), digest),
        world.batch_decision(about, digest, who=world.requester),
        replace(world.batch_decision(about, digest), reason="  "),
        replace(world.batch_decision(about, digest), action=BatchAction.AMEND),
        replace(world.batch_decision(about, digest), policy=ALL_RANDOM),
        world.batch_decision(about, digest, policy=STRICT),
        world.batch_decision(about, digest, policy=replace(ALL_RANDOM, batch_size=0)),
        world.batch_decision(about, digest, policy=replace(ALL_RANDOM, description="x" * 300_000)),
        replace(world.batch_decision(about, digest), reason="nul\x00"),
    ]
    for decision in unfit:
        await handle.signal(RoundWorkflow.decide_batch, decision)
    good = world.batch_decision(about, digest)
    for _ in range(2):
        await handle.signal(RoundWorkflow.decide_batch, good)
    assert (await finish(world, handle, about)).phase is Phase.CLOSED
    lines = await ledger(world, about)
    assert refusals(lines) == [
        "the decision cites another batch than the one that waits",
        "the decision is about another round",
        "you asked for this round, so another person must decide about its batch",
        "the decision gives no reason",
        "an amendment names the policy to select by",
        "only an amendment names a policy",
        "the policy is the one by which the batch was selected",
        "the policy cannot be followed",
        "the policy is larger than 200,000 bytes",
        "malformed: reason holds a NUL character",
        "duplicate: this decision was handled before",
    ]
    assert kinds(lines).count("batch_accepted") == 1


async def test_a_decision_from_before_there_was_a_batch_does_not_count(world: World) -> None:
    first, handle, digest = await held(world)
    await handle.signal(RoundWorkflow.cancel_round, world.cancellation(first.round_id))
    await handle.result()
    second = world.plan(first.pool_id, policy=STRICT)
    handle = await world.start(second)
    early = world.batch_decision(second.round_id, digest)
    await handle.signal(RoundWorkflow.decide_batch, early)
    waiting = await world.until(second.round_id, Phase.CHECKING)
    assert held_batch_of(waiting) == digest, "the same pool and policy give the same batch"
    assert refusals(await ledger(world, second.round_id)) == [
        "the round does not wait for a decision about its batch"
    ]
    await handle.signal(RoundWorkflow.cancel_round, world.cancellation(second.round_id))
    await handle.result()


async def test_impossible_limits_hold_the_round_until_somebody_names_another_policy(
    world: World,
) -> None:
    plan, handle, digest = await held(world, IMPOSSIBLE)
    shown = world.round(plan.round_id)
    assert shown.awaiting is not None
    demand = "at least 4 with predicted = nothing-of-the-kind"
    assert shown.awaiting["shortfalls"] == [{"demand": demand, "wanted": 4, "got": 0}]
    for policy in (None, POLICY):
        decision = world.batch_decision(plan.round_id, digest, policy=policy)
        await handle.signal(RoundWorkflow.decide_batch, decision)
    assert (await finish(world, handle, plan.round_id)).phase is Phase.CLOSED
    assert refusals(await ledger(world, plan.round_id)) == [
        "nothing is selected, so there is nothing to accept"
    ]


async def test_a_held_batch_waits_for_weeks(
    patient_world: World, time_skipping: WorkflowEnvironment
) -> None:
    world = patient_world
    plan, handle, digest = await held(world)
    await time_skipping.sleep(60 * 86_400)
    assert world.round(plan.round_id).phase is Phase.CHECKING
    decision = world.batch_decision(plan.round_id, digest)
    await handle.signal(RoundWorkflow.decide_batch, decision)
    await world.until(plan.round_id, Phase.REVIEWING)
    await handle.signal(RoundWorkflow.cancel_round, world.cancellation(plan.round_id))
    assert (await handle.result()).phase is Phase.CANCELLED


async def test_a_cancellation_that_meets_the_end_of_a_step_is_not_lost(world: World) -> None:
    """Of rounds that are cancelled as soon as they are seen to be held, about one in ten has yet to
    hear that the hold is shown."""
    for number in range(12):
        plan, handle, _ = await held(world, round_id=RoundId(f"cancelled-at-once-{number}"))
        await handle.signal(RoundWorkflow.cancel_round, world.cancellation(plan.round_id))
        result = await asyncio.wait_for(handle.result(), 60)
        assert result.phase is Phase.CANCELLED
