"""Who gets in, where they land, and what their roles let them see."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from api.web.rendering import CONTENT_SECURITY_POLICY
from tests.web.conftest import Visitors
from tests.web.team import Team

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]


def submit(page: Page) -> None:
    """By Enter, as soon as the form's script is there."""
    expect(page.get_by_role("button", name="Sign in")).to_be_enabled()
    page.keyboard.press("Enter")


def test_who_is_not_signed_in_comes_back_to_where_they_wanted_to_go(visitors: Visitors) -> None:
    visit = visitors.sign_in("Rosa", "/datasets")
    expect(visit.page).to_have_url(f"{visit.base_url}/datasets")


def test_a_wrong_password_is_said_and_a_used_one_does_not_sign_in_again(
    visitors: Visitors, team: Team
) -> None:
    password = team.new_password("Rosa")
    visit = visitors.nobody()
    visit.expected = ("401",)
    page = visit.page
    page.goto("/")
    page.get_by_label("Your name").fill("Rosa")
    page.get_by_label("One-time password").fill("bcdf-bcdf-bcdf-bcdf-bcdf")
    submit(page)
    expect(page.get_by_role("alert")).to_contain_text("labelwright account password")

    page.get_by_label("One-time password").fill(password)
    submit(page)
    expect(page.get_by_role("heading", name="Rounds", exact=True)).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Your name").fill("Rosa")
    page.get_by_label("One-time password").fill(password)
    submit(page)
    expect(page.get_by_role("alert")).to_contain_text("the password was used")


@pytest.mark.parametrize("elsewhere", ["//example.org/", "/\\example.org", "https://example.org"])
def test_signing_in_never_leads_to_another_site(
    visitors: Visitors, team: Team, elsewhere: str
) -> None:
    visit = visitors.nobody()
    page = visit.page
    page.goto(f"/sign-in?next={elsewhere}")
    page.get_by_label("Your name").fill("Rosa")
    page.get_by_label("One-time password").fill(team.new_password("Rosa"))
    submit(page)
    expect(page).to_have_url(f"{visit.base_url}/rounds")


def test_the_navigation_shows_what_the_roles_permit_and_no_more(visitors: Visitors) -> None:
    reviewer = visitors.sign_in("Rita")
    reviewer.expected = ("403",)
    places = reviewer.page.get_by_role("navigation", name="Places").get_by_role("link")
    expect(places).to_have_text(["Review"])
    reviewer.page.goto("/rounds")
    expect(reviewer.page.get_by_role("heading", name="Not allowed")).to_be_visible()


def test_every_page_forbids_scripts_that_are_not_ours(visitors: Visitors) -> None:
    visit = visitors.nobody()
    answer = visit.page.goto("/sign-in")
    assert answer is not None
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY


def test_an_admin_makes_an_account_whose_password_is_shown_once(
    visitors: Visitors, team: Team
) -> None:
    page = visitors.sign_in("admin", "/accounts").page
    page.get_by_label("Name", exact=True).fill("Nora")
    page.get_by_label("reviewer answers review tasks").check()
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#secret-text")).to_have_text(re.compile(r"([a-z]{4}-){4}[a-z]{4}"))
    page.reload()
    expect(page.get_by_role("row", name="Nora")).to_contain_text("reviewer")
    expect(page.locator("#secret-text")).to_be_hidden()


def test_nothing_typed_gets_into_an_address_where_scripts_do_not_run(visitors: Visitors) -> None:
    visit = visitors.nobody(java_script=False)
    page = visit.page
    page.goto("/sign-in")
    page.get_by_label("Your name").fill("Rosa")
    page.get_by_label("One-time password").fill("bcdf-bcdf-bcdf-bcdf-bcdf")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visit.base_url}/sign-in")
    expect(page.get_by_role("button", name="Sign in")).to_be_disabled()
