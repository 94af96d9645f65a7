"""The way of a review: a 202 is a promise that Temporal has it."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from activities.keys import KeyActivities
from api.temporal import Temporal
from domain.accounts import Actor
from domain.errors import Conflict
from domain.ids import PoolId, RecordId, ReviewId, TaskId, Timestamp
from domain.reviews import Submission, Verdict, VerdictKind
from domain.shown import Shown
from domain.signing import audience_of
from storage import pools, rounds, signing_keys
from tests.api.team import Team, answer, code, signals, start_reviewing
from workers.settings import Settings
from workers.signing import Signer, verify

CLAIM = "/api/v1/tasks/claim"


async def claimed(team: Team, who: str = "rita") -> str:
    given = (await getattr(team, who).post(CLAIM, json={})).json()
    return str(given["task"]["task_id"])


async def test_an_acknowledged_review_is_in_history_signed_for_who_gave_it(team: Team) -> None:
    reviewing = await start_reviewing(team)
    task = await claimed(team)
    body = answer()
    response = await team.rita.post(f"/api/v1/tasks/{task}/review", json=body)
    assert response.status_code == 202, response.text
    receipt = response.json()
    assert (receipt["review_id"], receipt["task_id"]) == (body["review_id"], task)
    [message] = await signals(team, reviewing.workflow_id)
    assert message["signal"] == "review"
    assert message["submitted_at"] == receipt["received_at"]
    assert message["actor"]["name"] == "rita"
    [key] = (await team.auditor.get("/api/v1/signing-keys")).json()
    submission = Submission(
        review_id=ReviewId(body["review_id"]),
        task_id=TaskId(task),
        record_id=RecordId(message["record_id"]),
        verdict=Verdict(kind=VerdictKind.LABEL, label="lost_card"),
        confidence=0.9,
        rationale="it says so",
        seconds=3.0,
        guideline="none@1",
        actor=Actor(**message["actor"]),
        submitted_at=Timestamp(message["submitted_at"]),
        signature=message["signature"],
        audience=audience_of(reviewing.workflow_id, "review"),
        shown=message["shown"],
    )
    assert verify(submission, key["public_key"])


async def test_an_answer_says_what_its_author_had_before_them(team: Team) -> None:
    reviewing = await start_reviewing(team)
    task = await claimed(team)
    shows = (await team.rita.get(f"/api/v1/tasks/{task}")).json()["shown"]
    address = f"/api/v1/tasks/{task}/review"
    other = await team.rita.post(address, json=answer(shown="0" * 64))
    assert (other.status_code, code(other)) == (409, "shown_differs")
    assert await signals(team, reviewing.workflow_id) == []
    sent = await team.rita.post(address, json=answer(shown=shows))
    assert sent.status_code == 202, sent.text
    [message] = await signals(team, reviewing.workflow_id)
    assert message["shown"] == shows
    with team.state.engine.connect() as connection:
        plan = rounds.get_round(connection, reviewing.round_id).plan
        record = pools.get_record(connection, PoolId("mail"), RecordId(message["record_id"]))
    facts = Shown(
        content_digest=record.content_digest,
        guideline=plan.guideline,
        guideline_digest=plan.guideline_digest,
        schema_digest=plan.schema.digest,
        policy=f"{plan.policy.name}@{plan.policy.version}",
        policy_digest=plan.policy.digest,
        look=1,
    )
    assert facts.digest == shows


async def test_an_answer_of_a_client_that_says_nothing_of_it_is_filled_in(team: Team) -> None:
    reviewing = await start_reviewing(team)
    task = await claimed(team)
    shows = (await team.rita.get(f"/api/v1/tasks/{task}")).json()["shown"]
    await team.rita.post(f"/api/v1/tasks/{task}/review", json=answer())
    [message] = await signals(team, reviewing.workflow_id)
    assert message["shown"] == shows


async def test_a_key_that_was_retired_is_shown_and_signs_no_more(team: Team) -> None:
    before = Signer(Ed25519PrivateKey.generate()).public_key
    with team.state.engine.begin() as connection:
        signing_keys.make_known(connection, before)
    address = f"/api/v1/signing-keys/{before.key_id}/retirement"
    assert (await team.requester.post(address)).status_code == 403
    assert (await team.admin.post(address)).status_code == 204
    own = f"/api/v1/signing-keys/{team.state.signer.key_id}/retirement"
    assert (await team.admin.post(own)).status_code == 409, "this process signs with it"
    shown = (await team.auditor.get("/api/v1/signing-keys")).json()
    assert {each["key_id"]: each["retired_at"] is None for each in shown} == {
        before.key_id: False,
        team.state.signer.key_id: True,
    }
    assert [key.key_id for key in KeyActivities(team.state.engine).signing_keys()] == [
        team.state.signer.key_id
    ]
    with pytest.raises(Conflict), team.state.engine.begin() as connection:
        signing_keys.make_known(connection, before)


async def test_a_review_sent_twice_gets_the_same_receipt_and_one_signal(team: Team) -> None:
    reviewing = await start_reviewing(team)
    address, body = f"/api/v1/tasks/{await claimed(team)}/review", answer()
    first = await team.rita.post(address, json=body)
    second = await team.rita.post(address, json=body)
    assert second.status_code == 202
    assert second.json() == first.json()
    assert len(await signals(team, reviewing.workflow_id)) == 1


async def test_the_same_review_id_with_another_answer_is_refused(team: Team) -> None:
    await start_reviewing(team)
    address, body = f"/api/v1/tasks/{await claimed(team)}/review", answer()
    await team.rita.post(address, json=body)
    other = await team.rita.post(address, json=body | {"rationale": "on second thought"})
    assert other.status_code == 409
    assert code(other) == "idempotency_conflict"


async def test_while_temporal_is_away_nothing_is_acknowledged_and_a_retry_completes_it(
    app: FastAPI, team: Team, without_temporal: Settings
) -> None:
    reviewing = await start_reviewing(team)
    address, body = f"/api/v1/tasks/{await claimed(team)}/review", answer()
    there = team.state.temporal
    object.__setattr__(team.state, "temporal", Temporal(without_temporal, team.state.signer))
    away = await team.rita.post(address, json=body)
    assert away.status_code == 503
    assert code(away) == "temporal_unavailable"
    assert away.headers["Retry-After"]
    object.__setattr__(team.state, "temporal", there)
    back = await team.rita.post(address, json=body)
    assert back.status_code == 202
    [message] = await signals(team, reviewing.workflow_id)
    assert message["submitted_at"] == back.json()["received_at"]


async def test_an_answer_after_reviewing_has_ended_is_refused_with_a_reason(team: Team) -> None:
    reviewing = await start_reviewing(team)
    task = await claimed(team)
    client = await team.state.temporal.client()
    await client.get_workflow_handle(reviewing.workflow_id).terminate()
    late = await team.rita.post(f"/api/v1/tasks/{task}/review", json=answer())
    assert late.status_code == 409
    assert code(late) == "task_closed"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"verdict": {"kind": "label", "label": "no such"}}, "unknown_label"),
        ({"schema": "banking@2"}, "label_of_another_schema"),
        ({"verdict": {"kind": "useful_ambiguity", "between": ["top_up"]}}, "invalid_review"),
        ({"verdict": {"kind": "exclude"}}, "invalid_review"),
        ({"guideline": "banking@9"}, "invalid_review"),
        ({"confidence": 1.5}, "invalid_request"),
        ({"rationale": "x" * 2001}, "invalid_request"),
        ({"rationale": "a\x00b"}, "invalid_request"),
        ({"review_id": "1"}, "invalid_request"),
        ({"seconds": -1}, "invalid_request"),
        ({"account_id": "somebody else"}, "invalid_request"),
    ],
)
async def test_an_answer_that_cannot_count_is_refused_before_it_is_signalled(
    team: Team, changes: dict[str, object], expected: str
) -> None:
    reviewing = await start_reviewing(team)
    task = await claimed(team)
    response = await team.rita.post(f"/api/v1/tasks/{task}/review", json=answer(**changes))
    assert response.status_code == 422
    assert code(response) == expected
    assert await signals(team, reviewing.workflow_id) == []


async def test_only_the_holder_may_answer(team: Team) -> None:
    await start_reviewing(team)
    task = await claimed(team)
    stranger = await team.ravi.post(f"/api/v1/tasks/{task}/review", json=answer())
    assert code(stranger) == "task_held_by_another"
    unknown = await team.ravi.post("/api/v1/tasks/none/review", json=answer())
    assert code(unknown) == "not_found"
    await team.rita.delete(f"/api/v1/tasks/{task}/lease")
    given_back = await team.rita.post(f"/api/v1/tasks/{task}/review", json=answer())
    assert code(given_back) == "task_not_claimed"


async def test_a_review_task_takes_no_adjudication(team: Team) -> None:
    await start_reviewing(team)
    task = await claimed(team)
    response = await team.ada.post(f"/api/v1/tasks/{task}/adjudication", json=answer())
    assert code(response) == "not_found"


async def test_of_many_equal_submissions_at_once_each_gets_the_same_receipt(team: Team) -> None:
    await start_reviewing(team)
    address, body = f"/api/v1/tasks/{await claimed(team)}/review", answer()
    answers = await asyncio.gather(*(team.rita.post(address, json=body) for _ in range(5)))
    assert {each.status_code for each in answers} == {202}
    assert len({each.text for each in answers}) == 1


async def test_a_second_answer_under_another_id_is_refused(team: Team) -> None:
    await start_reviewing(team)
    address = f"/api/v1/tasks/{await claimed(team)}/review"
    await team.rita.post(address, json=answer())
    again = await team.rita.post(address, json=answer(review_id=str(uuid4())))
    assert code(again) == "task_closed"
