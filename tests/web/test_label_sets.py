"""Several labels of one record: taken and given back by key, sent together."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Visitors, rounds_on
from tests.web.desk import GLANCE_MS, Arrived
from tests.web.team import Team, until

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]

TOPICS = ["billing", "delivery", "praise", "returns"]


def read(page: Page) -> None:
    expect(page.locator("#record > *")).to_be_visible()
    page.wait_for_timeout(GLANCE_MS)


@pytest.fixture(scope="module")
def notes(team: Team) -> Iterator[str]:
    several = {"choice": "multiple", "min_labels": 0, "max_labels": 2}
    texts = [f"a note about several things, the {number}th" for number in range(6)]
    team.import_texts("notes", labels=TOPICS, texts=texts, **several)
    with rounds_on(team, "notes") as start:
        yield start(6)


def test_keys_take_labels_and_give_them_back_and_enter_sends_them(
    visitors: Visitors, team: Team, notes: str
) -> None:
    arrived = Arrived(team, notes)
    page = visitors.sign_in("Rita").page
    read(page)
    status, send = page.locator("#set [role=status]"), page.locator("#set-send")
    expect(status).to_have_text("Choose up to 2 labels, or send none of them.")
    page.keyboard.press("4")
    page.keyboard.press("1")
    page.keyboard.press("2")
    expect(status).to_contain_text("2 labels at the most")
    page.keyboard.press("4")
    page.keyboard.press("2")
    expect(status).to_have_text("Chosen: billing + delivery")
    chosen = page.locator("#labels [aria-pressed=true]")
    assert [button.get_attribute("value") for button in chosen.all()] == ["billing", "delivery"]
    expect(send).to_have_text("Enter Send 2 labels")
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_have_text("✓ billing + delivery – saved")
    read(page)
    expect(page.locator("#labels [aria-pressed=true]")).to_have_count(0)
    expect(send).to_have_text("Enter None of them")
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_have_text("✓ none of them – saved")
    arrived.wait_for(2)


def test_enter_sends_from_a_label_that_was_clicked(
    visitors: Visitors, team: Team, notes: str
) -> None:
    arrived = Arrived(team, notes)
    page = visitors.sign_in("Rita").page
    read(page)
    page.get_by_role("button", name="praise").click()
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_have_text("✓ praise – saved")
    arrived.wait_for(1)


def test_one_label_alone_can_be_in_doubt(visitors: Visitors, team: Team, notes: str) -> None:
    arrived = Arrived(team, notes)
    page = visitors.sign_in("Rita").page
    read(page)
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="Which labels are in doubt?")).to_be_visible()
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_have_text("✓ ambiguous: praise – saved")
    arrived.wait_for(1)


def adjudicated(team: Team, round_id: str) -> int:
    backlog = team.round(round_id)["backlog"]
    done = [each for each in backlog if (each["kind"], each["status"]) == ("adjudication", "done")]
    return sum(each["tasks"] for each in done)


def test_an_adjudicator_sees_who_named_which_label_and_sends_a_set_with_a_reason(
    visitors: Visitors, team: Team, notes: str
) -> None:
    for name, labels in (("Rita", ["billing"]), ("Ravi", ["billing", "returns"])):
        while task := team.claim(name):
            team.answer(name, task, labels)
    page = visitors.sign_in("Ada", "/adjudicate").page
    read(page)
    expect(page.locator("#answers")).to_contain_text("billing + returns")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    decision = page.locator("#rationale-missing")
    expect(decision).to_contain_text("Your decision: billing.")
    page.keyboard.press("Escape")
    page.keyboard.press("4")
    expect(decision).to_contain_text("Your decision: billing + returns.")
    page.keyboard.press("c")
    page.keyboard.type("both are in it")
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_have_text("✓ billing + returns – saved")
    until(lambda: adjudicated(team, notes) == 1, "the adjudication is in the round")
