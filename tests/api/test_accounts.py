"""Accounts: secrets are shown once."""

from __future__ import annotations

from tests.api.team import Team, code

BODY = {"name": "nina", "roles": ["reviewer", "adjudicator"], "token": True}


async def test_a_new_account_works_with_both_of_its_secrets(team: Team) -> None:
    made = (await team.admin.post("/api/v1/accounts", json=BODY)).json()
    by_token = team.client(Authorization=f"Bearer {made['token']}")
    assert (await by_token.get("/api/v1/me")).json()["roles"] == ["adjudicator", "reviewer"]
    body = {"name": "nina", "one_time_password": made["one_time_password"]}
    assert (await team.nobody.post("/api/v1/sessions", json=body)).status_code == 201


async def test_secrets_are_not_in_a_repeated_answer(team: Team) -> None:
    headers = {"Idempotency-Key": "new-account-nina"}
    first = (await team.admin.post("/api/v1/accounts", json=BODY, headers=headers)).json()
    second = (await team.admin.post("/api/v1/accounts", json=BODY, headers=headers)).json()
    assert second == {"account": first["account"], "one_time_password": None, "token": None}


async def test_two_accounts_cannot_share_a_name(team: Team) -> None:
    await team.admin.post("/api/v1/accounts", json=BODY)
    assert code(await team.admin.post("/api/v1/accounts", json=BODY)) == "conflict"


async def test_accounts_are_listed_in_pages_without_secrets(team: Team) -> None:
    first = (await team.admin.get("/api/v1/accounts?limit=3")).json()
    assert [each["name"] for each in first["items"]] == ["ada", "admin", "approver"]
    assert set(first["items"][0]) == {"account_id", "name", "roles", "disabled_at", "created_at"}
    address = f"/api/v1/accounts?limit=100&after={first['next']}"
    second = (await team.admin.get(address)).json()
    assert len(second["items"]) == 4
    assert second["next"] is None


async def test_an_admin_cannot_lock_itself_out(team: Team) -> None:
    account = team.accounts["admin"].account_id
    for change in ({"disabled": True}, {"roles": ["reviewer"]}):
        answer = await team.admin.patch(f"/api/v1/accounts/{account}", json=change)
        assert code(answer) == "invalid_input"


async def test_a_changed_role_counts_from_the_next_request(team: Team) -> None:
    account = team.accounts["rita"].account_id
    await team.admin.patch(f"/api/v1/accounts/{account}", json={"roles": ["auditor"]})
    assert (await team.rita.get("/api/v1/rounds")).status_code == 200
    assert (await team.rita.post("/api/v1/tasks/claim", json={})).status_code == 403
