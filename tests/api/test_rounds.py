"""Starting rounds: checked before anything starts, started once for each key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from api.starting import start_waiting
from api.temporal import Temporal
from domain.errors import TemporalUnavailable
from domain.ids import PoolId, RoundId, round_workflow_id
from domain.records import ContentKind
from domain.rounds import RoundPlan
from storage import pools, rounds
from storage.documents import from_json
from tests.api.team import Team, code, define
from workers.settings import Settings
from workers.signing import verify

KEY = {"Idempotency-Key": "start-this-once"}


def quotas(**arms: int) -> dict[str, Any]:
    return {
        "batch_size": sum(arms.values()),
        "arms": [{"arm": arm, "records": records} for arm, records in arms.items()],
    }


async def test_a_started_round_is_in_temporal_with_a_signed_plan(team: Team) -> None:
    define(team)
    body = {"pool": "mail", "policy": quotas(uncertainty=2, random=2), "purpose": "to learn"}
    response = await team.requester.post("/api/v1/rounds", json=body)
    assert response.status_code == 201, response.text
    started = response.json()
    assert response.headers["Location"] == f"/api/v1/rounds/{started['round_id']}"
    assert (started["phase"], started["schema"], started["dataset"]) == (
        "snapshot",
        "banking@1",
        "mail",
    )
    client = await team.state.temporal.client()
    workflow = client.get_workflow_handle(round_workflow_id(started["round_id"]))
    description = await workflow.describe()
    assert description.workflow_type == "RoundWorkflow"
    event = (await workflow.fetch_history()).events[0].workflow_execution_started_event_attributes
    [sent] = await client.data_converter.decode(list(event.input.payloads))
    plan = from_json(RoundPlan, sent)
    assert plan.purpose == "to learn"
    assert verify(plan, team.state.signer.public_key.public_key)
    with team.state.engine.connect() as connection:
        assert rounds.get_round(connection, RoundId(started["round_id"])).plan == plan


async def test_left_to_itself_a_round_takes_shares_of_what_there_is(team: Team) -> None:
    define(team)
    started = (await team.requester.post("/api/v1/rounds", json={"pool": "mail"})).json()
    arms = {each["arm"]: each["records"] for each in started["policy"]["arms"]}
    assert arms == {"uncertainty": 5, "diversity": 2, "random": 3}
    assert started["guideline"] == "none@1"
    assert started["review_seconds"] == 14 * 86_400


async def test_the_same_key_starts_one_round(team: Team) -> None:
    define(team)
    first = await team.requester.post("/api/v1/rounds", json={"pool": "mail"}, headers=KEY)
    second = await team.requester.post("/api/v1/rounds", json={"pool": "mail"}, headers=KEY)
    assert second.json()["round_id"] == first.json()["round_id"]
    assert len((await team.requester.get("/api/v1/rounds")).json()["items"]) == 1
    other = await team.requester.post(
        "/api/v1/rounds", json={"pool": "mail", "purpose": "else"}, headers=KEY
    )
    assert code(other) == "idempotency_conflict"


async def test_while_temporal_is_away_the_round_is_not_started_and_a_retry_starts_that_one(
    app: FastAPI, team: Team, without_temporal: Settings
) -> None:
    define(team)
    there = team.state.temporal
    object.__setattr__(team.state, "temporal", Temporal(without_temporal))
    away = await team.requester.post("/api/v1/rounds", json={"pool": "mail"})
    assert (away.status_code, code(away)) == (503, "temporal_unavailable")
    context = away.json()["context"]
    object.__setattr__(team.state, "temporal", there)
    back = await team.requester.post(
        "/api/v1/rounds",
        json={"pool": "mail"},
        headers={"Idempotency-Key": context["idempotency_key"]},
    )
    assert back.status_code == 201
    assert back.json()["round_id"] == context["round_id"]
    client = await there.client()
    await client.get_workflow_handle(round_workflow_id(context["round_id"])).describe()


async def test_a_round_whose_start_was_cut_off_is_started_later(
    team: Team, without_temporal: Settings
) -> None:
    define(team)
    there = team.state.temporal
    object.__setattr__(team.state, "temporal", Temporal(without_temporal))
    away = await team.requester.post("/api/v1/rounds", json={"pool": "mail"})
    with pytest.raises(TemporalUnavailable):
        await start_waiting(team.state, older_than=timedelta(0))
    object.__setattr__(team.state, "temporal", there)
    assert await start_waiting(team.state, older_than=timedelta(0)) == 1
    client = await there.client()
    round_id = away.json()["context"]["round_id"]
    await client.get_workflow_handle(round_workflow_id(round_id)).describe()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"policy": quotas(random=11)}, "batch_exceeds_pool"),
        ({"policy": quotas(uncertainty=8)}, "invalid_policy"),
        ({"policy": quotas(random=4) | {"batch_size": 5}}, "invalid_policy"),
        ({"policy": "weekly"}, "not_found"),
        ({"policy": "weekly@x"}, "invalid_input"),
        ({"schema": "other"}, "not_found"),
        ({"guideline": "other@2"}, "not_found"),
        ({"pool": "nowhere"}, "not_found"),
        ({"reviews_per_record": 0}, "invalid_request"),
        ({"review_hours": 1, "review_seconds": 1}, "invalid_request"),
        ({"shares": {"test": 0.9, "validation": 0.9}}, "invalid_request"),
        ({"dataset": "../etc"}, "invalid_request"),
        ({"pool": "Mail"}, "invalid_request"),
    ],
)
async def test_a_round_that_cannot_work_is_not_started(
    team: Team, body: dict[str, Any], expected: str
) -> None:
    define(team)
    answer = await team.requester.post("/api/v1/rounds", json={"pool": "mail"} | body)
    assert code(answer) == expected
    assert (await team.requester.get("/api/v1/rounds")).json()["items"] == []


async def test_an_empty_pool_has_nothing_to_choose_from(team: Team) -> None:
    define(team)
    with team.state.engine.begin() as connection:
        pools.create_pool(
            connection,
            PoolId("empty"),
            kind=ContentKind.TEXT,
            schema=("banking", 1),
            created_by=team.accounts["requester"].account_id,
        )
    answer = await team.requester.post("/api/v1/rounds", json={"pool": "empty"})
    assert code(answer) == "empty_pool"


async def test_rounds_are_listed_newest_first_in_pages(team: Team) -> None:
    define(team)
    ids = [
        (await team.requester.post("/api/v1/rounds", json={"pool": "mail"})).json()["round_id"]
        for _ in range(3)
    ]
    first = (await team.auditor.get("/api/v1/rounds?limit=2")).json()
    assert [each["round_id"] for each in first["items"]] == [ids[2], ids[1]]
    address = f"/api/v1/rounds?limit=2&after={first['next']}"
    second = (await team.auditor.get(address)).json()
    assert [each["round_id"] for each in second["items"]] == [ids[0]]
    assert second["next"] is None
