"""Tokens: everybody's own, one by one, within what made them; and tokens that are not good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from api.app import create_app
from domain.credentials import BAD_TOKENS
from domain.ids import Timestamp
from storage import tokens
from tests.api.team import BASE, Team, code
from workers.settings import Settings


async def make(client: httpx.AsyncClient, **body: object) -> dict[str, object]:
    answer = await client.post("/api/v1/tokens", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, object] = answer.json()
    return made


async def test_everybody_makes_lists_and_revokes_their_own_tokens(team: Team) -> None:
    made = await make(team.rita, label="nightly", expires_in_days=30)
    program = team.client(Authorization=f"Bearer {made['token']}")
    assert (await program.get("/api/v1/me")).json()["name"] == "rita"
    listed = (await program.get("/api/v1/tokens")).json()["items"]
    mine = next(each for each in listed if each["label"] == "nightly")
    assert (mine["current"], mine["last_network"]) == (True, "127.0.0.0/24")
    assert mine["last_used_at"] is not None
    assert str(made["token"]) not in str(listed)
    address = f"/api/v1/tokens/{mine['token_id']}"
    assert code(await team.ravi.delete(address)) == "not_found"
    assert (await team.rita.delete(address)).status_code == 204
    assert (await program.get("/api/v1/me")).status_code == 401
    assert (await team.rita.get("/api/v1/me")).status_code == 200
    pages = (await team.rita.get("/api/v1/tokens?limit=1")).json()
    assert (len(pages["items"]), pages["next"]) == (1, None)


async def test_an_admin_lists_and_revokes_anybodys_tokens_and_others_do_not(team: Team) -> None:
    rita = team.accounts["rita"].account_id
    address = f"/api/v1/accounts/{rita}/tokens"
    assert (await team.ravi.get(address)).status_code == 403
    assert (await team.ravi.post(address, json={})).status_code == 403
    key = {"Idempotency-Key": "one-token-for-rita"}
    first, second = [
        (await team.admin.post(address, json={"label": "desk"}, headers=key)).json()
        for _ in range(2)
    ]
    assert first["token"].startswith("lw_")
    assert (second["token"], second["details"]) == (None, first["details"])
    listed = (await team.admin.get(address)).json()["items"]
    assert {each["label"] for each in listed} == {"test", "desk"}
    token_id = first["details"]["token_id"]
    ravi = team.accounts["ravi"].account_id
    elsewhere = await team.admin.delete(f"/api/v1/accounts/{ravi}/tokens/{token_id}")
    assert code(elsewhere) == "not_found"
    assert (await team.admin.delete(f"{address}/{token_id}")).status_code == 204
    for each in listed:
        if each["label"] == "test":
            assert (await team.admin.delete(f"/api/v1/tokens/{each['token_id']}")).is_success
    assert (await team.rita.get("/api/v1/me")).status_code == 401


async def test_a_token_that_only_reads_changes_nothing(team: Team) -> None:
    made = await make(team.requester, scope="read")
    reader = team.client(Authorization=f"Bearer {made['token']}")
    assert (await reader.get("/api/v1/pools")).status_code == 200
    for method, path in (
        ("POST", "/api/v1/pools"),
        ("POST", "/api/v1/tokens"),
        ("DELETE", "/api/v1/sessions"),
        ("PATCH", "/api/v1/accounts/x"),
    ):
        answer = await reader.request(method, path, json={})
        assert (answer.status_code, code(answer)) == (403, "not_allowed")


async def test_a_token_does_not_outlive_the_one_that_made_it_nor_the_settings(
    settings: Settings, team: Team
) -> None:
    soon = Timestamp((datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="microseconds"))
    with team.state.engine.begin() as connection:
        rita = team.accounts["rita"].account_id
        short = tokens.issue(connection, rita, label="short", expires_at=soon)
    borrowed = team.client(Authorization=f"Bearer {short.secret}")
    for body in ({}, {"expires_in_days": 30}):
        made = (await borrowed.post("/api/v1/tokens", json=body)).json()
        assert made["details"]["expires_at"] == soon

    strict = create_app(settings.model_copy(update={"token_days": 90}))
    headers = {"Authorization": team.rita.headers["Authorization"]}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(strict), base_url=BASE, headers=headers
    ) as client:
        answer = await client.post("/api/v1/tokens", json={"expires_in_days": 91})
        assert code(answer) == "invalid_input"
        made = (await client.post("/api/v1/tokens", json={})).json()
        assert made["details"]["expires_at"] is not None
    strict.state.labelwright.engine.dispose()


async def test_bad_tokens_are_slowed_down_and_good_ones_from_there_go_on(team: Team) -> None:
    assert (await team.rita.get("/api/v1/me")).status_code == 200
    fresh = str((await make(team.rita, label="never used"))["token"])
    guesses = 0
    for guesses in range(1, BAD_TOKENS.free + 20):
        guess = {"Authorization": f"Bearer lw_guess{guesses}"}
        answer = await team.nobody.get("/api/v1/me", headers=guess)
        if answer.status_code == 429:
            break
        assert answer.status_code == 401
    assert guesses > BAD_TOKENS.free
    assert code(answer) == "too_many_attempts"
    assert int(answer.headers["Retry-After"]) >= 1
    assert (await team.rita.get("/api/v1/me")).status_code == 200
    # A guess that hits is a token that was never used from here.
    for number in range(20):
        await team.nobody.get("/api/v1/me", headers={"Authorization": f"Bearer lw_{number}"})
        lucky = await team.nobody.get("/api/v1/me", headers={"Authorization": f"Bearer {fresh}"})
        if lucky.status_code == 429:
            break
    else:
        pytest.fail("the guess was let in each time")


async def test_no_list_shows_more_than_an_admin_should_see_of_a_token(team: Team) -> None:
    rita = team.accounts["rita"].account_id
    secret = team.rita.headers["Authorization"].removeprefix("Bearer ")
    for path in ("tokens", "sessions", "identities"):
        answer = await team.admin.get(f"/api/v1/accounts/{rita}/{path}")
        assert answer.status_code == 200
        assert secret not in answer.text
        assert "digest" not in answer.text
    assert code(await team.admin.get("/api/v1/accounts/acc-none/tokens")) == "not_found"
