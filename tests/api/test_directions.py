"""Decisions about a task besides its answer: who may, what is signalled, what follows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from httpx import AsyncClient
from sqlalchemy import text, update

from api.state import now
from domain.accounts import Role
from domain.directing import Direction, TaskDirected
from domain.ids import AccountId
from domain.moments import later
from domain.profiles import Absence, Profile
from domain.routing import Lane, Requirement
from domain.tasks import TaskKind
from storage import accounts, lanes, profiles
from storage.tables import tasks
from tests.api.team import Reviewing, Team, answer, code, signals, start_reviewing
from workers.signing import verify


async def reviewing_in_time(team: Team, kind: TaskKind = TaskKind.REVIEW) -> Reviewing:
    """As `start_reviewing`, with a deadline that is a week away."""
    reviewing = await start_reviewing(team, kind=kind)
    with team.state.engine.begin() as connection:
        connection.execute(update(tasks).values(deadline=later(now(), 7 * 86_400.0)))
    return reviewing


async def claimed(client: AsyncClient) -> str:
    return str((await client.post("/api/v1/tasks/claim", json={})).json()["task"]["task_id"])


async def send(client: AsyncClient, task: str, what: str, **body: Any) -> httpx.Response:
    usual = {"request_id": str(uuid4()), "reason": "it is better so"}
    return await client.post(f"/api/v1/tasks/{task}/{what}", json=usual | body)


def row(team: Team, task: str) -> Any:
    with team.state.engine.connect() as connection:
        return connection.execute(tasks.select().where(tasks.c.task_id == task)).one()


def put_profile(team: Team, name: str, **changes: Any) -> None:
    wanted = Profile(account_id=team.accounts[name].account_id, **changes)
    with team.state.engine.begin() as connection:
        profiles.put_profile(connection, wanted, changed_by=AccountId("x"), reason="as it is")


async def test_a_holder_hands_a_task_on_by_a_signed_message(team: Team) -> None:
    reviewing = await reviewing_in_time(team)
    task = await claimed(team.rita)
    body = {"to_account": "ravi", "request_id": str(uuid4())}
    sent = await send(team.rita, task, "delegation", **body)
    assert sent.status_code == 202, sent.text
    assert sent.json()["to_account"] == team.accounts["ravi"].account_id
    [message] = await signals(team, reviewing.workflow_id)
    assert message.pop("signal") == "direct"
    changed = {"actor": team.actor("rita"), "direction": Direction(message["direction"])}
    assert verify(TaskDirected(**message | changed), team.state.signer.public_key.public_key)
    assert (row(team, task).holder, row(team, task).status) == (None, "open")
    assert await claimed(team.ravi) != task, "it is nobody's until the shard has taken that"
    again = await send(team.rita, task, "delegation", **body)
    assert again.json() == sent.json()
    other = await send(team.rita, task, "delegation", **body | {"reason": "another"})
    assert code(other) == "idempotency_conflict"


async def test_a_skip_lets_the_task_go_at_once_and_is_not_offered_again(team: Team) -> None:
    reviewing = await reviewing_in_time(team)
    task = await claimed(team.rita)
    assert (await send(team.rita, task, "skip", reason="not my field")).status_code == 202
    assert row(team, task).holder is None
    assert await claimed(team.rita) != task
    [message] = await signals(team, reviewing.workflow_id)
    assert (message["direction"], message["reason"]) == ("skip", "not my field")
    listed = (await team.requester.get(f"/api/v1/rounds/{reviewing.round_id}/tasks")).json()
    assert {each["task_id"]: each["skips"] for each in listed["items"]}[task] == 1


async def test_a_task_is_sent_to_a_queue_with_all_that_it_demands(team: Team) -> None:
    reviewing = await reviewing_in_time(team)
    law = Lane(number=1, queue="experts", requirement=Requirement(expertise={"law": 2}))
    with team.state.engine.begin() as connection:
        lanes.put_lanes(connection, reviewing.round_id, [law], schema="banking")
        connection.execute(text("update batch_records set lane = 1"))
        connection.execute(text("update tasks set lane = 1"))
    task = reviewing.task_ids[0]
    sent = await send(team.requester, task, "forwarding", to_queue="general")
    assert sent.status_code == 202, sent.text
    assert (sent.json()["to_queue"], sent.json()["to_lane"]) == ("general", 2)
    with team.state.engine.connect() as connection:
        made = lanes.find_lane(connection, reviewing.round_id, 2)
    assert made.requirement == law.requirement
    nowhere = await send(team.requester, task, "forwarding", to_queue="elsewhere")
    assert code(nowhere) == "invalid_input"
    assert "experts, general" in nowhere.json()["hint"]
    stays = await send(team.requester, task, "forwarding", to_queue="experts")
    assert code(stays) == "invalid_input"


async def test_a_task_is_put_off_before_its_deadline_and_goes_on(team: Team) -> None:
    reviewing = await reviewing_in_time(team)
    task = reviewing.task_ids[0]
    for days in (-1, 8):
        until = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        refused = await send(team.requester, task, "suspension", until=until)
        assert code(refused) == "invalid_input"
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    assert (await send(team.requester, task, "suspension", until=until)).status_code == 202
    assert (await send(team.requester, task, "resumption")).status_code == 202
    assert (await send(team.requester, task, "withdrawal")).status_code == 202
    sent = await signals(team, reviewing.workflow_id)
    assert [each["direction"] for each in sent] == ["suspend", "resume", "withdraw"]
    no_zone = await send(team.requester, task, "suspension", until="2999-01-01T00:00:00")
    assert no_zone.status_code == 422


async def test_nobody_directs_a_task_that_they_neither_hold_nor_run(team: Team) -> None:
    reviewing = await reviewing_in_time(team)
    task = await claimed(team.rita)
    for what, more in (
        ("delegation", {"to_account": "ravi"}),
        ("forwarding", {"to_queue": "general"}),
        ("skip", {}),
    ):
        assert code(await send(team.ravi, task, what, **more)) == "task_held_by_another"
        assert code(await send(team.ada, task, what, **more)) == "not_found"
    for what in ("resumption", "withdrawal"):
        assert code(await send(team.rita, task, what)) == "not_allowed"
    assert code(await send(team.requester, task, "skip")) == "task_held_by_another"
    assert code(await send(team.auditor, task, "withdrawal")) == "not_allowed"
    assert code(await send(team.rita, "no-such-task", "skip")) == "not_found"
    listed = await team.rita.get(f"/api/v1/rounds/{reviewing.round_id}/tasks")
    assert code(listed) == "not_allowed"
    assert await signals(team, reviewing.workflow_id) == []


async def test_a_reason_is_required(team: Team) -> None:
    reviewing = await reviewing_in_time(team)
    sent = await send(team.requester, reviewing.task_ids[0], "withdrawal", reason="  ")
    assert sent.status_code == 422
    assert "say why" in sent.text


async def test_a_task_is_given_to_nobody_who_could_not_claim_it(team: Team) -> None:
    reviewing = await reviewing_in_time(team)
    task = next(each for each in reviewing.task_ids if each.endswith("0.review-0"))

    async def refused(to: str) -> tuple[str, str]:
        sent = await send(team.requester, task, "delegation", to_account=to)
        return code(sent), sent.json()["detail"]

    assert await refused("nobody at all") == ("not_found", "there is no account “nobody at all”")
    assert await refused("ada") == ("not_qualified", "ada is no reviewer")
    put_profile(team, "rita", absences=(Absence(first=date(2020, 1, 1), last=date(2999, 1, 1)),))
    assert (await refused("rita"))[1] == "rita is away until 2999-01-01"
    put_profile(team, "rita")
    with team.state.engine.begin() as connection:
        connection.execute(text("""update lanes set expertise = '{"law": 2}'"""))
    assert (await refused("rita"))[1].startswith("this task needs law at level 2")
    put_profile(team, "rita", expertise={"law": 3})
    with team.state.engine.begin() as connection:
        connection.execute(text("update lanes set calibrated = true"))
    assert "not counted on" in (await refused("rita"))[1]
    with team.state.engine.begin() as connection:
        connection.execute(text("update lanes set calibrated = false"))
    assert await claimed(team.rita) == task
    other = task.replace("review-0", "review-1")
    sent = await send(team.requester, other, "delegation", to_account="rita")
    assert (code(sent), sent.json()["detail"]) == (
        "duties_not_separate",
        "rita already has a review of this record",
    )
    assert (await refused("rita"))[1] == "rita holds the task already"
    with team.state.engine.begin() as connection:
        accounts.disable(connection, team.accounts["ravi"].account_id)
    assert (await refused("ravi"))[0] == "not_qualified"
    assert await signals(team, reviewing.workflow_id) == []


async def test_an_answered_task_is_not_directed(team: Team) -> None:
    await reviewing_in_time(team)
    task = await claimed(team.rita)
    sent = await team.rita.post(f"/api/v1/tasks/{task}/review", json=answer())
    assert sent.status_code == 202, sent.text
    assert code(await send(team.rita, task, "skip")) == "task_closed"
    assert code(await send(team.requester, task, "withdrawal")) == "task_closed"


async def test_once_the_shard_has_ended_nothing_is_directed(team: Team) -> None:
    reviewing = await reviewing_in_time(team)
    client = await team.state.temporal.client()
    await client.get_workflow_handle(reviewing.workflow_id).terminate()
    assert code(await send(team.requester, reviewing.task_ids[0], "withdrawal")) == "task_closed"


@pytest.mark.parametrize("role", [Role.REQUESTER, Role.ADMIN])
async def test_the_tasks_of_a_round_come_in_pages(team: Team, role: Role) -> None:
    reviewing = await reviewing_in_time(team)
    await claimed(team.rita)
    lead = team.requester if role is Role.REQUESTER else team.admin
    address, found, after = f"/api/v1/rounds/{reviewing.round_id}/tasks", [], None
    while True:
        params: dict[str, Any] = {"limit": 3} | ({} if after is None else {"after": after})
        page = (await lead.get(address, params=params)).json()
        found += page["items"]
        after = page["next"]
        if after is None:
            break
    assert [each["task_id"] for each in found] == sorted(reviewing.task_ids)
    assert [each["holder_name"] for each in found].count("rita") == 1
    assert {each["queue"] for each in found} == {"general"}
