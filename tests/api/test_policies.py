"""Policies over HTTP: written by one person, approved by another, never changed."""

from __future__ import annotations

import json

import pytest

from api.documents.writing import to_document
from api.policies import ready_made
from api.policies.documents import json_schema, parse_policy
from domain.accounts import Role
from storage import policies
from tests.api.team import POLICY, YAML, Team, add_policy, code

POLICIES = "/api/v1/policies"
REASON = {"reason": "rare intents were missed"}


async def test_yaml_and_json_say_the_same_and_make_one_version(team: Team) -> None:
    first = await team.requester.post(POLICIES, content=POLICY, headers=YAML)
    assert first.status_code == 201, first.text
    made = first.json()
    assert (made["name"], made["version"], made["status"]) == ("weekly", 1, "waiting")
    assert made["yaml"] == POLICY
    assert [(arm["name"], arm["records"]) for arm in made["arms"]] == [
        ("uncertain", 2),
        ("random", 2),
    ]
    # What the kind adds is told as well.
    assert made["arms"][0]["signals"] == {"margin": 1.0}
    again = await team.requester.post(POLICIES, json=to_document(parse_policy(POLICY)))
    assert again.json() == made


async def test_a_change_makes_the_next_version_and_keeps_the_one_before(team: Team) -> None:
    first = (await team.requester.post(POLICIES, content=POLICY, headers=YAML)).json()
    changed = POLICY.replace("batch_size: 4", "batch_size: 6")
    second = (await team.requester.post(POLICIES, content=changed, headers=YAML)).json()
    assert second["version"] == 2
    assert (await team.auditor.get(f"{POLICIES}/weekly")).json() == second
    assert (await team.auditor.get(f"{POLICIES}/weekly/1")).json() == first
    versions = (await team.auditor.get(f"{POLICIES}/weekly/versions?limit=1")).json()
    assert (versions["items"], versions["next"]) == ([second], "2")
    older = (await team.auditor.get(f"{POLICIES}/weekly/versions?after=2")).json()
    assert (older["items"], older["next"]) == ([first], None)
    listed = (await team.auditor.get(POLICIES)).json()["items"]
    assert {each["name"] for each in listed} == {*ready_made.NAMES, "weekly"}
    assert second in listed
    for missing in ("weekly/3", "monthly", "monthly/versions"):
        assert code(await team.auditor.get(f"{POLICIES}/{missing}")) == "not_found"


async def test_the_same_key_writes_once(team: Team) -> None:
    headers = YAML | {"Idempotency-Key": "write-this-once"}
    first = await team.requester.post(POLICIES, content=POLICY, headers=headers)
    assert (await team.requester.post(POLICIES, content=POLICY, headers=headers)).json() == (
        first.json()
    )
    other = await team.requester.post(POLICIES, content=POLICY + "seed: 3\n", headers=headers)
    assert code(other) == "idempotency_conflict"


async def test_a_document_with_faults_is_refused_with_all_of_them(team: Team) -> None:
    wrong = POLICY.replace("batch_size: 4", "batch_size: 0").replace("share: 0.5", "share: 0.4", 1)
    answer = await team.requester.post(POLICIES, content=wrong, headers=YAML)
    assert code(answer) == "invalid_policy"
    assert answer.json()["detail"].startswith("line 3: batch_size: is 0")
    faults = answer.json()["context"]["faults"]
    assert [(each["line"], each["where"]) for each in faults] == [(3, "batch_size"), (4, "arms")]
    assert code(await team.auditor.get(f"{POLICIES}/weekly")) == "not_found"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
async def test_a_policy_comes_as_json_or_yaml(team: Team, kind: str) -> None:
    headers = {"Content-Type": kind}
    answer = await team.requester.post(POLICIES, content=POLICY, headers=headers)
    assert code(answer) == "invalid_input"


async def test_checking_stores_nothing(team: Team) -> None:
    checked = (await team.auditor.post(f"{POLICIES}/check", content=POLICY, headers=YAML)).json()
    assert checked["valid"]
    assert checked["policy"]["batch_size"] == 4
    document = json.dumps({"name": "weekly"})
    wrong = (await team.auditor.post(f"{POLICIES}/check", content=document, headers=YAML)).json()
    assert (wrong["valid"], wrong["policy"]) == (False, None)
    assert [each["where"] for each in wrong["faults"]] == ["batch_size", "arms"]
    assert code(await team.auditor.get(f"{POLICIES}/weekly")) == "not_found"


async def test_the_schema_is_there_to_read(team: Team) -> None:
    assert (await team.auditor.get(f"{POLICIES}/schema")).json() == json_schema()


# -- approval ---------------------------------------------------------------------------------


async def test_another_person_approves_and_who_when_and_why_is_kept(team: Team) -> None:
    await add_policy(team, approved=False)
    approved = await team.approver.post(f"{POLICIES}/weekly/1/approve", json=REASON)
    assert approved.status_code == 200, approved.text
    shown = (await team.auditor.get(f"{POLICIES}/weekly/1")).json()
    assert shown == approved.json()
    assert shown["status"] == "approved"
    assert shown["created_by"] == "requester"
    approval = shown["approval"]
    assert (approval["name"], approval["reason"]) == ("approver", REASON["reason"])
    assert approval["at"] >= shown["created_at"]


async def test_an_approval_that_comes_again_changes_nothing(team: Team) -> None:
    await add_policy(team, approved=False)
    first = (await team.approver.post(f"{POLICIES}/weekly/1/approve", json=REASON)).json()
    again = await team.approver.post(f"{POLICIES}/weekly/1/approve", json={"reason": "other"})
    assert again.json() == first


async def test_an_approval_without_a_reason_is_none(team: Team) -> None:
    await add_policy(team, approved=False)
    answer = await team.approver.post(f"{POLICIES}/weekly/1/approve", json={"reason": "  "})
    assert code(answer) == "invalid_request"
    assert (await team.auditor.get(f"{POLICIES}/weekly")).json()["status"] == "waiting"


async def test_the_author_does_not_approve_whatever_roles_they_have(team: Team) -> None:
    both = team.join("both", Role.REQUESTER, Role.APPROVER)
    await both.post(POLICIES, content=POLICY, headers=YAML)
    answer = await both.post(f"{POLICIES}/weekly/1/approve", json=REASON)
    assert code(answer) == "duties_not_separate"
    assert answer.status_code == 403


@pytest.mark.parametrize("who", ["requester", "admin", "auditor", "rita"])
async def test_approving_is_for_approvers(team: Team, who: str) -> None:
    await add_policy(team, approved=False)
    answer = await getattr(team, who).post(f"{POLICIES}/weekly/1/approve", json=REASON)
    assert code(answer) == "not_allowed"


async def test_only_what_is_there_is_approved(team: Team) -> None:
    answer = await team.approver.post(f"{POLICIES}/weekly/1/approve", json=REASON)
    assert code(answer) == "not_found"


# -- those that come with the product ---------------------------------------------------------


async def test_ready_made_policies_are_there_and_approved_by_the_release(team: Team) -> None:
    for name in ready_made.NAMES:
        shown = (await team.auditor.get(f"{POLICIES}/{name}")).json()
        assert (shown["version"], shown["status"]) == (1, "approved")
        assert (shown["created_by"], shown["approval"]["name"]) == (
            "labelwright",
            "labelwright-release",
        )
        assert shown["yaml"] == ready_made.load(name)[1]


async def test_a_team_replaces_a_ready_made_policy_by_its_next_version(team: Team) -> None:
    named = await add_policy(team, POLICY.replace("weekly", "cold-start"))
    assert named == "cold-start@2"
    with team.state.engine.begin() as connection:
        ready_made.put_in_place(connection)
        assert policies.get_approved(connection, "cold-start").policy.version == 2


@pytest.mark.parametrize("name", ["labelwright", "Labelwright-Release", "system"])
async def test_no_account_bears_the_name_of_the_product(team: Team, name: str) -> None:
    answer = await team.admin.post("/api/v1/accounts", json={"name": name, "roles": ["approver"]})
    assert code(answer) == "invalid_input"
