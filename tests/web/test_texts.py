"""Texts with more labels than there are digits, and text that means to be more than text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Visitors, rounds_on
from tests.web.desk import GLANCE_MS, Arrived
from tests.web.team import Team

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]

LABELS = [f"intent {number}" for number in range(1, 26)]
HOSTILE = "<script>document.title = 'taken over'</script><img src=//example.org/x onerror=alert(1)>"


@pytest.fixture(scope="module")
def round_id(team: Team) -> Iterator[str]:
    team.import_texts("mail", labels=LABELS, texts=[f"{HOSTILE} {each}" for each in range(6)])
    with rounds_on(team, "mail") as start:
        yield start(6)


@pytest.fixture
def arrived(team: Team, round_id: str) -> Arrived:
    return Arrived(team, round_id)


def read(page: Page) -> None:
    expect(page.locator("#record .text")).to_be_visible()
    page.wait_for_timeout(GLANCE_MS)


def test_labels_past_the_tenth_take_two_keys_or_a_few_letters(
    visitors: Visitors, arrived: Arrived
) -> None:
    page = visitors.sign_in("Rita").page
    saved = page.locator("#saved")
    read(page)
    page.keyboard.press("0")
    expect(saved).to_have_text("✓ intent 10 – saved")
    read(page)
    page.keyboard.press("q")
    expect(page.locator("#pending-key")).to_contain_text("q …")
    page.keyboard.press("3")
    expect(saved).to_have_text("✓ intent 13 – saved")
    read(page)
    page.keyboard.press("/")
    page.keyboard.type("NT 25")
    page.keyboard.press("Enter")
    expect(saved).to_have_text("✓ intent 25 – saved")
    arrived.wait_for(3)


def test_a_text_stays_text(visitors: Visitors, round_id: str) -> None:
    page = visitors.sign_in("Rita").page
    read(page)
    expect(page.locator("#record .text")).to_contain_text("<script>")
    assert page.locator("#record img, #record script").count() == 0
    assert "taken over" not in page.title()
