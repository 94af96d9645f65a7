"""Pages in German: all that they show is, on every page, and a reader can change to it and back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import PHONE, Visit, Visitors, rounds_on
from tests.web.desk import Arrived, label_by_key, look
from tests.web.german import SPOKEN, english_among
from tests.web.team import Team

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]

RECORDS = 2
GERMAN = "de-DE"
NAMES = {"admin"}
"""Of accounts: what somebody is called is never translated."""


@pytest.fixture(scope="module")
def round_id(team: Team, pool: str) -> Iterator[str]:
    with rounds_on(team, pool) as start:
        yield start(RECORDS)


def expect_german(page: Page) -> None:
    """Everything that the page shows now, or says to a screen reader."""
    assert page.locator("html").get_attribute("lang") == "de"
    assert page.locator("html").get_attribute("dir") == "ltr"
    english = [text for text in english_among(page.evaluate(SPOKEN)) if text not in NAMES]
    assert english == [], page.url


def visit_all(visit: Visit, *paths: str) -> None:
    for path in paths:
        visit.page.goto(path, wait_until="networkidle")
        expect_german(visit.page)


def test_a_german_visitor_reviews_a_record(visitors: Visitors, team: Team, round_id: str) -> None:
    arrived = Arrived(team, round_id)
    page = visitors.sign_in("Rita", "/review", language=GERMAN).page
    expect(page.get_by_role("heading", name="Labeln")).to_be_visible()
    look(page)
    page.get_by_text("Über diesen Eintrag").click()
    expect_german(page)
    for key, title in (
        ("x", "Ausschließen. Warum?"),
        ("a", "Zwischen welchen Labels?"),
        ("e", "Zur Schlichtung weitergeben"),
        ("Space", "Überspringen. Warum?"),
        ("?", "Tasten"),
    ):
        page.keyboard.press(key)
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        expect_german(page)
        page.keyboard.press("Escape")
    page.keyboard.press("g")
    expect(page.locator("#guideline-article")).to_contain_text("Richtlinie digits, Version")
    label_by_key(page)
    expect(page.locator("#saved")).to_contain_text("gespeichert")
    expect(page.locator("#progress")).to_contain_text("1 beantwortet")
    expect_german(page)
    label_by_key(page)
    # What is left waits for a second person; or it seems that nothing is, as long as the answer is
    # on its way.
    nothing = re.compile("Der Rest ist für andere|Im Moment nichts zu tun")
    expect(page.get_by_role("heading", name=nothing)).to_be_visible()
    expect_german(page)
    arrived.wait_for(RECORDS)


def test_a_password_that_does_not_fit_is_explained_in_german(visitors: Visitors) -> None:
    visit = visitors.nobody(language=GERMAN)
    visit.expected = ("401",)
    page = visit.page
    page.goto("/sign-in")
    page.get_by_label("Ihr Name").fill("Rita")
    page.get_by_label("Einmalpasswort").fill("bcdf-bcdf-bcdf-bcdf-bcdf")
    page.get_by_role("button", name="Anmelden").click()
    expect(page.get_by_role("alert")).to_contain_text("Melden Sie sich erneut an")
    expect_german(page)


def test_every_page_is_german_for_those_who_lead_and_decide(
    visitors: Visitors, team: Team, round_id: str
) -> None:
    rosa = visitors.sign_in("Rosa", "/rounds", language=GERMAN)
    rosa.expected = ("403", "404")
    # Rita has answered above; whichever comes first, both have in the end.
    for name in ("Rita", "Ravi"):
        team.review_all(name)
    team.wait_for_phase(round_id, "approval")
    visit_all(
        rosa,
        "/rounds",
        f"/rounds/{round_id}",
        f"/rounds/{round_id}/approval",
        "/policies",
        "/policies/cold-start",
        "/policies/new",
        "/policies/new?of=cold-start",
        "/datasets",
        "/inbox",
        "/rounds/no-such-round",
        "/accounts",
    )
    expect(rosa.page.get_by_role("heading", name="Nicht erlaubt")).to_be_visible()

    paul = visitors.sign_in("Paul", f"/rounds/{round_id}/approval", language=GERMAN)
    expect_german(paul.page)
    visit_all(paul, "/governance", "/inbox", f"/rounds/{round_id}/ledger")
    expect(paul.page.locator("#lines tbody tr").first).to_be_visible()
    expect_german(paul.page)
    paul.page.get_by_role("button", name="Jetzt prüfen").click()
    expect(paul.page.get_by_role("heading", name="Geprüft: keine Abweichung")).to_be_visible()
    paul.page.get_by_text("Verglichen:").first.click()
    expect_german(paul.page)

    paul.page.goto(f"/rounds/{round_id}/approval")
    paul.page.get_by_role("button", name="Freigeben und veröffentlichen").click()
    team.wait_for_phase(round_id, "closed")
    dataset = team.round(round_id)["dataset"]
    visit_all(paul, f"/rounds/{round_id}", "/datasets", f"/datasets/{dataset}")
    paul.page.get_by_role("link", name="v1").click()
    expect(paul.page.get_by_role("heading", name="Version 1")).to_be_visible()
    expect_german(paul.page)

    admin = visitors.sign_in("admin", "/accounts", language=GERMAN)
    expect_german(admin.page)
    visit_all(admin, "/webhooks", "/inbox")


def test_a_reader_changes_the_language_and_stays_where_they_are(visitors: Visitors) -> None:
    visit = visitors.sign_in("Rosa", "/policies/new?of=cold-start", language=GERMAN)
    page = visit.page
    expect(page.get_by_role("heading", name="Die nächste Version von")).to_be_visible()
    page.locator(".languages summary").first.click()
    page.get_by_role("button", name="English").click()
    expect(page).to_have_url(f"{visit.base_url}/policies/new?of=cold-start")
    expect(page.get_by_role("heading", name="The next version of")).to_be_visible()
    expect(page.locator("#verdict")).to_contain_text("It can be followed")
    expect(page.locator("html")).to_have_attribute("lang", "en")

    # The choice is this browser's: it outlives the session.
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.locator(".languages summary").first.click()
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()


def test_figures_are_written_as_germans_write_them_and_their_longer_words_fit_on_a_phone(
    visitors: Visitors, round_id: str
) -> None:
    page = visitors.sign_in("Rosa", "/policies", phone=True, language=GERMAN).page
    share = re.compile("[0-9],[0-9]\N{NO-BREAK SPACE}%")
    expect(page.get_by_role("img").first).to_have_attribute("aria-label", share)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
