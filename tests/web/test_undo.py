"""The reviewer's page after an answer, and before one that needs a reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Visitors, rounds_on
from tests.web.desk import Arrived, label_by_key, look, record_on
from tests.web.team import Team

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]


@pytest.fixture(scope="module")
def round_id(team: Team, pool: str) -> Iterator[str]:
    with rounds_on(team, pool) as start:
        yield start(20, undo_seconds=600, rationale_for=["exclude"])


@pytest.fixture
def arrived(team: Team, round_id: str) -> Arrived:
    return Arrived(team, round_id)


def latest(team: Team, round_id: str) -> list[dict[str, Any]]:
    """Rita's last answers in this round, the newest first."""
    mine = team["Rita"].api.get("/reviews/mine").json()
    return [each for each in mine if each["round_id"] == round_id]


def take_back(page: Page) -> None:
    page.keyboard.press("Control+z")
    expect(page.locator("#saved")).to_contain_text("Taken back")


def test_the_last_answers_are_taken_back_by_key_and_given_again(
    visitors: Visitors, team: Team, round_id: str, arrived: Arrived
) -> None:
    page = visitors.sign_in("Rita").page
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    first = label_by_key(page, wrong=True)
    second = label_by_key(page)
    look(page)
    third = record_on(page)
    take_back(page)
    look(page)
    assert record_on(page) == second
    take_back(page)
    look(page)
    assert record_on(page) == first
    assert [each["status"] for each in latest(team, round_id)] == ["undone", "undone"]
    assert label_by_key(page) == first
    assert label_by_key(page) == second
    look(page)
    assert record_on(page) == third
    arrived.wait_for(2)
    statuses = [each["status"] for each in latest(team, round_id)]
    assert statuses == ["accepted", "accepted", "undone", "undone"]


def test_what_was_written_comes_back_with_the_record(visitors: Visitors, arrived: Arrived) -> None:
    page = visitors.sign_in("Rita").page
    look(page)
    page.keyboard.press("c")
    page.keyboard.type("a long stroke")
    page.keyboard.press("Escape")
    record = label_by_key(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#about dd").first).to_have_text(record)
    expect(page.locator("#rationale")).to_have_value("a long stroke")
    assert arrived.count == 0


def test_in_a_field_the_keys_undo_what_was_typed(visitors: Visitors, arrived: Arrived) -> None:
    page = visitors.sign_in("Rita").page
    label_by_key(page)
    look(page)
    record = record_on(page)
    page.keyboard.press("c")
    page.keyboard.type("x")
    page.keyboard.press("Control+z")
    assert record_on(page) == record
    arrived.wait_for(1)


def test_a_verdict_that_needs_a_reason_is_sent_with_one(
    visitors: Visitors, team: Team, round_id: str, arrived: Arrived
) -> None:
    page = visitors.sign_in("Rita").page
    look(page)
    page.keyboard.press("x")
    page.keyboard.press("2")
    expect(page.get_by_role("alert")).to_have_text(
        "Your answer: exclude: low quality. This round wants a reason with it. "
        "Write why, then press Enter."
    )
    assert arrived.count == 0
    page.keyboard.type("all black")
    page.keyboard.press("Enter")
    arrived.wait_for(1)
    [given, *_] = latest(team, round_id)
    assert (given["answer"], given["rationale"]) == ("exclude:low_quality", "all black")
