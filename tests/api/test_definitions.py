"""Label schemas and guidelines: a change is a new version."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.team import Team, code

SCHEMA = {"name": "intents", "classes": [{"label": "a", "meaning": "A"}, {"label": "b"}]}
GUIDELINE = {"name": "intents", "text": "Choose.", "examples": [{"content": "x", "label": "a"}]}

MISTAKEN = {"content": "y", "label": "a", "because": "It only looks so."}


@pytest.mark.parametrize(
    ("kind", "body", "change"),
    [
        ("schemas", SCHEMA, {"classes": [{"label": "a"}, {"label": "c"}]}),
        ("guidelines", GUIDELINE, {"text": "Choose well."}),
        ("guidelines", GUIDELINE, {"counterexamples": [MISTAKEN]}),
    ],
)
async def test_a_change_makes_the_next_version_and_keeps_the_one_before(
    team: Team, kind: str, body: dict[str, Any], change: dict[str, Any]
) -> None:
    first = (await team.requester.post(f"/api/v1/{kind}", json=body)).json()
    same = (await team.requester.post(f"/api/v1/{kind}", json=body)).json()
    second = (await team.requester.post(f"/api/v1/{kind}", json=body | change)).json()
    assert (first["version"], same["version"], second["version"]) == (1, 1, 2)
    name = body["name"]
    assert (await team.auditor.get(f"/api/v1/{kind}/{name}")).json() == second
    assert (await team.auditor.get(f"/api/v1/{kind}/{name}/1")).json() == first
    assert (await team.auditor.get(f"/api/v1/{kind}")).json()["items"] == [second]
    assert code(await team.auditor.get(f"/api/v1/{kind}/{name}/3")) == "not_found"


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("schemas", SCHEMA | {"classes": [{"label": "a"}]}, "invalid_label_schema"),
        ("schemas", SCHEMA | {"name": "Not A Name"}, "invalid_request"),
        ("guidelines", GUIDELINE | {"txt": "Choose."}, "invalid_request"),
        ("guidelines", GUIDELINE | {"counterexamples": [{"content": "x"}]}, "invalid_request"),
    ],
)
async def test_a_definition_that_cannot_be_used_is_refused(
    team: Team, kind: str, body: dict[str, Any], expected: str
) -> None:
    assert code(await team.requester.post(f"/api/v1/{kind}", json=body)) == expected


async def test_reviewers_read_the_guideline_and_no_policy(team: Team) -> None:
    await team.requester.post("/api/v1/guidelines", json=GUIDELINE)
    assert (await team.rita.get("/api/v1/guidelines/intents/1")).json()["text"] == "Choose."
    assert (await team.rita.get("/api/v1/policies/growing")).status_code == 403
