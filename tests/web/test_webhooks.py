"""Webhooks on their pages: added with a secret that is shown once, tried, paused, removed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Visitors

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]


def test_a_webhook_is_added_tried_paused_and_removed(visitors: Visitors) -> None:
    visit = visitors.sign_in("admin", "/webhooks")
    visit.expected = ("422",)
    page = visit.page
    page.get_by_label("URL").fill("https://127.0.0.1/hook")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("is a loopback address")
    page.get_by_label("URL").fill("https://hook.invalid/labelwright")
    page.get_by_label("What it is for").fill("starts the nightly training")
    page.get_by_label("round.ended").check()
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#secret-text")).to_have_text(re.compile("^whsec_"))

    page.goto("/webhooks")
    expect(page.get_by_role("main")).not_to_contain_text("whsec_")
    page.get_by_role("link", name="https://hook.invalid/labelwright").click()
    expect(page.get_by_role("main")).to_contain_text("round.ended")
    page.get_by_role("button", name="Send a test event").click()
    row = page.get_by_role("row").filter(has_text="webhook.test")
    expect(row).to_contain_text("pending")
    expect(row).to_contain_text("no connection")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("main")).to_contain_text("Paused: by admin")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove").click()
    page.wait_for_url("**/webhooks")
    expect(page.get_by_role("main")).not_to_contain_text("hook.invalid")


def test_who_is_no_admin_has_no_business_with_webhooks(visitors: Visitors) -> None:
    visit = visitors.sign_in("Rosa", "/webhooks")
    visit.expected = ("403",)
    expect(visit.page.get_by_role("main")).to_contain_text("may not manage webhooks")


def test_on_a_phone_webhooks_are_no_wider_than_the_screen(visitors: Visitors) -> None:
    page = visitors.sign_in("admin", "/webhooks", phone=True, color_scheme="dark").page
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.evaluate("window.innerWidth")
