"""Webhooks: added by admins, with a secret that is shown once and kept sealed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from domain.accounts import Role
from domain.ids import RoundId
from domain.notices import Audience, Notice, NoticeKind
from domain.webhooks import read_secret
from storage.notices import tell
from tests.api.team import LONG_AGO, Team, code

URL = "https://example.com/hook"
BODY = {"url": URL, "kinds": ["round.ended", "webhook.test"], "description": "nightly"}


async def add(team: Team, **changes: object) -> dict[str, Any]:
    answer = await team.admin.post("/api/v1/webhooks", json=BODY | changes)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def end_rounds(team: Team, *names: str) -> None:
    for name in names:
        notice = Notice(
            notice_id="ended",
            kind=NoticeKind.ROUND_ENDED,
            audience=Audience(),
            subject=name,
            text="",
            detail={"phase": "closed"},
        )
        with team.state.engine.begin() as connection:
            tell(connection, [notice], round_id=RoundId(name), at=LONG_AGO)


async def test_a_secret_is_in_the_first_answer_only_and_sealed_in_the_database(team: Team) -> None:
    headers = {"Idempotency-Key": "new-webhook-1"}
    first = (await team.admin.post("/api/v1/webhooks", json=BODY, headers=headers)).json()
    second = (await team.admin.post("/api/v1/webhooks", json=BODY, headers=headers)).json()
    assert first["secret"].startswith("whsec_")
    assert second == {"webhook": first["webhook"], "secret": None}
    webhook_id = first["webhook"]["webhook_id"]
    with team.state.engine.connect() as connection:
        sealed = connection.scalar(text("SELECT sealed_secret FROM webhooks"))
        kept = connection.scalar(
            text("SELECT string_agg(response::text, '') FROM idempotency_keys")
        )
    assert team.state.sealer.open(webhook_id, sealed) == read_secret(first["secret"])
    assert first["secret"].removeprefix("whsec_") not in f"{sealed}{kept}"
    shown = await team.admin.get(f"/api/v1/webhooks/{webhook_id}")
    assert "secret" not in shown.text


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://[::ffff:127.0.0.1]/",
        "https://me:word@example.com/",
    ],
)
async def test_a_url_that_leads_inside_is_refused_with_what_to_do(team: Team, url: str) -> None:
    answer = await team.admin.post("/api/v1/webhooks", json=BODY | {"url": url})
    assert answer.status_code == 422
    assert code(answer) == "destination_refused"
    assert answer.json()["hint"]


async def test_what_people_alone_are_told_cannot_be_asked_for(team: Team) -> None:
    answer = await team.admin.post("/api/v1/webhooks", json=BODY | {"kinds": ["webhook.paused"]})
    assert answer.status_code == 422
    assert "people only" in answer.json()["detail"]


async def test_deliveries_come_in_pages_and_by_state(team: Team) -> None:
    webhook_id = (await add(team))["webhook"]["webhook_id"]
    end_rounds(team, "r1", "r2", "r3")
    address = f"/api/v1/webhooks/{webhook_id}/deliveries"
    first = (await team.admin.get(f"{address}?limit=2")).json()
    assert [each["subject"] for each in first["items"]] == ["r3", "r2"]
    second = (await team.admin.get(f"{address}?limit=2&after={first['next']}")).json()
    assert [each["subject"] for each in second["items"]] == ["r1"]
    assert (await team.admin.get(f"{address}?state=dead")).json()["items"] == []
    assert (await team.admin.get(f"/api/v1/webhooks/{webhook_id}")).json()["pending"] == 3


async def test_a_test_event_waits_for_its_delivery_like_any_other(team: Team) -> None:
    webhook_id = (await add(team, kinds=[]))["webhook"]["webhook_id"]
    sent = await team.admin.post(f"/api/v1/webhooks/{webhook_id}/test")
    assert sent.status_code == 202
    assert (sent.json()["kind"], sent.json()["state"]) == ("webhook.test", "pending")
    event_id = sent.json()["event_id"]
    one = await team.admin.get(f"/api/v1/webhooks/{webhook_id}/deliveries/{event_id}")
    assert one.json() == sent.json()


async def test_a_webhook_is_paused_goes_on_and_is_removed(team: Team) -> None:
    webhook_id = (await add(team))["webhook"]["webhook_id"]
    address = f"/api/v1/webhooks/{webhook_id}"
    paused = (await team.admin.patch(address, json={"paused": True})).json()
    assert (paused["state"], paused["state_reason"]) == ("paused", "by admin")
    end_rounds(team, "r1")
    resumed = (await team.admin.patch(address, json={"paused": False})).json()
    assert (resumed["state"], resumed["pending"]) == ("active", 1)
    assert (await team.admin.post(f"{address}/replay", json={})).json() == {"events": 0}
    assert (await team.admin.delete(address)).status_code == 204
    for answer in (
        await team.admin.get(address),
        await team.admin.delete(address),
        await team.admin.patch(address, json={"paused": True}),
        await team.admin.post(f"{address}/test"),
        await team.admin.post(f"{address}/replay", json={}),
        await team.admin.get(f"{address}/deliveries"),
    ):
        assert answer.status_code == 404
    assert (await team.admin.get("/api/v1/webhooks")).json()["items"] == []


async def test_an_event_that_still_waits_is_not_replayed(team: Team) -> None:
    webhook_id = (await add(team))["webhook"]["webhook_id"]
    end_rounds(team, "r1")
    address = f"/api/v1/webhooks/{webhook_id}"
    [waiting] = (await team.admin.get(f"{address}/deliveries")).json()["items"]
    body = {"events": [waiting["event_id"]]}
    answer = await team.admin.post(f"{address}/replay", json=body)
    assert answer.status_code == 409
    unknown = await team.admin.post(f"{address}/replay", json={"events": ["nothing"]})
    assert unknown.status_code == 404


async def test_another_webhooks_deliveries_are_not_found_through_this_one(team: Team) -> None:
    ours = (await add(team))["webhook"]["webhook_id"]
    other = (await add(team, kinds=["round.started"]))["webhook"]["webhook_id"]
    end_rounds(team, "r1")
    [waiting] = (await team.admin.get(f"/api/v1/webhooks/{ours}/deliveries")).json()["items"]
    address = f"/api/v1/webhooks/{other}/deliveries/{waiting['event_id']}"
    assert (await team.admin.get(address)).status_code == 404


async def test_only_admins_have_to_do_with_webhooks(team: Team) -> None:
    webhook_id = (await add(team))["webhook"]["webhook_id"]
    address = f"/api/v1/webhooks/{webhook_id}"
    rest = team.join("everything-else", *(role for role in Role if role is not Role.ADMIN))
    for answer in (
        await rest.get("/api/v1/webhooks"),
        await rest.post("/api/v1/webhooks", json=BODY),
        await rest.get(address),
        await rest.patch(address, json={"paused": True}),
        await rest.delete(address),
        await rest.post(f"{address}/test"),
        await rest.get(f"{address}/deliveries"),
        await rest.post(f"{address}/replay", json={}),
        await rest.get("/webhooks"),
        await rest.get(f"/webhooks/{webhook_id}"),
    ):
        assert answer.status_code == 403
