"""Routings and profiles through the API: written, refused by line, and what follows from them."""

from __future__ import annotations

from datetime import UTC, datetime

from api.routes.routings import EXAMPLE
from tests.api.team import YAML, Team, code, define, start_reviewing

BROKEN = "name: weekly\nrules:\n  - when: risk >=\n  - queue: nowhere\n    reviews: 0\n"


async def test_a_routing_is_versioned_and_shown_as_it_was_written(team: Team) -> None:
    text = "# ours\nname: weekly\nrules:\n  - language: record\n"
    made = await team.requester.post("/api/v1/routings", content=text, headers=YAML)
    assert made.status_code == 201, made.text
    again = await team.requester.post("/api/v1/routings", content=text, headers=YAML)
    assert again.json()["version"] == made.json()["version"]
    changed = await team.requester.post(
        "/api/v1/routings", content=text + "  - reviews: 3\n", headers=YAML
    )
    assert changed.json()["version"] == made.json()["version"] + 1
    first = (await team.requester.get("/api/v1/routings/weekly/1")).json()
    assert first["yaml"] == text
    assert first["document"] == {"name": "weekly", "rules": [{"language": "record"}]}
    listed = (await team.requester.get("/api/v1/routings")).json()["items"]
    assert [each["version"] for each in listed if each["name"] == "weekly"] == [2]


async def test_the_example_of_the_interface_can_be_written(team: Team) -> None:
    assert (await team.requester.post("/api/v1/routings", json=EXAMPLE)).status_code == 201


async def test_a_routing_with_faults_is_refused_with_each_of_them_by_line(team: Team) -> None:
    refused = await team.requester.post("/api/v1/routings", content=BROKEN, headers=YAML)
    assert code(refused) == "invalid_routing"
    lines = [(each["line"], each["where"]) for each in refused.json()["context"]["faults"]]
    assert lines == [(3, "rules[0].when"), (4, "rules[1].queue"), (5, "rules[1].reviews")]
    checked = await team.requester.post("/api/v1/routings/check", content=BROKEN, headers=YAML)
    assert checked.json()["valid"] is False
    assert len(checked.json()["faults"]) == 3


async def test_a_round_pins_the_routing_that_it_names(team: Team) -> None:
    define(team)
    unknown = {"pool": "mail", "routing": "nobody-wrote-this"}
    assert code(await team.requester.post("/api/v1/rounds", json=unknown)) == "not_found"
    pinned = (
        await team.requester.post("/api/v1/routings", json={"name": "pinned", "rules": []})
    ).json()
    started = await team.requester.post(
        "/api/v1/rounds", json={"pool": "mail", "routing": "pinned"}
    )
    assert started.json()["routing"] == {key: pinned[key] for key in ("name", "version", "digest")}


async def test_only_an_admin_writes_profiles_and_everybody_their_absences(team: Team) -> None:
    path = f"/api/v1/accounts/{team.accounts['rita'].account_id}/profile"
    body = {"languages": ["DE"], "expertise": {"support": 3}, "reason": "trained"}
    assert code(await team.rita.put(path, json=body)) == "not_allowed"
    written = await team.admin.put(path, json=body)
    assert written.json()["languages"] == ["de"]
    mine = await team.rita.put(
        "/api/v1/me/absences",
        json={"absences": [{"first": "2026-12-24", "last": "2026-12-26"}]},
    )
    assert mine.json()["expertise"] == {"support": 3}
    [own, lead] = (await team.admin.get(f"{path}/changes")).json()["items"]
    assert (own["reason"], lead["reason"]) == ("noted by the person", "trained")
    wrong = await team.admin.put(path, json={"expertise": {"support": 9}, "reason": "x"})
    assert code(wrong) == "invalid_profile"


async def test_an_empty_answer_says_why(team: Team) -> None:
    await start_reviewing(team)
    path = f"/api/v1/accounts/{team.accounts['rita'].account_id}/profile"
    today = datetime.now(UTC).date().isoformat()
    absence = {"first": today, "last": today}
    await team.admin.put(path, json={"absences": [absence], "reason": "holiday"})
    away = (await team.rita.post("/api/v1/tasks/claim", json={})).json()
    assert (away["task"], away["why"]) == (None, "away")
    await team.admin.put(path, json={"reason": "back"})

    standing = f"/api/v1/accounts/{team.accounts['rita'].account_id}/standings/banking"
    await team.admin.put(standing, json={"standing": "paused", "reason": "3 of 8 wrong"})
    paused = (await team.rita.post("/api/v1/tasks/claim", json={})).json()
    assert (paused["task"], paused["why"]) == (None, "paused")
    await team.admin.put(standing, json={"standing": "passed", "reason": "talked it over"})
    assert (await team.rita.post("/api/v1/tasks/claim", json={})).json()["task"] is not None
