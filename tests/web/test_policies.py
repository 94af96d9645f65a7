"""Policies on their pages: in words, written with faults shown by line, approved by another."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from api.policies import ready_made
from tests.web.conftest import Visitors
from tests.web.team import HALVES, Team

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]


def test_the_list_says_which_version_rounds_go_by(visitors: Visitors, team: Team) -> None:
    team.policy("listed")
    changed = f"name: listed\n{HALVES}".replace("seed: 7", "seed: 8")
    headers = {"Content-Type": "application/yaml"}
    team["Rosa"].api.post("/policies", content=changed, headers=headers).raise_for_status()
    page = visitors.sign_in("Olga", "/policies").page
    rows = page.locator("tbody tr")
    for name in ready_made.NAMES:
        expect(rows.filter(has=page.get_by_role("link", name=name, exact=True))).to_contain_text(
            "approved"
        )
    row = rows.filter(has=page.get_by_role("link", name="listed", exact=True))
    expect(row).to_contain_text("waits for approval")
    expect(row).to_contain_text("rounds go by version 1")
    expect(page.get_by_role("link", name="Write a policy")).to_have_count(0)


def test_a_policy_reads_in_words_with_its_document_beside_them(visitors: Visitors) -> None:
    page = visitors.sign_in("Paul", "/policies/support-tickets").page
    main = page.get_by_role("main")
    expect(main).to_contain_text("Records like many others that the model is unsure of.")
    expect(main).to_contain_text("At most 40\N{NO-BREAK SPACE}% of the batch from any one segment")
    expect(main).to_contain_text("Random share of the batch at least 0.1")
    expect(main).to_contain_text("labelwright-release")
    expect(page.locator("pre.document")).to_contain_text("# Forms and auto-replies repeat")
    expect(page.get_by_role("img", name=re.compile("uncertain 35"))).to_be_visible()


def write(page: Page, text: str) -> None:
    page.get_by_label("Policy", exact=True).fill(text)


def test_a_policy_is_written_checked_stored_and_approved_by_another_person(
    visitors: Visitors,
) -> None:
    author = visitors.sign_in("Rosa", "/policies/new")
    author.expected = ("422",)
    page = author.page
    faults = page.get_by_role("list", name="Faults").get_by_role("listitem")
    wrong = f"name: written\n{HALVES}".replace("kind: uncertain", "kind: uncertin")
    write(page, wrong)
    expect(faults).to_have_count(1)
    expect(faults).to_contain_text("did you mean uncertain?")
    page.get_by_role("button", name="Store and ask").click()
    expect(page.get_by_role("status").filter(has_text="Nothing was stored")).to_be_visible()
    page.get_by_role("button", name="line 7").click()
    selected = page.evaluate("document.activeElement.selectionStart")
    assert wrong[:selected].count("\n") == 6
    write(page, f"name: written\n{HALVES}")
    expect(page.locator("#verdict")).to_contain_text("50 uncertain, 50 random")
    page.get_by_role("button", name="Store and ask").click()
    page.wait_for_url("**/policies/written/1")
    expect(page.locator("#decision")).to_contain_text("You wrote it")

    approver = visitors.sign_in("Paul", "/policies/written/1").page
    approver.get_by_label("Why rounds should select by it").fill("half by chance is fair")
    approver.get_by_role("button", name="Approve version 1").click()
    expect(approver.locator("#decision")).to_have_count(0)
    expect(approver.get_by_role("main")).to_contain_text("half by chance is fair")


def test_the_next_version_starts_from_the_one_before_and_shows_what_changed(
    visitors: Visitors, team: Team
) -> None:
    team.policy("changed")
    page = visitors.sign_in("Rosa", "/policies/changed").page
    page.get_by_role("link", name="Write the next version").click()
    document = page.get_by_label("Policy", exact=True)
    expect(document).to_have_value(re.compile("seed: 7"))
    write(page, document.input_value().replace("seed: 7", "seed: 9"))
    page.get_by_role("button", name="Store and ask").click()
    page.wait_for_url("**/policies/changed/2")
    changes = page.locator("#changes")
    expect(changes.locator(".removed")).to_have_text(re.compile("-seed: 7"))
    expect(changes.locator(".added")).to_have_text(re.compile(r"\+seed: 9"))


@pytest.mark.parametrize("address", ["/policies/new", "/policies"])
def test_who_only_reviews_has_no_business_with_policies(visitors: Visitors, address: str) -> None:
    visit = visitors.sign_in("Rita", address)
    visit.expected = ("403",)
    expect(visit.page.get_by_role("main")).to_contain_text("may not")


@pytest.mark.parametrize("address", ["/policies", "/policies/market-intelligence", "/policies/new"])
def test_on_a_phone_nothing_is_wider_than_the_screen(visitors: Visitors, address: str) -> None:
    page = visitors.sign_in("Rosa", address, phone=True, color_scheme="dark").page
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.evaluate("window.innerWidth")
