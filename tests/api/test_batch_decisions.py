"""Decisions about a held batch: who may, about which batch, by which policy, and once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from domain.arms import Arm, ArmKind
from domain.canonical import Sha256
from domain.ids import RoundId, Timestamp, round_workflow_id
from domain.policy import SamplingPolicy
from domain.rounds import BatchAction, BatchDecided, Phase
from domain.signing import audience_of
from storage import policies, rounds
from storage.policies import GovernedPolicy
from tests.api.team import Team, code, signals, start_reviewing
from workers.signing import verify

DIGEST = "ab" * 32
LATER = Timestamp("2026-01-02T00:00:00.000000+00:00")
OTHER = SamplingPolicy(
    name="other", batch_size=2, arms=(Arm(name="random", kind=ArmKind.RANDOM, share=1.0),), seed=9
)


async def holding(team: Team, *, records: int = 2, policy_digest: str = "cd" * 32) -> RoundId:
    """A round whose batch is held, with its workflow open to signals."""
    round_id = (await start_reviewing(team)).round_id
    with team.state.engine.begin() as connection:
        rounds.project_phase(
            connection,
            round_id,
            Phase.CHECKING,
            summary={"batch": {"records": records, "policy_digest": policy_digest}},
            awaiting={"who": "approver", "batch_digest": DIGEST},
            at=LATER,
        )
    client = await team.state.temporal.client()
    await client.start_workflow(
        "RoundWorkflow", {}, id=round_workflow_id(round_id), task_queue="nobody-works-here"
    )
    return round_id


def write_policy(
    team: Team, policy: SamplingPolicy = OTHER, *, approved: bool = True
) -> GovernedPolicy:
    author, approver = (team.accounts[name].account_id for name in ("requester", "approver"))
    with team.state.engine.begin() as connection:
        made = policies.put_policy(connection, policy, author, source="")
        if not approved:
            return made
        return policies.approve_policy(
            connection, made.policy.name, made.policy.version, approver=approver, reason="agreed"
        )


def acceptance(**changes: Any) -> dict[str, Any]:
    return {
        "decision_id": str(uuid4()),
        "action": "accept",
        "batch_digest": DIGEST,
        "reason": "it will do",
    } | changes


async def test_an_amendment_is_signalled_signed_with_the_policy_and_its_approver(
    team: Team,
) -> None:
    round_id, governed = await holding(team), write_policy(team)
    body = acceptance(action="amend", policy="other@1")
    response = await team.approver.post(f"/api/v1/rounds/{round_id}/batch-decision", json=body)
    assert response.status_code == 202, response.text
    [message] = await signals(team, round_workflow_id(round_id))
    assert message["signal"] == "decide_batch"
    assert governed.approval is not None
    decision = BatchDecided(
        decision_id=body["decision_id"],
        round_id=round_id,
        action=BatchAction.AMEND,
        batch_digest=Sha256(DIGEST),
        reason="it will do",
        actor=team.actor("approver"),
        submitted_at=Timestamp(response.json()["received_at"]),
        policy=governed.policy,
        policy_approved_by=team.accounts["approver"].account_id,
        policy_approved_at=governed.approval.at,
        policy_author=governed.author,
        signature=message["signature"],
        audience=audience_of(round_workflow_id(RoundId(round_id)), message["signal"]),
    )
    assert verify(decision, team.state.signer.public_key.public_key)


async def test_a_repeated_decision_gets_the_same_answer_even_when_the_round_has_moved_on(
    team: Team,
) -> None:
    round_id = await holding(team)
    address, body = f"/api/v1/rounds/{round_id}/batch-decision", acceptance()
    first = await team.approver.post(address, json=body)
    with team.state.engine.begin() as connection:
        rounds.project_phase(
            connection, round_id, Phase.ROUTING, summary={}, awaiting=None, at=LATER
        )
    again = await team.approver.post(address, json=body)
    assert (again.status_code, again.json()) == (202, first.json())
    sent = await signals(team, round_workflow_id(round_id))
    assert [message["decision_id"] for message in sent] == [body["decision_id"]] * 2
    late = await team.approver.post(address, json=acceptance())
    assert code(late) == "not_awaiting_batch_decision"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"batch_digest": "00" * 32}, "stale_batch_decision"),
        ({"reason": ""}, "invalid_request"),
        ({"reason": "  "}, "invalid_request"),
        ({"action": "amend"}, "invalid_request"),
        ({"policy": "other@1"}, "invalid_request"),
        ({"action": "amend", "policy": "other"}, "invalid_request"),
        ({"action": "amend", "policy": "nobody-wrote-it@1"}, "not_found"),
        ({"action": "amend", "policy": "unseen@1"}, "policy_not_approved"),
        ({"action": "amend", "policy": "other@1"}, "invalid_input"),
    ],
)
async def test_a_decision_that_cannot_count_is_refused(
    team: Team, changes: dict[str, Any], expected: str
) -> None:
    present = write_policy(team).policy
    write_policy(team, replace(OTHER, name="unseen"), approved=False)
    round_id = await holding(team, policy_digest=present.digest)
    address = f"/api/v1/rounds/{round_id}/batch-decision"
    assert code(await team.approver.post(address, json=acceptance(**changes))) == expected
    assert await signals(team, round_workflow_id(round_id)) == []


async def test_a_batch_without_records_cannot_be_accepted(team: Team) -> None:
    round_id = await holding(team, records=0)
    answer = await team.approver.post(
        f"/api/v1/rounds/{round_id}/batch-decision", json=acceptance()
    )
    assert code(answer) == "invalid_input"


async def test_who_asked_for_the_round_or_may_not_approve_does_not_decide(team: Team) -> None:
    round_id = await holding(team)
    address = f"/api/v1/rounds/{round_id}/batch-decision"
    assert code(await team.requester.post(address, json=acceptance())) == "not_allowed"
    account = team.accounts["requester"].account_id
    roles = {"roles": ["requester", "approver"]}
    await team.admin.patch(f"/api/v1/accounts/{account}", json=roles)
    own = await team.requester.post(address, json=acceptance())
    assert (own.status_code, code(own)) == (403, "duties_not_separate")


async def test_an_approver_may_cancel_a_round_only_while_its_batch_is_held(team: Team) -> None:
    round_id = await holding(team)
    address = f"/api/v1/rounds/{round_id}/cancellation"
    held = await team.approver.post(address, json={"reason": "the wrong pool"})
    assert held.status_code == 202
    with team.state.engine.begin() as connection:
        rounds.project_phase(
            connection, round_id, Phase.REVIEWING, summary={}, awaiting=None, at=LATER
        )
    later = await team.approver.post(address, json={"reason": "after all"})
    assert (later.status_code, code(later)) == (403, "not_allowed")
