"""What the desk offers besides labels: other keys, history, search, what surrounds a record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.conftest import Visitors, rounds_on
from tests.web.desk import GLANCE_MS, Arrived, label_by_key, look, open_tasks, record_on
from tests.web.team import Team, until

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]

LONG = "The parcel came late. " * 400 + "Only the refund is missing."
ARABIC = "أين طردي؟ لقد طلبته قبل أسبوع."


@pytest.fixture(scope="module")
def round_id(team: Team, pool: str) -> Iterator[str]:
    with rounds_on(team, pool) as start:
        yield start(40, undo_seconds=600, suggestions=True)


@pytest.fixture(scope="module")
def texts(team: Team) -> Iterator[str]:
    team.import_texts("letters", labels=["late", "refund"], texts=[LONG, ARABIC])
    with rounds_on(team, "letters") as start:
        yield start(2)


@pytest.fixture
def arrived(team: Team, round_id: str) -> Arrived:
    return Arrived(team, round_id)


def saved(page: Page, words: str) -> None:
    expect(page.locator("#saved")).to_have_text(f"✓ {words} – saved")


def test_a_key_is_changed_and_stays_changed_in_this_browser(
    visitors: Visitors, round_id: str
) -> None:
    page = visitors.sign_in("Rita").page
    look(page)
    page.keyboard.press("?")
    sheet = page.locator("#keys")
    sheet.get_by_role("button", name="Another key for: exclude").click()
    for refused in ("5", "Backspace"):
        page.keyboard.press(refused)
        expect(page.locator("#keys-message")).to_contain_text("cannot be used")
    page.keyboard.press("g")
    expect(page.locator("#keys-message")).to_contain_text("g is taken")
    page.keyboard.press("v")
    expect(page.locator("#keys-message")).to_contain_text("v it is")
    page.reload()
    look(page)
    expect(page.locator("[data-command=exclude] kbd")).to_have_text("v")
    page.keyboard.press("x")
    expect(page.locator("#exclude")).to_be_hidden()
    page.keyboard.press("v")
    expect(page.locator("#exclude")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.get_by_role("button", name="Back to the usual keys").click()
    expect(page.locator("[data-command=exclude] kbd")).to_have_text("x")


def test_who_wants_to_chooses_first_and_sends_with_enter(
    visitors: Visitors, arrived: Arrived
) -> None:
    page = visitors.sign_in("Rita").page
    look(page)
    page.keyboard.press("?")
    page.get_by_label("A label’s key sends the answer at once").uncheck()
    page.keyboard.press("Escape")
    record = record_on(page)
    page.keyboard.press("3")
    page.keyboard.press("4")
    expect(page.locator("#labels button[aria-pressed=true]")).to_have_text("4")
    page.reload()
    look(page)
    assert record_on(page) == record
    expect(page.locator("#labels button[aria-pressed=true]")).to_have_text("4")
    page.keyboard.press("Enter")
    saved(page, "4")
    arrived.wait_for(1)


def test_what_was_begun_in_a_panel_survives_a_reload_and_stays_with_its_record(
    visitors: Visitors, team: Team, pool: str
) -> None:
    with rounds_on(team, pool) as start:
        page = at_the_desk(visitors, "Rita", start(2))
        record = record_on(page)
        page.keyboard.press("e")
        page.locator("#escalate-why").fill("two strokes cross")
        page.keyboard.press("Escape")
        page.keyboard.press("Space")
        page.locator("#skip-why").fill("not my field")
        page.reload()
        look(page)
        assert record_on(page) == record
        page.keyboard.press("e")
        expect(page.locator("#escalate-why")).to_have_value("two strokes cross")
        page.keyboard.press("Escape")
        page.keyboard.press("Space")
        expect(page.locator("#skip-why")).to_have_value("not my field")
        page.get_by_role("button", name="Enter Skip").click()
        page.wait_for_function(
            "record => document.querySelector('#about dd').textContent !== record", arg=record
        )
        look(page)
        page.keyboard.press("e")
        expect(page.locator("#escalate-why")).to_have_value("")


def test_the_arrows_go_through_the_last_answers_and_say_why_each_was_chosen(
    visitors: Visitors, arrived: Arrived
) -> None:
    page = visitors.sign_in("Rita").page
    first, second = label_by_key(page), label_by_key(page)
    arrived.wait_for(2)
    look(page)
    record = record_on(page)
    history = page.locator("#history")
    page.keyboard.press("ArrowLeft")
    expect(history).to_contain_text(second)
    expect(history).to_contain_text("Chosen because:")
    expect(history.locator("canvas")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(history).to_contain_text(first)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(history).to_be_hidden()
    assert record_on(page) == record


def test_an_earlier_answer_is_taken_back_from_the_history_and_no_other(
    visitors: Visitors, team: Team, arrived: Arrived
) -> None:
    page = visitors.sign_in("Rita").page
    first, second = label_by_key(page), label_by_key(page)
    arrived.wait_for(2)
    page.reload()
    look(page)
    page.keyboard.press("ArrowLeft")
    history = page.locator("#history")
    expect(history).to_contain_text(second)
    page.keyboard.press("ArrowLeft")
    expect(history).to_contain_text(first)
    history.get_by_role("button", name="Take it back").click()
    expect(page.locator("#saved")).to_contain_text("Taken back")
    look(page)
    assert record_on(page) == first
    mine = team["Rita"].api.get("/reviews/mine").json()
    status = {each["record_id"]: each["status"] for each in reversed(mine)}
    assert (status[first], status[second]) == ("undone", "accepted")
    assert label_by_key(page) == first


def test_why_a_record_was_chosen_is_told_to_nobody_who_has_not_answered(
    visitors: Visitors, team: Team, round_id: str
) -> None:
    visit = visitors.nobody()
    told: list[str] = []
    visit.page.on("response", lambda response: told.append(_text(response)))
    page = visit.page
    page.goto("/review")
    page.get_by_label("Your name").fill("Rita")
    page.get_by_label("One-time password").fill(team.new_password("Rita"))
    page.get_by_role("button", name="Sign in").click()
    look(page)
    record = record_on(page)
    about = [each for each in told if record in each]
    assert about
    for each in about:
        for word in ("propensity", "uncertain", "predicted", 'suggestion":', "Ravi"):
            assert word not in each


def _text(response: Any) -> str:
    kind = response.headers.get("content-type", "")
    return response.text() if response.ok and "json" in kind else ""


def test_what_the_model_says_is_seen_on_demand_and_noted_with_the_answer(
    visitors: Visitors, team: Team, round_id: str
) -> None:
    page = visitors.sign_in("Rita").page
    look(page)
    record = record_on(page)
    page.keyboard.press("p")
    said = page.locator("#suggestion .given-answer")
    expect(said).to_be_visible()
    label = said.inner_text()
    page.keyboard.press(label)
    saved(page, label)
    entries = team["Olga"].api.get(f"/rounds/{round_id}/ledger").json()["items"]
    [noted] = [
        each
        for each in entries
        if each["kind"] == "review_accepted"
        and each["subject"] == record
        and each["detail"].get("suggestion") is not None
    ]
    assert noted["detail"]["suggestion"] == label


def test_the_guideline_begins_with_examples_of_the_labels_in_question(
    visitors: Visitors, team: Team
) -> None:
    examples = [["a hook", "2"], ["a loop at the top", "9"], ["a bar", "7"]]
    body = {
        "name": "strokes",
        "text": "Go by the *strokes*.",
        "examples": [{"content": each, "label": label} for each, label in examples],
        "counterexamples": [
            {"content": "one bar alone", "label": "9"},
            {"content": "a bar and a foot", "label": "7", "because": "With a foot it is a 1."},
        ],
    }
    made = team["Rosa"].api.post("/guidelines", json=body)
    assert made.is_success, made.text
    with rounds_on(team, "digits", guideline="strokes") as start:
        round_id = start(2)
        page = at_the_desk(visitors, "Ravi", round_id)
        page.keyboard.press("g")
        rows = page.locator("#guideline tr[data-label]")
        expect(rows).to_have_count(5)
        page.keyboard.press("a")
        page.keyboard.press("7")
        expect(rows.first).to_have_attribute("data-label", "7")
        expect(page.locator("#guideline .in-question")).to_have_count(2)
        mistaken = page.get_by_role("table").filter(has_text="Is not").locator("tbody tr")
        expect(mistaken.first).to_contain_text("With a foot it is a 1.")


def test_two_reviewers_judge_one_record_and_neither_sees_the_other(
    visitors: Visitors, team: Team, pool: str
) -> None:
    with rounds_on(team, pool) as start:
        round_id = start(1)
        arrived = Arrived(team, round_id)
        pages = []
        for name in ("Rita", "Ravi"):
            team.let_go(name)
            pages.append(at_the_desk(visitors, name, round_id))
        one, other = pages
        assert record_on(one) == record_on(other)
        one.keyboard.press("3")
        saved(one, "3")
        arrived.wait_for(1)
        assert "Rita" not in other.locator("main").inner_text()
        expect(other.locator("#labels [aria-pressed=true]")).to_have_count(0)
        other.keyboard.press("4")
        saved(other, "4")
        arrived.wait_for(2)
        until(lambda: bool(open_tasks(team, round_id, "adjudication")), "they differ")


def test_a_round_that_shows_no_suggestion_says_so(visitors: Visitors, texts: str) -> None:
    page = on_the_letters(visitors.sign_in("Ravi", "/inbox").page, texts)
    page.keyboard.press("p")
    expect(page.locator("#suggestion")).to_contain_text("judges for themselves")


def test_similar_records_have_labels_and_are_none_that_test(
    visitors: Visitors, team: Team, round_id: str
) -> None:
    page = at_the_desk(visitors, "Rita", round_id)
    page.keyboard.press("s")
    cards = page.locator("#similar .like")
    expect(cards).to_have_count(5)
    expect(cards.first).to_contain_text("alike")
    mine = team["Rita"].api.get("/queue").json()["mine"]
    task = next(each for each in mine if each.startswith(round_id))
    found = team["Rita"].api.get(f"/tasks/{task}/similar").json()["records"]
    alike = [each["similarity"] for each in found]
    assert alike == sorted(alike, reverse=True)
    rosa = team["Rosa"].api
    roles = {
        rosa.get(f"/pools/digits/records/{each['record_id']}").json()["role"] for each in found
    }
    # Seeds, and what ended rounds have labelled: whatever measures has another role.
    assert roles <= {"train", None}


def at_the_desk(visitors: Visitors, name: str, round_id: str) -> Page:
    """Somebody who is given this round's records alone, with the first before them."""
    page = visitors.sign_in(name, "/inbox").page
    only(page, round_id)
    page.goto("/review")
    look(page)
    return page


def only(page: Page, round_id: str) -> None:
    """From now on only this round's records come to the desk."""

    def only_this_round(route: Route) -> None:
        asked = json.loads(route.request.post_data or "{}") | {"round": round_id}
        route.continue_(post_data=json.dumps(asked))

    for how in ("claim", "peek"):
        page.route(f"**/tasks/{how}", only_this_round)


def on_the_letters(page: Page, round_id: str) -> Page:
    """A text of this round is on the desk."""
    only(page, round_id)
    page.goto("/review")
    expect(page.locator("#record .text")).to_be_visible()
    page.wait_for_timeout(GLANCE_MS)
    return page


def test_a_long_text_folds_and_is_searched(visitors: Visitors, texts: str) -> None:
    page = on_the_letters(visitors.sign_in("Ravi", "/inbox").page, texts)
    if "parcel" not in page.locator("#record").inner_text():
        expect(page.locator("#record .text")).to_have_css("direction", "rtl")
        page.keyboard.press("1")
        expect(page.locator("#record .text")).to_contain_text("parcel")
    record = page.locator("#record")
    folded = record.bounding_box()
    page.keyboard.press("m")
    whole = record.bounding_box()
    assert folded is not None
    assert whole is not None
    assert whole["height"] > 2 * folded["height"]
    page.keyboard.press("f")
    page.keyboard.type("PARCEL")
    expect(page.locator("#search [role=status]")).to_have_text("1 of 400")
    page.keyboard.press("Shift+Enter")
    expect(page.locator("#search [role=status]")).to_have_text("400 of 400")
    page.keyboard.press("Escape")
    expect(page.locator("#search")).to_be_hidden()


def test_the_end_of_a_lease_is_counted_down(visitors: Visitors, round_id: str) -> None:
    visit = visitors.sign_in("Rita", "/inbox")
    page = visit.page
    page.clock.install()
    only(page, round_id)
    page.goto("/review")
    expect(page.locator("#record canvas")).to_be_visible()
    lease = page.locator("#lease")
    expect(lease).to_be_hidden()
    page.clock.fast_forward("13:30")
    expect(lease).to_contain_text("goes back to the queue")
    page.clock.fast_forward("02:00")
    expect(lease).to_contain_text("back in the queue")
