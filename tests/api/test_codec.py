"""Temporal's history pages show what payloads say to whoever may see every ledger, and to no one
else."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from domain.reviews import ClosingRequested
from domain.routing import Clearance
from tests.api.team import LONG_AGO, Team, code
from workers.settings import Settings

PAGES = "http://127.0.0.1:8233"
DECODE = "/api/v1/codec/decode"
ENCODED = {
    "payloads": [
        {"metadata": {"encoding": base64.b64encode(b"json/plain").decode()}, "data": "eyJhIjoxfQ=="}
    ]
}


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    application = create_app(settings.model_copy(update={"codec_origins": f"{PAGES}, http://x"}))
    yield application
    application.state.labelwright.engine.dispose()


@pytest.fixture(autouse=True)
def cleared(team: Team) -> None:
    team.clear("auditor", Clearance.RESTRICTED)


async def encrypted_message(team: Team) -> dict[str, object]:
    """What Temporal has of a message, as its pages would send it here."""
    client = await team.state.temporal.client()
    message = ClosingRequested(
        request_id="r",
        round_id="mail-1",  # type: ignore[arg-type]
        reason="what somebody wrote",
        actor=team.actor("requester"),
        submitted_at=LONG_AGO,
    )
    [payload] = await client.data_converter.encode([message])
    assert b"somebody" not in payload.SerializeToString()
    metadata = {key: base64.b64encode(each).decode() for key, each in payload.metadata.items()}
    return {
        "payloads": [{"metadata": metadata, "data": base64.b64encode(payload.data).decode()}],
    }


async def signed_in(team: Team, name: str) -> Mapping[str, str]:
    answer = await team.nobody.post(
        "/api/v1/sessions", json={"name": name, "one_time_password": team.password(name)},
        headers={"Sec-Fetch-Site": "same-origin"},
    )  # fmt: skip
    assert answer.is_success, answer.text
    team.nobody.cookies.clear()
    return {"Cookie": f"labelwright_session={answer.cookies['labelwright_session']}"}


async def test_an_auditor_has_payloads_decoded(team: Team) -> None:
    body = await encrypted_message(team)
    answer = await team.auditor.post(DECODE, json=body, headers={"X-Namespace": "default"})
    assert answer.status_code == 200, answer.text
    [payload] = answer.json()["payloads"]
    message = json.loads(base64.b64decode(payload["data"]))
    assert message["reason"] == "what somebody wrote"
    assert base64.b64decode(payload["metadata"]["encoding"]) == b"json/plain"


async def test_nobody_else_has(team: Team) -> None:
    body = await encrypted_message(team)
    assert (await team.nobody.post(DECODE, json=body)).status_code == 401
    for client in (team.rita, team.requester, team.ada):
        refused = await client.post(DECODE, json=body)
        assert (refused.status_code, code(refused)) == (403, "not_allowed")


async def test_an_auditor_who_may_not_see_every_record_has_not(team: Team) -> None:
    body = await encrypted_message(team)
    team.clear("auditor", Clearance.CONFIDENTIAL)
    refused = await team.auditor.post(DECODE, json=body)
    assert (refused.status_code, code(refused)) == (403, "not_cleared")


async def test_a_session_counts_from_the_pages_that_are_named_alone(team: Team) -> None:
    body, cookie = await encrypted_message(team), await signed_in(team, "auditor")
    sent = {"Sec-Fetch-Site": "same-site", **cookie}
    named = await team.nobody.post(DECODE, json=body, headers=sent | {"Origin": PAGES})
    assert named.status_code == 200, named.text
    assert named.headers["Access-Control-Allow-Origin"] == PAGES
    assert named.headers["Access-Control-Allow-Credentials"] == "true"
    other = await team.nobody.post(
        DECODE, json=body, headers=sent | {"Origin": "http://127.0.0.1:9999"}
    )
    assert other.status_code == 403
    assert "Access-Control-Allow-Origin" not in other.headers


async def test_a_page_that_is_named_may_write_nothing_by_that(team: Team) -> None:
    cookie = await signed_in(team, "requester")
    sent = {"Sec-Fetch-Site": "same-site", "Origin": PAGES, **cookie}
    answer = await team.nobody.post("/api/v1/pools", json={"pool": "x"}, headers=sent)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


async def asked_before(team: Team, path: str, origin: str) -> httpx.Response:
    """The browser's question whether a page of that origin may send something."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-namespace",
    }
    return await team.nobody.options(path, headers=headers)


async def test_browsers_are_told_which_pages_may_ask(team: Team) -> None:
    named = await asked_before(team, DECODE, PAGES)
    assert named.status_code == 200
    assert named.headers["Access-Control-Allow-Origin"] == PAGES
    assert (await asked_before(team, DECODE, "http://evil.test")).status_code == 400
    assert (await asked_before(team, "/api/v1/pools", PAGES)).status_code == 401


@pytest.mark.parametrize("body", [b"", b"no json", b'{"payloads": 1}', b"\xff", b'{"other": []}'])
async def test_what_holds_no_payloads_is_refused(team: Team, body: bytes) -> None:
    answer = await team.auditor.post(DECODE, content=body)
    assert (answer.status_code, code(answer)) == (422, "invalid_input")


async def test_plain_payloads_come_back_as_they_are(team: Team) -> None:
    answer = await team.auditor.post(DECODE, json=ENCODED)
    assert answer.json() == ENCODED


async def test_a_missing_key_is_named(team: Team) -> None:
    body = await encrypted_message(team)
    path = team.state.settings.payload_keys
    kept = path.read_text()
    path.write_text("other " + kept.split()[1])
    answer = await team.auditor.post(DECODE, json=body)
    assert (answer.status_code, code(answer)) == (503, "unknown_payload_key")
    assert kept.split()[0] in answer.json()["detail"]
