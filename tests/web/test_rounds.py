"""From an empty queue over a disagreement to the published dataset and its verified ledger."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Visitors
from tests.web.desk import TRUTH, label_by_key, look, open_tasks, record_on
from tests.web.team import Team, until

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]

REPLAY_MS = 120_000
"""The first replay loads scikit-learn, which takes its time on a busy machine."""


def test_an_empty_queue_says_so_and_new_work_appears_by_itself(
    visitors: Visitors, start_round: Callable[..., str]
) -> None:
    page = visitors.sign_in("Rita").page
    expect(page.get_by_role("heading", name="Nothing to do right now")).to_be_visible()
    start_round(4)
    look(page)


def test_a_disagreement_is_adjudicated_approved_and_stands_in_the_ledger(
    visitors: Visitors, team: Team, start_round: Callable[..., str]
) -> None:
    round_id = start_round(8)
    first = visitors.sign_in("Rita").page
    disputed = label_by_key(first, wrong=True)
    team.review_all("Rita")
    team.review_all("Ravi")
    until(lambda: bool(open_tasks(team, round_id, "adjudication")), "one record is disputed")

    adjudicate(visitors, disputed)
    author = visitors.sign_in("Rosa", "/guidelines/digits/1").page
    expect(author.get_by_role("link", name=disputed)).to_be_visible()
    team.wait_for_phase(round_id, "approval")
    approve(visitors, round_id, disputed)
    team.wait_for_phase(round_id, "closed")

    auditor = visitors.sign_in("Olga", f"/rounds/{round_id}/ledger").page
    rows = auditor.locator("#lines tbody tr")
    expect(rows.filter(has_text="round requested")).to_have_count(1, timeout=REPLAY_MS)
    expect(rows.filter(has_text="dataset approved")).to_contain_text("They look right")
    auditor.get_by_label("Record, task, person or reason").fill(disputed)
    expect(rows.filter(has_text="Rita")).to_have_count(1)
    auditor.get_by_role("button", name="Verify now").click()
    expect(auditor.locator("#report")).to_contain_text("Verified", timeout=REPLAY_MS)

    auditor.goto(f"/rounds/{round_id}")
    expect(auditor.get_by_role("heading", name="What the labels were worth")).to_be_visible()
    expect(auditor.locator("svg.chart").first).to_be_visible()
    auditor.get_by_role("link", name="Dataset digits, version").click()
    with auditor.expect_download() as download:
        auditor.get_by_role("link", name="train.parquet").click()
    assert download.value.suggested_filename.endswith("train.parquet")


def adjudicate(visitors: Visitors, disputed: str) -> None:
    page = visitors.sign_in("Ada").page
    look(page)
    assert record_on(page) == disputed
    answers = page.locator("#answers")
    expect(answers).to_contain_text("Reviewer A")
    expect(answers).to_contain_text("Reviewer B")
    assert "Rita" not in answers.inner_text()
    expect(answers.locator("mark")).to_have_count(2)
    page.keyboard.press("i")
    expect(page.locator("#saved")).to_contain_text("the guideline does not decide")
    page.keyboard.press(TRUTH[disputed])
    expect(page.get_by_role("alert")).to_contain_text("Write why")
    page.keyboard.type("the loop is closed")
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_contain_text("saved")


def approve(visitors: Visitors, round_id: str, disputed: str) -> None:
    requester = visitors.sign_in("Rosa", f"/rounds/{round_id}/approval").page
    expect(requester.locator("#decision")).to_contain_text("another person must approve")
    page = visitors.sign_in("Paul", f"/rounds/{round_id}/approval").page
    first = page.locator("#sample tbody tr").first
    expect(first).to_contain_text(disputed)
    expect(first).to_contain_text("the loop is closed")
    page.get_by_role("button", name="Reject and end the round").click()
    expect(page.get_by_role("alert")).to_contain_text("A rejection needs a reason")
    page.get_by_label("Why").fill("They look right")
    page.get_by_role("button", name="Approve and publish").click()
    expect(page.get_by_role("list", name="Phases of the round")).to_be_visible()


def test_open_rounds_are_listed_without_those_that_have_ended(
    visitors: Visitors, team: Team, start_round: Callable[..., str]
) -> None:
    ended, open_ = start_round(2), start_round(2)
    team.cancel_round(ended)
    page = visitors.sign_in("Rosa", "/rounds").page
    expect(page.get_by_role("link", name=ended)).to_be_visible()
    page.get_by_role("navigation", name="Which rounds").get_by_role("link", name="open").click()
    expect(page.get_by_role("link", name=open_)).to_be_visible()
    expect(page.get_by_role("link", name=ended)).to_have_count(0)


def test_the_round_page_follows_the_round_without_being_loaded_anew(
    visitors: Visitors, team: Team, start_round: Callable[..., str]
) -> None:
    round_id = start_round(12)
    page = visitors.sign_in("Rosa", f"/rounds/{round_id}").page
    expect(page.get_by_text("0 of 24")).to_be_visible()
    page.evaluate("window.loadedOnce = true")
    task = team.claim("Rita")
    assert task is not None
    team.answer("Rita", task, "3")
    expect(page.get_by_text("1 of 24")).to_be_visible()
    assert page.evaluate("window.loadedOnce")
