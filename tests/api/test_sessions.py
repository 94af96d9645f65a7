"""Signing in: a password once, a cookie that scripts and other sites cannot use."""

from __future__ import annotations

import httpx
import pytest

from api.app import create_app
from domain.credentials import NAME_AT_ADDRESS
from tests.api.team import BASE, Team, code
from workers.settings import Settings

HERE = {"Origin": BASE, "Host": "labelwright.test"}


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


async def test_guessing_is_slowed_down_for_that_name_from_that_address_only(
    settings: Settings, team: Team
) -> None:
    """Counted in the database: a second API counts on where the first one stopped."""
    second = create_app(settings)
    elsewhere = httpx.ASGITransport(second, client=("198.51.100.7", 1))
    next_door = httpx.ASGITransport(second)
    wrong = {"name": "rita", "one_time_password": "wrong"}
    nobody = {"name": "nobody at all", "one_time_password": "wrong"}
    first = await team.nobody.post("/api/v1/sessions", json=wrong)
    unknown = await team.nobody.post("/api/v1/sessions", json=nobody)
    assert (unknown.status_code, unknown.json()) == (first.status_code, first.json())
    for _ in range(NAME_AT_ADDRESS.free - 1):
        assert (await team.nobody.post("/api/v1/sessions", json=wrong)).status_code == 401
    right = {"name": "rita", "one_time_password": team.password("rita")}
    async with httpx.AsyncClient(transport=next_door, base_url=BASE) as client:
        await still_waiting(client, wrong)
    async with httpx.AsyncClient(transport=elsewhere, base_url=BASE) as client:
        assert (await client.post("/api/v1/sessions", json=right)).status_code == 201
    second.state.labelwright.engine.dispose()
    await sign_in(team, "ravi")


async def still_waiting(client: httpx.AsyncClient, body: dict[str, str]) -> None:
    """On a busy machine a wait of a second may be over: each further failure doubles it."""
    for _ in range(10):
        slowed = await client.post("/api/v1/sessions", json=body)
        if slowed.status_code == 429:
            assert code(slowed) == "too_many_attempts"
            assert int(slowed.headers["Retry-After"]) >= 1
            return
    pytest.fail("nobody was told to wait")


OTHERS: list[dict[str, str]] = [
    {},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://elsewhere.test"},
    {"Origin": "http://below.labelwright.test"},
    {"Origin": "http://labelwright.test.elsewhere.test"},
    {"Origin": "http://labelwright.test:8421"},
    {"Origin": "https://labelwright.test"},
    {"Origin": "http://labelwright.test@elsewhere.test"},
    {"Referer": f"{BASE}/review"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-site", "Origin": BASE},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://elsewhere.test"},
]


async def test_a_write_by_cookie_that_does_not_come_from_our_pages_is_refused(
    team: Team,
) -> None:
    client = await sign_in(team)
    for headers in OTHERS:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = await client.request(method, "/api/v1/sessions/current", headers=headers)
            assert (answer.status_code, code(answer)) == (403, "not_allowed"), (method, headers)
    twice = [("Origin", BASE), ("Origin", "https://elsewhere.test")]
    assert (await client.post("/api/v1/tasks/claim", json={}, headers=twice)).status_code == 403
    # Signing in is a write too, though nobody is signed in yet.
    body = {"name": "rita", "one_time_password": team.password("rita")}
    for headers in OTHERS[1:9]:
        answer = await team.nobody.post("/api/v1/sessions", json=body, headers=headers)
        assert answer.status_code == 403, headers
    assert (await client.get("/api/v1/me")).status_code == 200


async def test_a_write_by_cookie_from_our_pages_is_let_through(team: Team) -> None:
    client = await sign_in(team)
    for headers in (
        HERE,
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-origin", "Origin": f"{BASE}:80"},
    ):
        answer = await client.post("/api/v1/tasks/claim", json={}, headers=headers)
        assert answer.status_code == 200, answer.text


async def test_over_https_the_cookie_is_this_hosts_alone(settings: Settings) -> None:
    """Also where something before us ends TLS, which only the setting tells."""
    public = "https://labels.example"
    app = create_app(settings.model_copy(update={"public_url": public}))
    transport = httpx.ASGITransport(app)
    async with Team(app.state.labelwright, transport) as team:
        client = team.client(Host="labels.example")
        body = {"name": "rita", "one_time_password": team.password("rita")}
        cookie = (await client.post("/api/v1/sessions", json=body)).headers["Set-Cookie"]
        secret = cookie.partition(";")[0].partition("=")[2]
        assert cookie.startswith("__Host-labelwright_session=lws_")
        for flag in ("HttpOnly", "SameSite=strict", "Secure", "Path=/"):
            assert flag in cookie
        assert "Domain" not in cookie
        # A neighbour below the same domain can set the bare name, so it counts for nothing.
        for name, status in (("__Host-labelwright_session", 200), ("labelwright_session", 401)):
            known = team.client(Host="labels.example", Cookie=f"{name}={secret}")
            assert (await known.get("/api/v1/me")).status_code == status
        known = team.client(Host="labels.example", Cookie=f"__Host-labelwright_session={secret}")
        ours = {"Origin": public}
        answer = await known.post("/api/v1/tasks/claim", json={}, headers=ours)
        assert answer.status_code == 200, answer.text
    app.state.labelwright.engine.dispose()


async def test_another_site_cannot_sign_its_visitors_in(team: Team) -> None:
    body = {"name": "rita", "one_time_password": team.password("rita")}
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = await team.nobody.post("/api/v1/sessions", json=body, headers=headers)
    assert answer.status_code == 403


async def test_an_account_that_is_shut_out_is_out_at_once_and_for_good(team: Team) -> None:
    client = await sign_in(team)
    account = team.accounts["rita"].account_id
    for disabled in (True, False):
        await team.admin.patch(f"/api/v1/accounts/{account}", json={"disabled": disabled})
        assert (await client.get("/api/v1/me")).status_code == 401
        assert (await team.rita.get("/api/v1/me")).status_code == 401
    assert (await (await sign_in(team)).get("/api/v1/me")).status_code == 200


async def test_signing_in_anew_ends_what_the_browser_had_before(team: Team) -> None:
    client = await sign_in(team, "ravi")
    before = client.cookies["labelwright_session"]
    body = {"name": "rita", "one_time_password": team.password("rita")}
    assert (await client.post("/api/v1/sessions", json=body)).status_code == 201
    assert client.cookies["labelwright_session"] != before
    planted = team.client(Cookie=f"labelwright_session={before}")
    assert (await planted.get("/api/v1/me")).status_code == 401


async def test_everybody_sees_and_ends_their_own_sessions(team: Team) -> None:
    here, there, third = [await sign_in(team) for _ in range(3)]
    ravis = await sign_in(team, "ravi")
    listed = (await here.get("/api/v1/sessions")).json()["items"]
    assert [each["current"] for each in listed].count(True) == 1
    assert {each["signed_in_by"] for each in listed} == {"password"}
    assert listed[0]["network"] == "127.0.0.0/24"
    assert listed[0]["agent"].startswith("python-httpx")
    other = next(each["session_id"] for each in listed if not each["current"])
    stranger = await ravis.delete(f"/api/v1/sessions/{other}", headers=HERE)
    assert code(stranger) == "not_found"
    assert (await here.delete(f"/api/v1/sessions/{other}", headers=HERE)).status_code == 204
    states = {(await each.get("/api/v1/me")).status_code for each in (there, third)}
    assert states == {200, 401}
    address = "/api/v1/sessions?keep_current=true"
    assert (await here.delete(address, headers=HERE)).status_code == 204
    for client, status in ((here, 200), (there, 401), (third, 401), (ravis, 200)):
        assert (await client.get("/api/v1/me")).status_code == status
    assert (await here.delete("/api/v1/sessions", headers=HERE)).status_code == 204
    assert (await here.get("/api/v1/me")).status_code == 401


async def test_an_admin_ends_anybodys_sessions_and_others_do_not(team: Team) -> None:
    client = await sign_in(team)
    address = f"/api/v1/accounts/{team.accounts['rita'].account_id}/sessions"
    for verb in ("GET", "DELETE"):
        assert (await team.ravi.request(verb, address)).status_code == 403
    [listed] = (await team.admin.get(address)).json()["items"]
    one = f"{address}/{listed['session_id']}"
    assert (await team.admin.delete(one)).status_code == 204
    assert (await client.get("/api/v1/me")).status_code == 401
    again = await sign_in(team)
    assert (await team.admin.delete(address)).status_code == 204
    assert (await again.get("/api/v1/me")).status_code == 401


async def test_sessions_end_after_the_hours_that_the_settings_say(
    settings: Settings, team: Team
) -> None:
    """An API of the same database with less patience does not know the session any more."""
    client = await sign_in(team)
    hasty = create_app(settings.model_copy(update={"session_idle_hours": 1e-9}))
    secret = client.cookies["labelwright_session"]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(hasty),
        base_url=BASE,
        headers={"Cookie": f"labelwright_session={secret}"},
    ) as elsewhere:
        assert (await elsewhere.get("/api/v1/me")).status_code == 401
    hasty.state.labelwright.engine.dispose()
    assert (await client.get("/api/v1/me")).status_code == 200
