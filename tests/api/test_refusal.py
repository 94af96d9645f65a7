"""Everything refuses by default."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, APIRouter
from starlette.routing import BaseRoute, Mount, Route

from api.authentication import OPEN, is_open
from tests.api.team import Team, code


def addresses(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Method and path of every route, also of those that the schema hides."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if isinstance(included, APIRouter):
            yield from addresses(included.routes)
        elif isinstance(route, APIRoute | Route):
            for method in route.methods or {"GET"}:
                yield method, route.path
        elif isinstance(route, Mount):
            yield "GET", f"{route.path}/anything"
        else:
            pytest.fail(f"a route of a kind that this test does not know: {route!r}")


async def test_no_route_answers_without_credentials_unless_it_is_listed_as_open(
    app: FastAPI, team: Team
) -> None:
    walked = list(addresses(app.routes))
    assert len(walked) > 40
    for method, path in walked:
        if is_open(method, path):
            continue
        answer = await team.nobody.request(method, path.replace("{", "").replace("}", ""))
        assert answer.status_code == 401, (method, path)
        if method != "HEAD":
            assert code(answer) == "not_authenticated"


async def test_an_address_that_does_not_exist_looks_like_any_other_to_strangers(
    team: Team,
) -> None:
    assert (await team.nobody.get("/api/v1/secret")).status_code == 401
    assert (await team.nobody.get("/static/../api/v1/rounds")).status_code == 401
    missing = await team.admin.get("/api/v1/secret")
    assert missing.status_code == 404
    assert code(missing) == "not_found"


def test_the_open_routes_are_the_few_that_show_nothing() -> None:
    assert {path for _, path in OPEN} == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/favicon.ico",
        "/sign-in",
        "/sign-in/provider",
        "/sign-in/callback",
        "/api/v1/sessions",
        "/language",
        "/theme",
    }
    assert not is_open("POST", "/static/x")
    assert not is_open("GET", "/api/v1/sessions")


@pytest.mark.parametrize(
    "header", ["Bearer lw_wrong", "Bearer ", "Basic YTpi", "lw_token", "Bearer \x01"]
)
async def test_a_bad_authorization_header_is_refused(team: Team, header: str) -> None:
    answer = await team.nobody.get("/api/v1/me", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_page_that_needs_a_caller_leads_to_the_sign_in_page(team: Team) -> None:
    answer = await team.nobody.get("/rounds?open=true", headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=%2Frounds%3Fopen%3Dtrue"


@pytest.mark.parametrize(
    ("who", "method", "path", "body"),
    [
        ("rita", "GET", "/api/v1/rounds", None),
        ("rita", "GET", "/api/v1/accounts", None),
        ("rita", "POST", "/api/v1/rounds", {"pool": "mail"}),
        ("admin", "POST", "/api/v1/tasks/claim", {}),
        ("requester", "POST", "/api/v1/accounts", {"name": "x", "roles": ["admin"]}),
        ("auditor", "POST", "/api/v1/policies", None),
        ("rita", "GET", "/api/v1/rounds/x/outcomes", None),
        ("requester", "POST", "/api/v1/tasks/x/review", None),
    ],
)
async def test_a_role_opens_only_what_it_grants(
    team: Team, who: str, method: str, path: str, body: object
) -> None:
    client: httpx.AsyncClient = getattr(team, who)
    answer = await client.request(method, path, json=body)
    assert answer.status_code == 403, answer.text
    assert code(answer) == "not_allowed"


async def test_every_answer_tells_browsers_to_run_nothing_foreign(team: Team) -> None:
    for answer in (await team.nobody.get("/healthz"), await team.nobody.get("/api/v1/me")):
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Request-ID"]
