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
from tests.api.team import POLICY, Team, add_policy, code, define, import_texts
from workers.settings import Settings
from workers.signing import verify

MAIL = {"pool": "mail"}
KEY = {"Idempotency-Key": "start-this-once"}


async def test_a_started_round_is_in_temporal_with_a_signed_plan(team: Team) -> None:
    define(team)
    named = await add_policy(team)
    body = {"pool": "mail", "policy": "weekly", "records": 3, "purpose": "to learn"}
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
    assert (plan.purpose, plan.records) == ("to learn", 3)
    assert f"{plan.policy.name}@{plan.policy.version}" == named
    assert plan.policy_approved_by == team.accounts["approver"].account_id
    assert plan.policy_approved_at <= plan.requested_at
    assert verify(plan, team.state.signer.public_key.public_key)
    with team.state.engine.connect() as connection:
        assert rounds.get_round(connection, RoundId(started["round_id"])).plan == plan


@pytest.mark.parametrize(
    ("labelled", "policy"), [(0, "cold-start"), (1, "growing"), (999, "growing"), (1_000, "mature")]
)
async def test_a_round_that_names_no_policy_goes_by_how_many_labels_there_are(
    team: Team, labelled: int, policy: str
) -> None:
    schema = define(team)
    import_texts(team, "mail", labelled, schema, label="lost_card", prefix="known")
    started = (await team.requester.post("/api/v1/rounds", json={"pool": "mail"})).json()
    assert started["policy"]["name"] == policy
    # The pool is smaller than the policy's batch size.
    assert sum(arm["records"] for arm in started["policy"]["arms"]) == 10
    assert started["policy_approved_by"] == "labelwright-release"
    assert started["guideline"] == "none@1"
    assert started["review_seconds"] == 14 * 86_400


async def test_a_round_goes_by_the_latest_approved_version_and_by_no_other(team: Team) -> None:
    define(team)
    await add_policy(team)
    waiting = await add_policy(
        team, POLICY.replace("batch_size: 4", "batch_size: 6"), approved=False
    )
    started = (await team.requester.post("/api/v1/rounds", json=MAIL | {"policy": "weekly"})).json()
    assert (started["policy"]["version"], started["policy"]["batch_size"]) == (1, 4)
    refused = await team.requester.post("/api/v1/rounds", json=MAIL | {"policy": waiting})
    assert code(refused) == "policy_not_approved"
    assert "labelwright policy approve weekly@2" in refused.json()["hint"]


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
    object.__setattr__(team.state, "temporal", Temporal(without_temporal, team.state.signer))
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
    object.__setattr__(team.state, "temporal", Temporal(without_temporal, team.state.signer))
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
        ({"records": 11}, "batch_exceeds_pool"),
        ({"policy": "growing"}, "batch_exceeds_pool"),
        ({"policy": "growing", "records": 101}, "invalid_input"),
        ({"policy": "monthly"}, "not_found"),
        ({"policy": "growing@9"}, "not_found"),
        ({"policy": "growing@x"}, "invalid_input"),
        ({"policy": {"batch_size": 4, "arms": []}}, "invalid_request"),
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
