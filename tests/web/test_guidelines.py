"""Guidelines: written over a page, compared by version, shown with the rounds that go by them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Visitors, rounds_on
from tests.web.team import Team

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]


def test_a_guideline_is_written_and_its_next_version_compared(
    visitors: Visitors, team: Team, pool: str
) -> None:
    page = visitors.sign_in("Rosa", "/guidelines").page
    page.get_by_role("link", name="Write a guideline").click()
    page.get_by_label("Name").fill("endings")
    page.get_by_label("What reviewers read").fill("Go by how a stroke **ends**.\n")
    page.get_by_role("button", name="Add an example").click()
    page.locator("#examples textarea").fill("a hook")
    page.get_by_role("button", name="Store").click()
    expect(page.get_by_role("alert")).to_have_text("An example needs a content and a label.")
    page.locator("#examples input").fill("2")
    page.get_by_role("button", name="Store").click()
    page.wait_for_url("**/guidelines/endings/1")
    expect(page.locator("article strong")).to_have_text("ends")
    expect(page.locator("#uses")).to_have_count(0)

    with rounds_on(team, pool, guideline="endings") as start:
        round_id = start(1)
        page.reload()
        expect(page.locator("#uses")).to_contain_text(round_id)

    page.get_by_role("link", name="Write the next version").click()
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Add a counterexample").click()
    page.locator("#counterexamples textarea").fill("a foot")
    page.locator("#counterexamples [name=label]").fill("7")
    page.locator("#counterexamples [name=because]").fill("With a foot it is a 1.")
    page.get_by_role("button", name="Store").click()
    page.wait_for_url("**/guidelines/endings/2")
    expect(page.locator("#changes .removed")).to_have_text("-= 2: a hook\n")
    expect(page.locator("#changes .added")).to_have_text("+≠ 7: a foot (With a foot it is a 1.)\n")
    expect(page.locator("#uses")).to_contain_text("v1")


def test_a_reviewer_reads_a_guideline_and_writes_none(visitors: Visitors) -> None:
    visit = visitors.sign_in("Ravi", "/guidelines/digits/1")
    visit.expected = ("403",)
    page = visit.page
    expect(page.get_by_role("heading", name="Reading digits")).to_be_visible()
    for hidden in ("Write the next version", "Versions", "Rounds that go by it"):
        expect(page.get_by_text(hidden)).to_have_count(0)
    page.goto("/guidelines/new")
    expect(page.locator("#write")).to_have_count(0)
