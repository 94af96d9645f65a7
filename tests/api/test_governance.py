"""How the installation governs itself, as auditors see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from activities.retention import apply_retention
from domain.accounts import Role
from storage.tables import sessions
from storage.tables.columns import timestamp
from tests.api.team import POLICY, YAML, Team

SAMPLING_RULES = "/api/v1/governance/sampling-rules"
RETENTION = "/api/v1/governance/retention"


async def write_policy(team: Team) -> None:
    answer = await team.requester.post("/api/v1/policies", content=POLICY, headers=YAML)
    assert answer.status_code == 201


async def approve(team: Team) -> None:
    answer = await team.approver.post("/api/v1/policies/weekly/1/approve", json={"reason": "fits"})
    assert answer.status_code == 200


async def test_a_waiting_policy_says_who_may_approve_it(team: Team) -> None:
    await write_policy(team)
    found = (await team.auditor.get(SAMPLING_RULES)).json()
    assert [each["name"] for each in found["approvers"]] == ["approver"]
    [waiting] = found["waiting"]
    assert (waiting["name"], waiting["version"]) == ("weekly", 1)
    assert (waiting["author"], waiting["may_approve"]) == ("requester", ["approver"])


async def test_its_author_is_not_among_them_and_nobody_waits_once_it_is_approved(
    team: Team,
) -> None:
    both = team.join("olga", Role.REQUESTER, Role.APPROVER)
    await both.post("/api/v1/policies", content=POLICY, headers=YAML)
    [waiting] = (await team.auditor.get(SAMPLING_RULES)).json()["waiting"]
    assert waiting["author"] == "olga"
    assert waiting["may_approve"] == ["approver"]
    await approve(team)
    assert (await team.auditor.get(SAMPLING_RULES)).json()["waiting"] == []


async def test_whoever_is_shut_out_approves_nothing(team: Team) -> None:
    account = team.accounts["approver"].account_id
    await team.admin.patch(f"/api/v1/accounts/{account}", json={"disabled": True})
    assert (await team.auditor.get(SAMPLING_RULES)).json()["approvers"] == []


async def test_retention_shows_rules_and_what_the_last_run_has_forgotten(team: Team) -> None:
    long_ago = timestamp(datetime.now(UTC) - timedelta(days=400))
    with team.state.engine.begin() as connection:
        connection.execute(
            insert(sessions).values(
                session_digest="s",
                account_id=team.accounts["rita"].account_id,
                expires_at=long_ago,
            )
        )
    apply_retention(team.state.engine, team.state.settings.retention)
    found = (await team.auditor.get(RETENTION)).json()
    kept = {rule["what"]: rule["days"] for rule in found["rules"]}
    assert kept["sign_ins"] == team.state.settings.keep_sign_ins_days
    assert found["runs"][0]["forgotten"]["sign_ins"] == 1
    assert "published datasets" in found["for_ever"]


async def test_only_those_who_see_the_ledger_are_shown_it(team: Team) -> None:
    for address in (SAMPLING_RULES, RETENTION, "/governance"):
        assert (await team.rita.get(address)).status_code == 403
        assert (await team.requester.get(address)).status_code == 403
        assert (await team.admin.get(address)).status_code == 200


async def test_the_page_names_approvers_what_waits_and_what_is_kept(team: Team) -> None:
    await write_policy(team)
    text = (await team.auditor.get("/governance")).text
    assert '<a href="/policies/weekly/1">weekly@1</a>' in text
    assert "<b>approver</b>" in text
    assert "Published datasets" in text


async def test_the_page_shows_keys_and_who_has_access_to_those_who_review_it(team: Team) -> None:
    key = team.state.signer.public_key
    team.join("olga", Role.REQUESTER, Role.APPROVER)
    text = (await team.auditor.get("/governance")).text
    assert key.key_id in text
    assert key.public_key.replace("+", "&#43;") in text or key.public_key in text
    assert "holds duties that belong apart" in text
    to_an_approver = (await team.approver.get("/governance")).text
    assert key.key_id in to_an_approver
    assert "Last seen" not in to_an_approver
