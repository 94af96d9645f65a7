"""Pools filled over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from api.app import create_app
from tests.api.team import BASE, Team, code, define
from workers.settings import Settings

IMPORT = "/api/v1/pools/mail/imports"


def lines(*rows: dict[str, object]) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows)


async def test_a_file_becomes_records_and_every_row_is_accounted_for(team: Team) -> None:
    define(team)
    body = lines(
        {"ref": "a1", "body": "where is my card?", "intent": "card_arrival"},
        {"ref": "a2", "body": ""},
        {"ref": "a3", "body": "lost it", "intent": "no such label"},
    )
    params = {"id_column": "ref", "text_column": "body", "label_column": "intent"}
    response = await team.requester.post(IMPORT, params=params, content=body)
    assert response.status_code == 201, response.text
    report = response.json()
    assert (report["read"], report["accepted"], report["rejected"]) == (3, 1, 2)
    assert [each["record_id"] for each in report["rejections"]] == ["a2", "a3"]
    record = (await team.requester.get("/api/v1/pools/mail/records/a1")).json()
    assert (record["content"], record["label"]) == ({"text": "where is my card?"}, "card_arrival")
    again = (await team.requester.post(IMPORT, params=params, content=body)).json()
    assert (again["accepted"], again["unchanged"]) == (0, 1)


async def test_a_file_that_is_not_what_it_says_is_refused_whole(team: Team) -> None:
    define(team)
    answer = await team.requester.post(IMPORT, params={"format": "parquet"}, content=b"id,text\n")
    assert code(answer) == "unreadable_file"
    answer = await team.requester.post(IMPORT, content=lines({"id": "a"}))
    assert answer.json().get("code") == "missing_column" or answer.json()["accepted"] == 0
    pool = (await team.requester.get("/api/v1/pools/mail")).json()
    assert pool["records"] == 10


async def test_records_are_listed_in_pages(team: Team) -> None:
    define(team)
    first = (await team.auditor.get("/api/v1/pools/mail/records?limit=9")).json()
    assert len(first["items"]) == 9
    address = f"/api/v1/pools/mail/records?after={first['next']}"
    second = (await team.auditor.get(address)).json()
    assert ([each["record_id"] for each in second["items"]], second["next"]) == (["r009"], None)
    assert code(await team.auditor.get("/api/v1/pools/none/records")) == "not_found"


async def test_an_import_above_its_cap_is_refused(settings: Settings, tmp_path: Path) -> None:
    app = create_app(settings.model_copy(update={"import_limit": 10}))
    team = Team(app.state.labelwright, httpx.ASGITransport(app, raise_app_exceptions=False))
    async with team:
        define(team)
        headers = {"Authorization": team.requester.headers["Authorization"]}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=BASE, headers=headers
        ) as client:
            answer = await client.post(IMPORT, content=lines({"id": "a", "text": "b"}))
    app.state.labelwright.engine.dispose()
    assert (answer.status_code, code(answer)) == (413, "too_large")
