"""The access review, over HTTP and as files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.cli.access_review import COLUMNS, csv_rows, safe_cell
from domain.accounts import Role
from storage import accounts
from storage.database import engine as connect
from tests.api.commanding import run, text
from tests.api.team import Team
from workers.settings import Settings


async def reviewed(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/api/v1/accounts/review")
    assert answer.status_code == 200, answer.text
    return {each["name"]: each for each in answer.json()["items"]}


async def test_a_review_says_who_may_do_and_see_what_and_since_when(team: Team) -> None:
    rita = team.accounts["rita"].account_id
    answer = await team.admin.patch(
        f"/api/v1/accounts/{rita}",
        json={"roles": ["requester", "approver"], "reason": "she leads the team now"},
    )
    assert answer.status_code == 200
    profile = {
        "expertise": {"law": 3},
        "languages": [],
        "clearance": "confidential",
        "reason": "vetted in May",
    }
    answer = await team.admin.put(f"/api/v1/accounts/{rita}/profile", json=profile)
    assert answer.status_code == 200, answer.text
    team.password("rita")

    found = await reviewed(team.auditor)
    assert list(found) == sorted(found)
    seen = found["rita"]
    assert seen["roles"] == ["approver", "requester"]
    assert "approve a dataset" in seen["permissions"]
    assert (seen["clearance"], seen["expertise"]) == ("confidential", {"law": 3})
    assert {way["kind"] for way in seen["ways_in"]} == {"token", "one-time password"}
    assert seen["roles_changed"]["changed_by_name"] == "admin"
    assert seen["roles_changed"]["reason"] == "she leads the team now"
    assert seen["clearance_changed"]["reason"] == "vetted in May"
    assert seen["conflicts"][0] == "may start or cancel a round and approve a dataset"
    assert seen["last_seen_at"] is None
    assert found["auditor"]["last_seen_at"] is not None
    assert found["ravi"]["conflicts"] == []
    assert found["ravi"]["clearance_changed"] is None


async def test_whoever_is_shut_out_has_no_way_in(team: Team) -> None:
    ravi = team.accounts["ravi"].account_id
    await team.admin.patch(f"/api/v1/accounts/{ravi}", json={"disabled": True})
    seen = (await reviewed(team.admin))["ravi"]
    assert seen["disabled_at"] is not None
    assert seen["ways_in"] == []


async def test_a_review_comes_in_pages(team: Team) -> None:
    first = (await team.auditor.get("/api/v1/accounts/review?limit=3")).json()
    rest = (await team.auditor.get(f"/api/v1/accounts/review?after={first['next']}")).json()
    names = [each["name"] for each in first["items"] + rest["items"]]
    assert names == sorted(team.accounts)


def test_a_review_is_written_for_spreadsheets_and_for_programs(
    served: str, settings: Settings, tmp_path: Path
) -> None:
    database = connect(settings.database_url)
    with database.begin() as connection:
        accounts.create_account(connection, name="=cmd|'/c calc'!A1", roles={Role.REVIEWER})
    database.dispose()
    table, document = tmp_path / "review.csv", tmp_path / "review.json"
    text("account", "review", "--out", str(table))
    text("account", "review", "--out", str(document))
    rows = list(csv.reader(io.StringIO(table.read_text(encoding="utf-8"))))
    assert tuple(rows[0]) == COLUMNS
    assert {row[0] for row in rows[1:]} == {"admin", "'=cmd|'/c calc'!A1"}
    assert {each["name"] for each in json.loads(document.read_text())} == {
        "admin",
        "=cmd|'/c calc'!A1",
    }
    [admin] = [each for each in run("account", "review") if each["name"] == "admin"]
    assert admin["clearance"] == "restricted", "whoever sets the system up brings the records"
    assert "admin" in text("account", "review")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_one_that_a_spreadsheet_computes(first: str) -> None:
    assert safe_cell(f"{first}1") == f"'{first}1"
    assert safe_cell(f"1{first}") == f"1{first}"


def test_no_account_makes_no_row() -> None:
    assert list(csv_rows([])) == []
