"""The inbox and its badge: what one person was told, and has not read yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Visitors
from tests.web.team import Team

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]

StartRound = Callable[[int], str]


def read_all(team: Team, name: str) -> None:
    """What other tests have left in this inbox is read."""
    api = team[name].api
    if newest := api.get("/inbox", params={"limit": 1}).json()["items"]:
        api.post("/inbox/read", json={"through": newest[0]["notice_id"]}).raise_for_status()


def test_the_badge_counts_without_a_reload_and_a_link_that_is_followed_is_read(
    visitors: Visitors, team: Team, start_round: StartRound
) -> None:
    read_all(team, "Rosa")
    page = visitors.sign_in("Rosa", "/policies").page
    expect(page.locator("#unread")).to_be_hidden()
    round_id = start_round(4)
    team.cancel_round(round_id)
    expect(page.locator("#unread")).to_have_text("1 unread")
    page.get_by_role("link", name="Inbox").click()
    notice = page.get_by_role("listitem").filter(has_text=round_id)
    expect(notice).to_contain_text("New")
    expect(notice).to_contain_text("was cancelled: the test is over.")
    notice.get_by_role("link").click()
    page.wait_for_url(f"**/rounds/{round_id}")
    expect(page.locator("#unread")).to_be_hidden()
    page.goto("/inbox")
    expect(page.get_by_role("listitem").filter(has_text=round_id)).not_to_contain_text("New")


def test_a_notice_that_comes_in_shows_on_the_open_page_and_all_are_marked_by_one_button(
    visitors: Visitors, team: Team, start_round: StartRound
) -> None:
    read_all(team, "Rosa")
    page = visitors.sign_in("Rosa", "/inbox").page
    rounds = [start_round(4), start_round(4)]
    for round_id in rounds:
        team.cancel_round(round_id)
        expect(page.get_by_role("listitem").filter(has_text=round_id)).to_contain_text("New")
    expect(page.get_by_role("heading", level=1)).to_contain_text("2 unread")
    first = page.get_by_role("listitem").filter(has_text=rounds[0])
    first.get_by_role("button", name="Mark as read").click()
    expect(first).not_to_contain_text("New")
    expect(page.locator("#unread")).to_have_text("1 unread")
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.get_by_text("New", exact=True)).to_have_count(0)
    expect(page.locator("#unread")).to_be_hidden()
    assert team["Rosa"].api.get("/inbox/unread").json() == {"unread": 0}


def test_an_empty_inbox_says_what_it_is_for(visitors: Visitors) -> None:
    page = visitors.sign_in("Olga", "/inbox").page
    expect(page.get_by_role("main")).to_contain_text("Nothing yet")


@pytest.mark.parametrize("name", ["Rosa", "Rita"])
def test_on_a_phone_the_inbox_is_no_wider_than_the_screen(visitors: Visitors, name: str) -> None:
    page = visitors.sign_in(name, "/inbox", phone=True, color_scheme="dark").page
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.evaluate("window.innerWidth")
