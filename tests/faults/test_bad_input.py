"""What cannot be used is refused with a reason, and nothing is half done."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from storage import tables
from tests.faults.conftest import Survived
from tests.faults.evidence import signalled
from tests.faults.people import Person, review_body
from tests.faults.world import POLICY, Round, World

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]

STATE = (
    tables.batch_records,
    tables.idempotency_keys,
    tables.imports,
    tables.label_schemas,
    tables.guidelines,
    tables.participations,
    tables.policies,
    tables.pools,
    tables.records,
    tables.review_receipts,
    tables.reviews,
    tables.tasks,
)


def test_bad_input_is_refused_and_changes_nothing(world: World, survived: Survived) -> None:
    round_ = world.start()
    other = world.pool()
    world.team.post("/api/v1/pools", {"pool": "empty", "kind": "text", "schema": "digits"})
    world.team.post(
        "/api/v1/schemas", {"name": "letters", "classes": [{"label": "a"}, {"label": "b"}]}
    )
    rita, ravi = world.reviewers[:2]
    mine, lapsed = world.claim(rita, round_), world.claim(ravi, round_)
    with world.engine.begin() as connection:  # stands for a quarter of an hour
        here = {"task": lapsed["task_id"]}
        late = "UPDATE tasks SET lease_until = now() - interval '1 second' WHERE task_id = :task"
        connection.execute(text(late), here)
    before = state(world, round_)

    refusals = [
        (answer(rita, mine, verdict={"kind": "label", "label": "ten"}), 422, "unknown_label"),
        (
            answer(rita, mine, verdict={"kind": "label", "label": "a"}, schema="letters@1"),
            422,
            "label_of_another_schema",
        ),
        (answer(ravi, mine), 409, "task_held_by_another"),
        (answer(ravi, lapsed), 409, "lease_expired"),
        (ask_for_round(world, "empty"), 422, "empty_pool"),
        (ask_for_round(world, other, "huge@1"), 422, "batch_exceeds_pool"),
        (write_policy(world, arms=POLICY["arms"][:2]), 422, "invalid_policy"),
        (send_file(world, "d.csv", b"name,text\n1,hello\n"), 422, "missing_column"),
        (send_file(world, "d.parquet", b'{"id": "1", "text": "hello"}\n'), 422, "unreadable_file"),
    ]
    for response, status, code in refusals:
        assert (response.status_code, response.json()["code"]) == (status, code), response.text
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"]
    assert state(world, round_) == before

    world.finish(round_)
    survived(round_, f"{len(refusals)} refusals, every table and history as before")


def answer(person: Person, task: Any, **changes: Any) -> httpx.Response:
    body = review_body(task) | changes
    return person.ask("POST", f"/api/v1/tasks/{task['task_id']}/review", json=body)


def ask_for_round(world: World, pool: str, policy: str = "steady@1") -> httpx.Response:
    return world.team.ask("POST", "/api/v1/rounds", json={"pool": pool, "policy": policy})


def write_policy(world: World, **changes: Any) -> httpx.Response:
    return world.team.ask("POST", "/api/v1/policies", json=POLICY | changes)


def send_file(world: World, name: str, content: bytes) -> httpx.Response:
    return world.team.ask(
        "POST", "/api/v1/pools/empty/imports", params={"file_name": name}, content=content
    )


def state(world: World, round_: Round) -> dict[str, object]:
    """A digest of each table that a request could change, the rounds, and what was signalled."""
    found: dict[str, object] = {}
    with world.engine.connect() as connection:
        for table in STATE:
            rows = f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table.name} t"  # noqa: S608
            found[table.name] = connection.scalar(text(rows))
        found["rounds"] = connection.execute(
            select(tables.rounds.c.round_id, tables.rounds.c.phase).order_by("round_id")
        ).all()
    found["signals"] = signalled(world, round_.round_id, [0])
    return found
