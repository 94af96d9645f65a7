"""A batch that fails a gate: its page says why, and people with the right decide there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import Visitors
from tests.web.team import Team

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]

WORDS = {
    "sport": ("goal", "match", "team", "coach", "season", "score", "derby", "league", "cup", "run"),
    "money": ("bank", "stock", "price", "market", "gain", "share", "bond", "yield", "loan", "fund"),
}
POLICY: dict[str, Any] = {
    "name": "strict",
    "batch_size": 12,
    "seed": 3,
    "arms": [
        {"name": "uncertain", "kind": "uncertain", "share": 0.5},
        {"name": "diverse", "kind": "diverse", "share": 0.25},
        {"name": "random", "kind": "random", "share": 0.25},
    ],
    "near_duplicates": {"text": None, "embedding": None},
    "limits": [{"column": "language", "value": "fi", "min_records": 3}],
    "gates": [
        {"measure": "random_share", "at_least": 0.9},
        {"measure": "quality", "at_least": 0.5},
    ],
    "production": 'source == "chat"',
}
RELAXED = POLICY | {"name": "relaxed", "gates": [], "seed": 4}


def texts() -> bytes:
    """Short texts with metadata: the first ones labelled, and few of them in Finnish."""
    rows = []
    for number in range(160):
        label = "sport" if number % 2 else "money"
        words = WORDS[label]
        row: dict[str, object] = {
            "id": f"text-{number:03}",
            "text": " ".join(words[number * step % 10] for step in (1, 3, 7)) + f" {number}",
            "language": "fi" if number % 80 == 79 else "de" if number % 3 else "en",
            "segment": "premium" if number % 5 == 0 else "basic",
            "source": "chat" if number % 4 == 0 else "mail",
        }
        if number < 60:
            row |= {"label": label, "role": "train" if number < 40 else "test"}
        rows.append(json.dumps(row))
    return "\n".join(rows).encode()


@pytest.fixture(scope="module")
def news(team: Team) -> str:
    """A pool with metadata, and two approved policies of which one holds every batch."""
    rosa, paul = team["Rosa"].api, team["Paul"].api
    classes = [{"label": label, "meaning": f"about {label}"} for label in WORDS]
    asked = [
        rosa.post("/schemas", json={"name": "news", "classes": classes}),
        rosa.post("/pools", json={"pool": "news", "kind": "text", "schema": "news"}),
        rosa.post(
            "/pools/news/imports",
            content=texts(),
            params={"format": "jsonl", "label_column": "label", "role_column": "role"},
        ),
    ]
    for policy in (POLICY, RELAXED):
        asked.append(rosa.post("/policies", json=policy))
        approval = {"reason": "agreed"}
        asked.append(paul.post(f"/policies/{policy['name']}/1/approve", json=approval))
    for answer in asked:
        assert answer.is_success, answer.text
    return "news"


@pytest.fixture
def held_round(team: Team, news: str) -> Iterator[Callable[[], str]]:
    """A function that starts a round whose batch is held; none is left open."""
    started: list[str] = []
    numbers = count(1)

    def start() -> str:
        asked = {
            "pool": news,
            "policy": "strict@1",
            "dataset": f"news-{next(numbers)}",
            "reviewing": {"undo_seconds": 0},
        }
        answer = team["Rosa"].api.post("/rounds", json=asked)
        assert answer.is_success, answer.text
        started.append(str(answer.json()["round_id"]))
        team.wait_for_phase(started[-1], "checking")
        return started[-1]

    yield start
    for round_id in started:
        team.cancel_round(round_id)


def held(page: Page) -> Locator:
    return page.get_by_role("region", name="The batch waits for a decision")


def test_a_held_batch_says_why_and_goes_on_once_it_is_accepted(
    visitors: Visitors, team: Team, held_round: Callable[[], str]
) -> None:
    round_id = held_round()
    requester = visitors.sign_in("Rosa", f"/rounds/{round_id}").page
    panel = held(requester)
    expect(panel).to_contain_text("Random share of the batch is 0.25")
    expect(panel).to_contain_text("another person")
    expect(panel.get_by_role("button", name="Accept")).to_have_count(0)
    expect(requester.get_by_role("button", name="Extend the deadline")).to_have_count(0)
    made_of = requester.get_by_role("region", name="What the batch is made of")
    expect(made_of.get_by_role("heading", name="Language")).to_be_visible()
    expect(made_of).to_contain_text("the pool (distance")

    page = visitors.sign_in("Paul", f"/rounds/{round_id}").page
    page.get_by_role("button", name="Accept the batch as it is").click()
    expect(page.get_by_role("alert")).to_contain_text("needs a reason")
    held(page).get_by_label("Why").fill("Good enough for a first round")
    page.get_by_role("button", name="Accept the batch as it is").click()
    expect(page.get_by_text("Waits for reviewers")).to_be_visible()
    batch = page.get_by_role("region", name="Batch", exact=True)
    expect(batch).to_contain_text("Paul accepted the batch as it is")
    expect(batch).to_contain_text("Good enough for a first round")
    expect(requester.get_by_text("Waits for reviewers")).to_be_visible()


def test_another_policy_is_chosen_from_those_that_are_approved(
    visitors: Visitors, team: Team, held_round: Callable[[], str]
) -> None:
    round_id = held_round()
    page = visitors.sign_in("Paul", f"/rounds/{round_id}").page
    choice = page.get_by_label("Another policy")
    assert "strict@1" not in choice.inner_text(), "it selected the batch that is held"
    held(page).get_by_label("Why").fill("We need no more random records")
    choice.select_option("relaxed@1")
    page.get_by_role("button", name="Select again by this policy").click()
    expect(page.get_by_text("Waits for reviewers")).to_be_visible()
    expect(page.get_by_text("the batch was selected by relaxed@1 instead")).to_be_visible()
    assert team.round(round_id)["summary"]["policy"]["name"] == "relaxed"


def test_whoever_decides_about_a_batch_may_also_give_the_round_up(
    visitors: Visitors, team: Team, held_round: Callable[[], str]
) -> None:
    round_id = held_round()
    page = visitors.sign_in("Paul", f"/rounds/{round_id}").page
    page.get_by_role("button", name="Cancel the round").click()
    asked = page.get_by_role("dialog", name="Cancel this round?")
    asked.get_by_label("Why").fill("The pool is the wrong one")
    asked.get_by_role("button", name="Cancel the round").click()
    expect(page.get_by_role("heading", name="Cancelled while checking")).to_be_visible()
    assert team.round(round_id)["failure"]["message"] == "The pool is the wrong one"
