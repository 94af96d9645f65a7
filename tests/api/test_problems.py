"""Every error is a problem with a code, and none shows more than it should."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from tests.api.team import BASE, Team, code
from workers.ports import LOOPBACK, free_port
from workers.settings import Settings


async def test_the_framework_speaks_in_problems_too(team: Team) -> None:
    assert code(await team.admin.get("/api/v1/nothing")) == "not_found"
    wrong_method = await team.admin.put("/api/v1/rounds")
    assert (wrong_method.status_code, code(wrong_method)) == (405, "method_not_allowed")
    unreadable = await team.admin.post("/api/v1/rounds", content=b"{")
    assert (unreadable.status_code, code(unreadable)) == (422, "invalid_request")


async def test_a_fault_in_a_body_names_the_field_and_repeats_nothing_of_it(team: Team) -> None:
    body = {"name": "x", "roles": ["emperor"], "password": "hunter2"}
    answer = await team.admin.post("/api/v1/accounts", json=body)
    assert code(answer) == "invalid_request"
    where = [fault["where"] for fault in answer.json()["context"]["faults"]]
    assert where == ["body.roles.0", "body.password"]
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/pools/a%00b"), ("GET", "/api/v1/rounds?pool=a%00b")],
)
async def test_a_nul_character_finds_nothing(team: Team, method: str, path: str) -> None:
    assert (await team.admin.request(method, path)).status_code == 404


async def test_a_version_beyond_any_number_is_refused(team: Team) -> None:
    answer = await team.admin.get(f"/api/v1/schemas/x/{2**40}")
    assert answer.status_code == 422
    named = await team.requester.post("/api/v1/pools", json=pool(f"x@{2**40}"))
    assert named.status_code == 422


def pool(schema: str) -> dict[str, str]:
    return {"pool": "p", "kind": "text", "schema": schema}


async def test_a_body_above_the_cap_is_refused_announced_or_not(team: Team) -> None:
    large = b" " * (1024 * 1024 + 1)
    announced = await team.admin.post("/api/v1/pools", content=large)
    assert (announced.status_code, code(announced)) == (413, "too_large")

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 64 * 1024

    streamed = await team.admin.post("/api/v1/pools", content=chunks())
    assert (streamed.status_code, code(streamed)) == (413, "too_large")


async def test_an_error_that_nobody_foresaw_shows_no_traceback(app: FastAPI, team: Team) -> None:
    @app.get("/api/v1/broken")
    async def broken() -> None:
        raise ZeroDivisionError("a secret")

    answer = await team.admin.get("/api/v1/broken")
    assert (answer.status_code, code(answer)) == (500, "internal_error")
    assert "secret" not in answer.text
    assert "ZeroDivision" not in answer.text


async def test_without_its_database_the_api_runs_and_says_what_is_missing(tmp_path: Path) -> None:
    nowhere = f"{LOOPBACK}:{free_port()}"
    app = create_app(
        Settings(
            data_dir=tmp_path,
            database_url=f"postgresql://a:b@{nowhere}/c",
            temporal_address=nowhere,
        )
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": "Bearer lw_x"}
    async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers) as client:
        assert (await client.get("/healthz")).status_code == 200
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json() == {"database": "unavailable", "temporal": "unavailable"}
        answer = await client.get("/api/v1/rounds")
        assert (answer.status_code, code(answer)) == (503, "database_unavailable")
        assert answer.headers["Retry-After"]


async def test_readiness_and_metrics_are_open_and_count_by_route(team: Team) -> None:
    assert (await team.nobody.get("/readyz")).json() == {"database": "ok", "temporal": "ok"}
    await team.admin.get("/api/v1/rounds/some-round")
    assert (await team.nobody.request("BREW", "/api/v1/rounds")).status_code == 401
    text = (await team.nobody.get("/metrics")).text
    assert "BREW" not in text
    assert 'route="/api/v1/rounds/{round_id}",status="404"' in text
    assert "some-round" not in text


async def test_the_description_of_the_api_has_examples_and_every_route(team: Team) -> None:
    document = (await team.nobody.get("/openapi.json")).json()
    assert "/api/v1/tasks/{task_id}/review" in document["paths"]
    assert document["components"]["schemas"]["AnswerBody"]["examples"]
