"""Approvals, cancellations and deadlines: who may, about what, and once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from activities.rounds import RoundActivities, RoundProjection
from domain.accounts import Role
from domain.canonical import Sha256
from domain.ids import (
    RecordId,
    ReviewId,
    RoundId,
    Timestamp,
    review_task_id,
    round_workflow_id,
)
from domain.reviews import Submission, Verdict, VerdictKind
from domain.rounds import ApprovalDecided, Phase
from domain.signing import audience_of
from domain.tasks import ProjectedReview, ReviewStatus, TaskKind
from storage import reviews, rounds
from tests.api.team import Team, code, signals, start_reviewing
from workers.signing import verify

DIGEST = "ab" * 32
LATER = Timestamp("2026-01-02T00:00:00.000000+00:00")


async def awaiting_approval(team: Team) -> RoundId:
    """A round whose dataset waits, with its workflow open to signals."""
    round_id = (await start_reviewing(team)).round_id
    with team.state.engine.begin() as connection:
        rounds.project_phase(
            connection,
            round_id,
            Phase.APPROVAL,
            summary={},
            awaiting={"who": "approver", "dataset_digest": DIGEST},
            at=LATER,
        )
    await open_workflow(team, round_id)
    return round_id


async def open_workflow(team: Team, round_id: RoundId) -> None:
    client = await team.state.temporal.client()
    await client.start_workflow(
        "RoundWorkflow", {}, id=round_workflow_id(round_id), task_queue="nobody-works-here"
    )


def approval(**changes: Any) -> dict[str, Any]:
    return {"approved": True, "dataset_digest": DIGEST, "decision_id": str(uuid4())} | changes


async def test_an_approval_is_signalled_signed_and_cites_what_it_approves(team: Team) -> None:
    round_id = await awaiting_approval(team)
    body = approval(reason="looked at it")
    response = await team.approver.post(f"/api/v1/rounds/{round_id}/approval", json=body)
    assert response.status_code == 202, response.text
    [message] = await signals(team, round_workflow_id(round_id))
    assert message["signal"] == "decide_approval"
    decision = ApprovalDecided(
        decision_id=body["decision_id"],
        round_id=RoundId(round_id),
        approved=True,
        dataset_digest=Sha256(DIGEST),
        reason="looked at it",
        actor=team.actor("approver"),
        submitted_at=Timestamp(response.json()["received_at"]),
        signature=message["signature"],
        audience=audience_of(round_workflow_id(RoundId(round_id)), message["signal"]),
    )
    assert verify(decision, team.state.signer.public_key.public_key)


async def test_a_repeated_approval_gets_the_same_answer_even_when_the_round_has_moved_on(
    team: Team,
) -> None:
    round_id = await awaiting_approval(team)
    address, body = f"/api/v1/rounds/{round_id}/approval", approval()
    first = await team.approver.post(address, json=body)
    with team.state.engine.begin() as connection:
        rounds.project_phase(
            connection, round_id, Phase.PUBLISHING, summary={}, awaiting=None, at=LATER
        )
    client = await team.state.temporal.client()
    await client.get_workflow_handle(round_workflow_id(round_id)).terminate()
    again = await team.approver.post(address, json=body)
    assert (again.status_code, again.json()) == (202, first.json())
    assert code(await team.approver.post(address, json=approval())) == "not_awaiting_approval"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"dataset_digest": "cd" * 32}, "stale_approval"),
        ({"approved": False}, "invalid_request"),
        ({"approved": False, "reason": "no", "records": ["r999"]}, "invalid_input"),
        ({"records": ["r000"]}, "invalid_request"),
    ],
)
async def test_a_decision_that_cannot_count_is_refused(
    team: Team, changes: dict[str, Any], expected: str
) -> None:
    round_id = await awaiting_approval(team)
    address = f"/api/v1/rounds/{round_id}/approval"
    assert code(await team.approver.post(address, json=approval(**changes))) == expected
    assert await signals(team, round_workflow_id(round_id)) == []


async def test_a_rejection_may_name_records_to_look_at_again(team: Team) -> None:
    round_id = await awaiting_approval(team)
    body = approval(approved=False, reason="r000 is wrong", records=["r000"])
    response = await team.approver.post(f"/api/v1/rounds/{round_id}/approval", json=body)
    assert response.status_code == 202
    [message] = await signals(team, round_workflow_id(round_id))
    assert message["records"] == [RecordId("r000")]


async def test_who_asked_for_a_round_does_not_approve_it(team: Team) -> None:
    round_id = await awaiting_approval(team)
    account = team.accounts["requester"].account_id
    roles = {"roles": ["requester", "approver"]}
    await team.admin.patch(f"/api/v1/accounts/{account}", json=roles)
    answer = await team.requester.post(f"/api/v1/rounds/{round_id}/approval", json=approval())
    assert (answer.status_code, code(answer)) == (403, "duties_not_separate")


async def test_only_a_round_that_waits_can_be_approved(team: Team) -> None:
    round_id = (await start_reviewing(team)).round_id
    answer = await team.approver.post(f"/api/v1/rounds/{round_id}/approval", json=approval())
    assert code(answer) == "not_awaiting_approval"
    unknown = await team.approver.post("/api/v1/rounds/none/approval", json=approval())
    assert code(unknown) == "not_found"


async def test_a_cancellation_is_signalled_once_asked_for_and_refused_after_the_end(
    team: Team,
) -> None:
    round_id = (await start_reviewing(team)).round_id
    await open_workflow(team, round_id)
    address = f"/api/v1/rounds/{round_id}/cancellation"
    assert (await team.requester.post(address, json={"reason": "wrong pool"})).status_code == 202
    [message] = await signals(team, round_workflow_id(round_id))
    assert (message["signal"], message["reason"]) == ("cancel_round", "wrong pool")
    client = await team.state.temporal.client()
    await client.get_workflow_handle(round_workflow_id(round_id)).terminate()
    assert code(await team.requester.post(address, json={"reason": "again"})) == "conflict"


async def test_more_time_goes_to_every_open_shard(team: Team) -> None:
    reviewing = await start_reviewing(team)
    body = {"seconds": 3600, "reason": "holidays"}
    address = f"/api/v1/rounds/{reviewing.round_id}/deadline"
    assert (await team.requester.post(address, json=body)).status_code == 202
    [message] = await signals(team, reviewing.workflow_id)
    assert (message["signal"], message["seconds"]) == ("extend_deadline", 3600.0)


EMERGENCY = "the only other approver is in hospital"


async def answered(team: Team, round_id: RoundId, name: str) -> None:
    """That person's review is in the read model, as if the shard had taken it."""
    message = Submission(
        review_id=ReviewId(f"by {name}"),
        task_id=review_task_id(round_id, 0, 0, 0),
        record_id=RecordId("r000"),
        verdict=Verdict(kind=VerdictKind.LABEL, label="lost_card"),
        confidence=None,
        rationale="",
        seconds=1.0,
        guideline="none@1",
        actor=team.actor(name),
        submitted_at=LATER,
    )
    shown = ProjectedReview(
        message=message,
        kind=TaskKind.REVIEW,
        status=ReviewStatus.ACCEPTED,
        refusal="",
        sequence=1,
        decided_at=LATER,
        look=1,
    )
    with team.state.engine.begin() as connection:
        reviews.project_reviews(connection, round_id=round_id, shard=0, decided=[shown], at=LATER)


async def test_who_answered_in_a_round_approves_it_only_by_breaking_the_glass(team: Team) -> None:
    round_id = await awaiting_approval(team)
    address = f"/api/v1/rounds/{round_id}/approval"
    both = team.join("both", Role.REVIEWER, Role.APPROVER)
    able = team.join("able", Role.REVIEWER, Role.APPROVER, Role.BREAK_GLASS)
    for name in ("both", "able"):
        await answered(team, round_id, name)
    for client in (both, able):
        refused = await client.post(address, json=approval(reason=EMERGENCY))
        assert (refused.status_code, code(refused)) == (403, "duties_not_separate")
    openly = {"break_glass": True, "reason": EMERGENCY}
    assert code(await both.post(address, json=approval(**openly))) == "not_allowed"
    short = await able.post(address, json=approval(break_glass=True, reason="urgent"))
    assert code(short) == "glass_not_broken"
    guard = team.join("guard", Role.APPROVER, Role.BREAK_GLASS)
    nothing = await guard.post(address, json=approval(**openly))
    assert code(nothing) == "glass_not_broken", "nobody needs to break it who may approve"
    assert await signals(team, round_workflow_id(round_id)) == []
    taken = await able.post(address, json=approval(**openly))
    assert taken.status_code == 202, taken.text
    [message] = await signals(team, round_workflow_id(round_id))
    assert (message["break_glass"], message["reason"]) == (True, EMERGENCY)


async def test_that_the_glass_was_broken_is_told_to_everybody_who_watches(team: Team) -> None:
    round_id = await awaiting_approval(team)
    said = {
        "decision_id": "d",
        "what": "approve dataset",
        "by": "able",
        "account_id": "acc-able",
        "reason": EMERGENCY,
        "at": LATER,
    }
    projection = RoundProjection(
        round_id=round_id,
        phase=Phase.PUBLISHING,
        at=LATER,
        summary={"duties_overridden": [said], "batch": {"records": 2, "arms": {"random": 2}}},
        awaiting=None,
    )
    for _ in range(2):
        RoundActivities(team.state.engine).project_round(projection)
    for watching in (team.approver, team.auditor, team.admin, team.requester):
        inbox = (await watching.get("/api/v1/inbox")).json()["items"]
        told = [each["text"] for each in inbox if each["kind"] == "round.duties_overridden"]
        assert told == [
            f"able broke the glass to approve dataset of round {round_id}: {EMERGENCY}."
        ]
    assert "round.duties_overridden" not in (await team.rita.get("/api/v1/inbox")).text
    page = await team.approver.get(f"/rounds/{round_id}", headers={"Accept": "text/html"})
    assert "able broke the glass" in page.text
