"""Everybody has an inbox, and nobody sees another's."""

from __future__ import annotations

from typing import Any

import pytest

from domain.ids import RoundId
from domain.notices import Audience, Notice, NoticeKind
from storage.notices import tell
from tests.api.team import LONG_AGO, Team, code, start_reviewing


def say(team: Team, round_id: RoundId | None, kind: NoticeKind, *names: str) -> None:
    people = tuple(team.accounts[name].account_id for name in names)
    notice = Notice(
        notice_id=f"{kind}/{names}",
        kind=kind,
        audience=Audience(accounts=people),
        subject="round",
        text=f"It is {kind}.",
    )
    with team.state.engine.begin() as connection:
        tell(connection, [notice], round_id=round_id, at=LONG_AGO)


async def inbox(team: Team, name: str, query: str = "") -> dict[str, Any]:
    answer = await getattr(team, name).get(f"/api/v1/inbox{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_notices_come_the_newest_first_with_a_count_of_the_unread(team: Team) -> None:
    round_id = (await start_reviewing(team)).round_id
    for kind in (NoticeKind.DEADLINE_NEAR, NoticeKind.ESCALATED, NoticeKind.SHARD_CLOSED):
        say(team, round_id, kind, "rita")
    first = await inbox(team, "rita", "?limit=2")
    assert [each["text"] for each in first["items"]] == [
        "It is shard.closed.",
        "It is task.escalated.",
    ]
    assert first["unread"] == 3
    second = await inbox(team, "rita", f"?limit=2&after={first['next']}")
    assert [each["kind"] for each in second["items"]] == ["deadline.near"]
    assert second["next"] is None


async def test_reading_counts_down_once(team: Team) -> None:
    round_id = (await start_reviewing(team)).round_id
    for kind in (NoticeKind.DEADLINE_NEAR, NoticeKind.ESCALATED, NoticeKind.SHARD_CLOSED):
        say(team, round_id, kind, "rita")
    newest, *_ = (await inbox(team, "rita"))["items"]
    body = {"notices": [newest["notice_id"]]}
    for _ in range(2):
        answer = await team.rita.post("/api/v1/inbox/read", json=body)
        assert answer.json() == {"unread": 2}
    answer = await team.rita.post("/api/v1/inbox/read", json={"through": newest["notice_id"]})
    assert answer.json() == {"unread": 0}
    assert (await team.rita.get("/api/v1/inbox/unread")).json() == {"unread": 0}


async def test_anothers_notice_is_not_found_and_not_marked(team: Team) -> None:
    round_id = (await start_reviewing(team)).round_id
    say(team, round_id, NoticeKind.ESCALATED, "rita")
    [hers] = (await inbox(team, "rita"))["items"]
    address = f"/api/v1/inbox/{hers['notice_id']}"
    assert (await team.rita.get(address)).json()["text"] == "It is task.escalated."
    for other in (team.ravi, team.admin, team.auditor):
        assert (await other.get(address)).status_code == 404
        for body in ({"notices": [hers["notice_id"]]}, {"through": hers["notice_id"]}):
            answer = await other.post("/api/v1/inbox/read", json=body)
            assert answer.status_code == 404
            assert code(answer) == "not_found"
    assert (await inbox(team, "admin"))["items"] == []
    assert (await inbox(team, "rita"))["unread"] == 1


@pytest.mark.parametrize(
    ("kind", "who", "link"),
    [
        (NoticeKind.ESCALATED, "rita", "/review"),
        (NoticeKind.ESCALATED, "ada", "/adjudicate"),
        (NoticeKind.ESCALATED, "requester", "/rounds/{}"),
        (NoticeKind.APPROVAL_WANTED, "approver", "/rounds/{}/approval"),
        (NoticeKind.BATCH_HELD, "approver", "/rounds/{}"),
        (NoticeKind.ROUND_ENDED, "rita", "/review"),
    ],
)
async def test_a_notice_leads_to_a_page_that_its_reader_may_see(
    team: Team, kind: NoticeKind, who: str, link: str
) -> None:
    round_id = (await start_reviewing(team)).round_id
    say(team, round_id, kind, who)
    [notice] = (await inbox(team, who))["items"]
    assert notice["link"] == link.format(round_id)


async def test_who_follows_a_notice_on_the_page_has_read_it(team: Team) -> None:
    say(team, (await start_reviewing(team)).round_id, NoticeKind.ESCALATED, "rita")
    [notice] = (await inbox(team, "rita"))["items"]
    address = f"/inbox/{notice['notice_id']}"
    assert (await team.ravi.get(address)).status_code == 404
    assert (await inbox(team, "rita"))["unread"] == 1
    followed = await team.rita.get(address)
    assert (followed.status_code, followed.headers["Location"]) == (303, "/review")
    assert (await inbox(team, "rita"))["unread"] == 0


@pytest.mark.parametrize("body", [{}, {"notices": []}, {"notices": ["a"], "through": "b"}])
async def test_what_was_read_is_named_in_one_way(team: Team, body: dict[str, object]) -> None:
    answer = await team.rita.post("/api/v1/inbox/read", json=body)
    assert answer.status_code == 422
    assert "name either" in answer.json()["detail"]
