"""Schemas of multiple choice and pools of pairs over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.labels import Choice
from tests.api.team import Team, add_policy, answer, code, define, signals, start_reviewing

CLASSES = [{"label": label} for label in ("delivery", "billing", "praise")]
TOPICS = {"name": "topics", "classes": CLASSES, "choice": "multiple", "min_labels": 0}


def several(*labels: str, **changes: Any) -> dict[str, Any]:
    return answer(verdict={"kind": "label", "labels": labels}, **changes)


async def test_a_schema_says_how_many_labels_a_record_may_have(team: Team) -> None:
    made = (await team.requester.post("/api/v1/schemas", json=TOPICS)).json()
    assert (made["choice"], made["min_labels"], made["max_labels"]) == ("multiple", 0, 3)
    one = (await team.requester.post("/api/v1/schemas", json=TOPICS | {"max_labels": 1})).json()
    assert (one["version"], one["max_labels"]) == (2, 1)
    plain = {"name": "plain", "classes": CLASSES}
    single = (await team.requester.post("/api/v1/schemas", json=plain)).json()
    assert (single["choice"], single["min_labels"], single["max_labels"]) == ("single", 1, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"min_labels": 4},
        {"max_labels": 4},
        {"choice": "single"},
        {"classes": [{"label": "a|b"}, *CLASSES]},
    ],
)
async def test_a_schema_that_no_answer_fits_is_refused(team: Team, change: dict[str, Any]) -> None:
    refused = await team.requester.post("/api/v1/schemas", json=TOPICS | change)
    assert code(refused) == "invalid_label_schema"


async def test_an_answer_of_several_labels_reaches_history_in_one_form(team: Team) -> None:
    reviewing = await start_reviewing(team, choice=Choice.MULTIPLE, max_labels=2)
    task = (await team.rita.post("/api/v1/tasks/claim", json={})).json()["task"]
    assert (task["choice"], task["min_labels"], task["max_labels"]) == ("multiple", 1, 2)
    address = f"/api/v1/tasks/{task['task_id']}/review"
    for body, expected in (
        (several("top_up", "lost_card", "card_arrival"), "wrong_number_of_labels"),
        (several(), "wrong_number_of_labels"),
        (several("weather"), "unknown_label"),
        (several("top_up", schema="banking@2"), "label_of_another_schema"),
        (answer(), "invalid_review"),
    ):
        assert code(await team.rita.post(address, json=body)) == expected
    taken = await team.rita.post(address, json=several("top_up", "lost_card"))
    assert taken.status_code == 202, taken.text
    [message] = await signals(team, reviewing.workflow_id)
    assert message["verdict"]["labels"] == ["lost_card", "top_up"]
    assert message["verdict"]["label"] == "lost_card|top_up"


async def test_known_sets_are_imported_and_a_round_keeps_to_their_choice(team: Team) -> None:
    await team.requester.post("/api/v1/schemas", json=TOPICS)
    await team.requester.post("/api/v1/schemas", json={"name": "plain", "classes": CLASSES})
    pool = {"pool": "notes", "kind": "text", "schema": "topics"}
    await team.requester.post("/api/v1/pools", json=pool)
    rows = "id,text,topics\n1,a,praise;billing\n2,b,(none)\n3,c,\n4,d,weather\n"
    report = await team.requester.post(
        "/api/v1/pools/notes/imports",
        content=rows.encode(),
        params={"format": "csv", "label_column": "topics", "label_separator": ";"},
    )
    assert (report.json()["accepted"], report.json()["rejected"]) == (3, 1), report.text
    assert "“weather” is not a label of topics@1" in report.text
    records = (await team.requester.get("/api/v1/pools/notes/records")).json()["items"]
    assert [each["label"] for each in records] == ["billing|praise", "(none)", None]
    asked = {"pool": "notes", "policy": await add_policy(team), "records": 1, "schema": "plain"}
    refused = await team.requester.post("/api/v1/rounds", json=asked)
    assert code(refused) == "invalid_input"
    assert "multiple choice" in refused.json()["detail"]


async def test_pairs_are_imported_by_the_prefixes_of_their_columns(team: Team) -> None:
    define(team)
    pool = {"pool": "offers", "kind": "pair", "schema": "banking"}
    made = await team.requester.post("/api/v1/pools", json=pool)
    assert made.status_code == 201, made.text
    rows = "id,ours_name,theirs_name\n1,X100,x-100\n"
    named = {"format": "csv", "left_prefix": "ours_", "right_prefix": "theirs_"}
    address = "/api/v1/pools/offers/imports"
    refused = await team.requester.post(address, content=rows.encode(), params={"format": "csv"})
    assert code(refused) == "missing_column"
    await team.requester.post(address, content=rows.encode(), params=named)
    [record] = (await team.requester.get("/api/v1/pools/offers/records")).json()["items"]
    wanted = {"left": {"row": {"name": "X100"}}, "right": {"row": {"name": "x-100"}}}
    assert record["content"] == wanted, json.dumps(record)
