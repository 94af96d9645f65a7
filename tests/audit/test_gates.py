"""An audit of decisions about batches that failed a gate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from temporalio.client import Client

from api.cli.ledger_words import words
from domain.canonical import Sha256
from domain.ids import RoundId, round_workflow_id
from domain.policy import Gate, Measure
from domain.rounds import Batch, Phase, RoundPlan
from domain.selections import Findings, GateResult
from domain.signing import audience_of
from tests.audit.conftest import end_open_round, signed_plan, verify
from tests.signing import SIGNER
from tests.workflows.round_world import (
    ALL_AT_RANDOM,
    POLICY,
    World,
    candidate_of,
    held_batch_of,
)
from workers.audit import FindingKind, ledger_of
from workers.audit.batch import check_policy

pytestmark = pytest.mark.slow

GATE = Gate(measure=Measure.RANDOM_SHARE, at_least=0.9)
STRICT = replace(POLICY, name="strict", gates=(GATE,))


async def held(world: World) -> tuple[RoundPlan, str]:
    """A round whose batch is held, with the batch's digest."""
    plan = signed_plan(world, policy=STRICT)
    await world.start(plan)
    return plan, held_batch_of(await world.until(plan.round_id, Phase.CHECKING))


async def test_a_round_whose_policy_was_amended_verifies_by_the_policy_that_was_used(
    world: World,
) -> None:
    plan, digest = await held(world)
    assert (await verify(world, plan.round_id)).findings == (), "while it is held"
    handle = world.client.get_workflow_handle(round_workflow_id(plan.round_id))
    other = replace(POLICY, name="other", arms=ALL_AT_RANDOM, seed=99)
    await handle.signal("decide_batch", world.batch_decision(plan.round_id, "0" * 64))
    await handle.signal("decide_batch", world.batch_decision(plan.round_id, digest, policy=other))
    await world.until(plan.round_id, Phase.REVIEWING)
    await world.answer_all(plan.round_id)
    waiting = await world.until(plan.round_id, Phase.APPROVAL)
    await handle.signal("decide_approval", world.decision(plan.round_id, candidate_of(waiting)))
    await handle.result()
    report = await verify(world, plan.round_id)
    assert report.findings == ()
    assert "batch and its gates" in report.checks
    lines = await ledger_of(world.client, world.engine, world.store, plan.round_id)
    told = [words(line) for line in lines if line.kind.startswith("batch_")]
    assert told == [
        "selected the batch: 2 diverse, 3 random, 3 uncertain",
        "held the batch: it failed at random share",
        "decision not counted: the decision cites another batch than the one that waits",
        "wanted another batch, by policy other@1",
        "selected the batch: 8 random",
        "routed 8 records by everybody@1",
    ]


async def test_a_decision_about_a_batch_that_nobody_signed_changes_nothing(
    world: World, temporal_address: str
) -> None:
    plan, digest = await held(world)
    insider = await Client.connect(temporal_address, identity="insider")
    handle = insider.get_workflow_handle(round_workflow_id(plan.round_id))
    await handle.signal("decide_batch", world.batch_decision(plan.round_id, digest))
    await end_open_round(world, plan)
    assert (await verify(world, plan.round_id)).findings == ()
    assert await turned_away(world, plan.round_id) == [("decide_batch", "it is not signed")]
    assert world.round(plan.round_id).summary["batch_decisions"] == []


async def test_a_policy_put_under_a_signed_decision_changes_nothing(
    world: World, temporal_address: str
) -> None:
    plan, digest = await held(world)
    other = replace(POLICY, name="other", arms=ALL_AT_RANDOM)
    audience = audience_of(round_workflow_id(plan.round_id), "decide_batch")
    decision = world.batch_decision(plan.round_id, digest, policy=other)
    honest = SIGNER.sign(decision, audience=audience)
    assert honest.policy is not None
    forged = replace(honest, policy=replace(honest.policy, seed=12_345))
    insider = await Client.connect(temporal_address)
    handle = insider.get_workflow_handle(round_workflow_id(plan.round_id))
    await handle.signal("decide_batch", forged)
    await end_open_round(world, plan)
    assert (await verify(world, plan.round_id)).findings == ()
    why = "its signature is over something else"
    assert await turned_away(world, plan.round_id) == [("decide_batch", why)]


async def turned_away(world: World, round_id: RoundId) -> list[tuple[str, str]]:
    """Signal and reason of each message that the round has found to be forged."""
    lines = await ledger_of(world.client, world.engine, world.store, round_id)
    forged = [line.detail for line in lines if line.kind == "message_forged"]
    return [(str(each["signal"]), str(each["refusal"])) for each in forged]


def batch(result: GateResult | None) -> Batch:
    """One that says it was selected by STRICT, and measured so."""
    return Batch(
        digest=Sha256("1" * 64),
        artifact=Sha256("2" * 64),
        records=8,
        arms={"random": 3, "uncertain": 5},
        findings=Findings(excluded={}, gates=() if result is None else (result,)),
        policy_digest=STRICT.digest,
    )


def reached(value: float, *, passed: bool) -> GateResult:
    return GateResult(
        measure=Measure.RANDOM_SHARE, value=value, at_least=0.9, at_most=None, passed=passed
    )


def test_a_batch_that_says_it_passed_a_gate_which_it_did_not_reach_is_named() -> None:
    assert list(check_policy(batch(reached(0.375, passed=False)), STRICT)) == []
    [finding] = check_policy(batch(reached(0.375, passed=True)), STRICT)
    assert finding.kind is FindingKind.GATE_DIFFERS
    assert "wrongly judged at: random_share" in finding.message


def test_a_batch_that_was_measured_at_no_gate_of_its_policy_is_named() -> None:
    [finding] = check_policy(batch(None), STRICT)
    assert finding.kind is FindingKind.GATE_DIFFERS


def test_a_batch_of_another_policy_than_the_one_in_force_is_named() -> None:
    [finding] = check_policy(batch(reached(0.375, passed=False)), POLICY)
    assert finding.kind is FindingKind.DIGEST_DIFFERS
    assert (finding.expected, finding.found) == (POLICY.digest, STRICT.digest)
