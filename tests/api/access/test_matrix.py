"""Every route, for every role and clearance, on a public record and on a restricted one."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import structlog.testing
from fastapi import FastAPI

from api.authentication import is_open
from domain.accounts import Role
from domain.routing import Clearance
from tests.api.access.matrix import ROLES, Line, body_of, lines
from tests.api.access.world import LEVELS, TEXTS, Person, World, make_world, record
from tests.api.team import Team
from tests.api.test_refusal import addresses

HIDDEN = Clearance.RESTRICTED


async def test_every_route_answers_each_role_and_clearance_as_the_table_says(
    app: FastAPI, team: Team, tmp_path: Path
) -> None:
    world = await make_world(team, tmp_path)
    table = {(line.method, line.path): line for line in lines()}
    walked = {each for each in addresses(app.routes) if each[0] != "HEAD" and not is_open(*each)}
    assert walked == set(table), "a route and its line belong together"
    wrong: list[str] = []
    with structlog.testing.capture_logs() as logged:
        for line in table.values():
            for person in world.people:
                wrong += await _wrong(world, person, line)
    assert not wrong, "\n".join(wrong)
    assert len(logged) > 1_000
    assert not any(record(HIDDEN) in str(line) or TEXTS[HIDDEN] in str(line) for line in logged)


async def _wrong(world: World, person: Person, line: Line) -> list[str]:
    """What differs from the table, or gives a hidden record away."""
    found = []
    expected = line.statuses[person.role]
    if line.method != "GET" and line.hidden is None and person.clearance is not LEVELS[0]:
        return []  # it changes nothing of a record, and nothing of what it answers hangs on one
    for level in LEVELS if line.hidden is not None else LEVELS[:1]:
        answer = await _ask(person, line, world.names(person, level), record(level))
        asked = HIDDEN if line.of_any else level
        cleared = person.clearance.level >= asked.level
        barred = expected == 403
        wanted = {expected} if cleared else {line.hidden}
        if answer.status_code not in wanted | ({403} if barred else set()):
            found.append(f"{_said(person, line, level)}: {answer.status_code}, not {wanted}")
        if person.clearance.level < HIDDEN.level and _tells(answer):
            found.append(f"{_said(person, line, level)} gives it away: {answer.text[:300]}")
        if not cleared and answer.status_code == 404:
            found += await _told_apart(world, person, line, answer)
    return found


async def _told_apart(
    world: World, person: Person, line: Line, hidden: httpx.Response
) -> list[str]:
    """Whether a thing that is not there is answered otherwise than one that is hidden."""
    names = world.names(person, HIDDEN)
    nowhere = {key: f"x{names[key]}" for key in ("task_id", "review_id", "record_id:path")}
    missing = await _ask(person, line, names | nowhere, f"x{record(HIDDEN)}")
    said = missing.text
    for key, name in nowhere.items():
        said = said.replace(name, names[key])
    if _document(said) == _document(hidden.text) and missing.status_code == 404:
        return []
    return [f"{_said(person, line, HIDDEN)}: {hidden.text} is not {missing.text}"]


async def _ask(person: Person, line: Line, names: dict[str, str], record_id: str) -> httpx.Response:
    path = line.path
    for name, value in names.items():
        path = path.replace("{" + name + "}", value)
    path = path.replace("{name}", "train.parquet" if "/files/" in path else "nowhere")
    for name in ("webhook_id", "event_id", "key_id"):
        path = path.replace("{" + name + "}", "nowhere")
    writes = line.method in {"POST", "PUT", "PATCH"}
    return await person.client.request(
        line.method, path, json=body_of(line.path, record_id) if writes else None
    )


def _tells(answer: httpx.Response) -> bool:
    """Whether the answer names the restricted record unasked, or says what it says."""
    asked = str(answer.request.url) + answer.request.content.decode()
    named = record(HIDDEN) in answer.text and record(HIDDEN) not in asked
    return named or TEXTS[HIDDEN] in answer.text


def _document(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _said(person: Person, line: Line, level: Clearance) -> str:
    return (
        f"{person.role} cleared for {person.clearance}: {line.method} {line.path} of a {level} one"
    )


def test_the_table_has_every_role() -> None:
    assert set(ROLES) == set(Role)
    assert all(set(line.statuses) == set(Role) for line in lines())
