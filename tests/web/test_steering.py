"""On its page a round is given more time, ended early or given up, by those who may do so."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.web.conftest import Visitors
from tests.web.team import Team, until

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]

WISHES = {
    "Extend the deadline": "Extend the deadline?",
    "End reviewing now": "End reviewing now?",
    "Cancel the round": "Cancel this round?",
}


def ask(page: Page, wish: str) -> Locator:
    """The dialog that comes when somebody wants this of the round."""
    page.get_by_role("button", name=wish, exact=True).click()
    return page.get_by_role("dialog", name=WISHES[wish])


def expect_no_buttons(page: Page) -> None:
    for wish in WISHES:
        expect(page.get_by_role("button", name=wish, exact=True)).to_have_count(0)


def deadlines(team: Team, round_id: str) -> set[str]:
    tasks = team["Rosa"].api.get(f"/rounds/{round_id}/tasks").json()["items"]
    return {task["deadline"] for task in tasks}


def decisions(team: Team, round_id: str, kind: str) -> list[dict[str, Any]]:
    items = team["Olga"].api.get(f"/rounds/{round_id}/ledger").json()["items"]
    return [line for line in items if line["kind"] == kind]


def test_a_requester_extends_the_deadline_of_every_record(
    visitors: Visitors, team: Team, start_round: Callable[..., str]
) -> None:
    round_id = start_round(4)
    (before,) = deadlines(team, round_id)
    page = visitors.sign_in("Rosa", f"/rounds/{round_id}").page
    shown = page.get_by_text("The next deadline is").locator("time").last
    expect(shown).to_have_attribute("datetime", before)

    asked = ask(page, "Extend the deadline")
    asked.get_by_label("Later by").fill("6")
    asked.get_by_label("Unit of time").select_option("hours")
    expect(asked.get_by_role("status")).to_contain_text("The next deadline")
    asked.get_by_label("Why").fill("Half of us are ill")
    asked.get_by_role("button", name="Extend the deadline").click()
    expect(asked).to_be_hidden()
    expect(page.locator("#steered")).to_have_text("Recorded: the deadline moves later.")
    expect(page.locator("#steered")).to_be_focused()

    after = datetime.fromisoformat(before) + timedelta(hours=6)
    until(lambda: deadlines(team, round_id) != {before}, "the deadline has moved")
    (moved,) = deadlines(team, round_id)
    assert datetime.fromisoformat(moved) == after
    expect(shown).to_have_attribute("datetime", moved)
    (decided,) = decisions(team, round_id, "deadline_extended")
    assert decided["reason"] == "Half of us are ill"
    assert decided["actor"] == "Rosa"
    expect(page.get_by_role("button", name="Extend the deadline", exact=True)).to_be_enabled()


def test_a_requester_ends_reviewing_and_what_is_settled_counts(
    visitors: Visitors, team: Team, start_round: Callable[..., str]
) -> None:
    round_id = start_round(4)
    team.review_all("Rita", at_most=2)
    team.review_all("Ravi", at_most=2)
    page = visitors.sign_in("Rosa", f"/rounds/{round_id}").page
    asked = ask(page, "End reviewing now")
    expect(asked).to_contain_text("Every record that nobody has settled is held")
    asked.get_by_role("button", name="End reviewing").click()
    expect(asked.get_by_role("alert")).to_contain_text("needs a reason")
    expect(asked.get_by_label("Why")).to_be_focused()
    page.keyboard.type("The release is today")
    asked.get_by_role("button", name="End reviewing").click()
    expect(page.locator("#steered")).to_have_text("Recorded: reviewing ends.")
    team.wait_for_phase(round_id, "approval")
    expect(page.get_by_text("The dataset waits for approval.")).to_be_visible()
    expect(page.get_by_role("button", name="End reviewing now", exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel the round", exact=True)).to_be_enabled()
    outcomes = team["Rosa"].api.get(f"/rounds/{round_id}/outcomes").json()["items"]
    assert "closed_early" in {each["how"] for each in outcomes}
    assert {each["reason"] for each in decisions(team, round_id, "reviewing_closed")} == {
        "The release is today"
    }


def test_a_requester_cancels_by_keyboard_once_it_is_confirmed(
    visitors: Visitors, team: Team, start_round: Callable[..., str]
) -> None:
    round_id = start_round(4)
    page = visitors.sign_in("Rosa", f"/rounds/{round_id}").page
    button = page.get_by_role("button", name="Cancel the round", exact=True)
    asked = page.get_by_role("dialog", name="Cancel this round?")
    expect(button).to_be_enabled()
    button.focus()
    page.keyboard.press("Enter")
    expect(asked).to_contain_text("it publishes nothing")
    expect(asked).to_contain_text("stay in the ledger")
    page.keyboard.press("Escape")
    expect(asked).to_be_hidden()
    expect(button).to_be_focused()
    assert team.round(round_id)["phase"] == "reviewing"

    page.keyboard.press("Enter")
    expect(asked.get_by_label("Why")).to_be_focused()
    page.keyboard.type("The pool is the wrong one")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Cancelled while reviewing")).to_be_visible()
    expect_no_buttons(page)
    assert team.round(round_id)["failure"]["message"] == "The pool is the wrong one"
    (decided,) = decisions(team, round_id, "cancel_requested")
    assert decided["reason"] == "The pool is the wrong one"


def test_what_is_written_stays_while_the_round_goes_on(
    visitors: Visitors, team: Team, start_round: Callable[..., str]
) -> None:
    page = visitors.sign_in("Rosa", f"/rounds/{start_round(4)}").page
    asked = ask(page, "Cancel the round")
    asked.get_by_label("Why").fill("Half a sent")
    team.review_all("Rita", at_most=1)
    expect(page.get_by_text("1 of 8")).to_be_visible()
    expect(asked.get_by_label("Why")).to_be_focused()
    expect(asked.get_by_label("Why")).to_have_value("Half a sent")
    asked.get_by_role("button", name="Go back").click()
    expect(page.get_by_role("button", name="Cancel the round", exact=True)).to_be_focused()


def test_a_refused_request_tells_why_and_keeps_what_was_written(
    visitors: Visitors, team: Team, start_round: Callable[..., str]
) -> None:
    round_id = start_round(4)
    visit = visitors.sign_in("Rosa", f"/rounds/{round_id}", language="de-DE")
    visit.expected = ("409",)
    page = visit.page
    page.get_by_role("button", name="Frist verlängern", exact=True).click()
    asked = page.get_by_role("dialog", name="Frist verlängern?")
    for amount in ("", "0", "367"):
        asked.get_by_label("Verlängern um").fill(amount)
        asked.get_by_label("Begründung").fill("Zu spät")
        asked.get_by_role("button", name="Frist verlängern").click()
        expect(asked.get_by_role("alert")).to_contain_text("höchstens um 366 Tage")
        expect(asked.get_by_label("Verlängern um")).to_be_focused()
    asked.get_by_label("Verlängern um").fill("2")
    team.cancel_round(round_id)
    asked.get_by_role("button", name="Frist verlängern").click()
    expect(asked.get_by_role("alert")).to_contain_text("nobody is reviewing")
    expect(asked.get_by_label("Begründung")).to_have_value("Zu spät")
    asked.get_by_role("button", name="Zurück").click()
    expect(page.get_by_role("heading", name="Abgebrochen")).to_be_visible()


def test_a_request_whose_answer_is_lost_counts_once(
    visitors: Visitors, team: Team, start_round: Callable[..., str]
) -> None:
    round_id = start_round(4)
    visit = visitors.sign_in("Rosa", f"/rounds/{round_id}")
    visit.expected = ("503",)
    sent: list[str] = []

    def lose_the_first(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or "{}")["request_id"])
        if len(sent) > 1:
            return route.continue_()
        route.fetch()
        return route.fulfill(status=503, json={"code": "unavailable", "detail": "lost"})

    visit.page.route("**/deadline", lose_the_first)
    asked = ask(visit.page, "Extend the deadline")
    asked.get_by_label("Why").fill("Holidays")
    send = asked.get_by_role("button", name="Extend the deadline")
    send.click()
    expect(asked.get_by_role("alert")).to_contain_text("lost")
    send.click()
    expect(visit.page.locator("#steered")).to_be_visible()
    asked = ask(visit.page, "Extend the deadline")
    asked.get_by_label("Why").fill("Holidays")
    send.click()
    expect(asked).to_be_hidden()
    assert sent[0] == sent[1] != sent[2], "a third extension is another one, though it is alike"
    until(
        lambda: len(decisions(team, round_id, "deadline_extended")) == 2,
        "both extensions are in the ledger",
    )


@pytest.mark.parametrize("who", ["Rita", "Paul", "Olga"])
def test_nobody_else_sees_a_control(
    visitors: Visitors, team: Team, start_round: Callable[..., str], who: str
) -> None:
    round_id = start_round(2)
    visit = visitors.sign_in(who)
    visit.expected = ("403",)
    answer = visit.page.goto(f"/rounds/{round_id}")
    assert answer is not None
    # Reviewers do not see a round's page at all.
    assert answer.status == (403 if who == "Rita" else 200)
    expect_no_buttons(visit.page)
    assert visit.page.locator("#extend-dialog, #close-dialog").count() == 0
    for path in ("deadline", "closing", "cancellation"):
        body = {"reason": "mine", "seconds": 60.0} if path == "deadline" else {"reason": "mine"}
        refused = team[who].api.post(f"/rounds/{round_id}/{path}", json=body)
        assert refused.status_code == 403
