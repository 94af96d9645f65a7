"""Signing in: a password once, a cookie that scripts and other sites cannot use."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from api.routes import sessions
from tests.api.team import BASE, Team, code

HERE = {"Origin": BASE, "Host": "labelwright.test"}


@pytest.fixture(autouse=True)
def nobody_has_failed_yet() -> Iterator[None]:
    sessions.forget_failures()
    yield
    sessions.forget_failures()


async def sign_in(team: Team, name: str = "rita") -> httpx.AsyncClient:
    client = team.client()
    body = {"name": name, "one_time_password": team.password(name)}
    response = await client.post("/api/v1/sessions", json=body)
    assert response.status_code == 201, response.text
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    return client


async def test_a_one_time_password_becomes_a_session(team: Team) -> None:
    client = await sign_in(team)
    me = (await client.get("/api/v1/me")).json()
    assert (me["name"], me["authenticated_by"]) == ("rita", "session")
    assert me["permissions"] == ["review"]


async def test_a_password_signs_in_once(team: Team) -> None:
    body = {"name": "rita", "one_time_password": team.password("rita")}
    assert (await team.nobody.post("/api/v1/sessions", json=body)).status_code == 201
    again = await team.client().post("/api/v1/sessions", json=body)
    assert again.status_code == 401


async def test_a_password_of_another_account_signs_nobody_in(team: Team) -> None:
    body = {"name": "admin", "one_time_password": team.password("rita")}
    answer = await team.nobody.post("/api/v1/sessions", json=body)
    assert code(answer) == "not_authenticated"


async def test_signing_out_ends_the_session_on_the_server(team: Team) -> None:
    client = await sign_in(team)
    secret = client.cookies["labelwright_session"]
    gone = await client.delete("/api/v1/sessions/current", headers=HERE)
    assert gone.status_code == 204
    stolen = team.client(Cookie=f"labelwright_session={secret}")
    assert (await stolen.get("/api/v1/me")).status_code == 401


async def test_guessing_is_slowed_down_for_that_name_only(team: Team) -> None:
    body = {"name": "rita", "one_time_password": "wrong"}
    for _ in range(sessions.ATTEMPTS):
        assert (await team.nobody.post("/api/v1/sessions", json=body)).status_code == 401
    slowed = await team.nobody.post("/api/v1/sessions", json=body)
    assert slowed.status_code == 429
    assert code(slowed) == "too_many_attempts"
    assert int(slowed.headers["Retry-After"]) <= sessions.WINDOW_SECONDS + 1
    await sign_in(team, "ravi")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://elsewhere.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": BASE},
    ],
)
async def test_a_write_by_cookie_that_does_not_come_from_our_pages_is_refused(
    team: Team, headers: dict[str, str]
) -> None:
    client = await sign_in(team)
    answer = await client.post("/api/v1/tasks/claim", json={}, headers=headers)
    assert answer.status_code == 403
    assert code(answer) == "not_allowed"


@pytest.mark.parametrize("headers", [HERE, {"Sec-Fetch-Site": "same-origin"}])
async def test_a_write_by_cookie_from_our_pages_is_let_through(
    team: Team, headers: dict[str, str]
) -> None:
    client = await sign_in(team)
    answer = await client.post("/api/v1/tasks/claim", json={}, headers=headers)
    assert answer.status_code == 200, answer.text


async def test_another_site_cannot_sign_its_visitors_in(team: Team) -> None:
    body = {"name": "rita", "one_time_password": team.password("rita")}
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = await team.nobody.post("/api/v1/sessions", json=body, headers=headers)
    assert answer.status_code == 403


async def test_an_account_that_is_shut_out_is_out_at_once(team: Team) -> None:
    client = await sign_in(team)
    account = team.accounts["rita"].account_id
    await team.admin.patch(f"/api/v1/accounts/{account}", json={"disabled": True})
    assert (await client.get("/api/v1/me")).status_code == 401
    assert (await team.rita.get("/api/v1/me")).status_code == 401
    await team.admin.patch(f"/api/v1/accounts/{account}", json={"disabled": False})
    assert (await team.rita.get("/api/v1/me")).status_code == 200
