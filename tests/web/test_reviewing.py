"""The reviewer's page: everything by keyboard, nothing seen that would sway, no answer lost."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import text

from storage.database import engine
from tests.web.conftest import Visitors, rounds_on
from tests.web.desk import Arrived, held, label_by_key, look, record_on
from tests.web.team import Team, until
from workers.local_stack import LocalStack

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]


@pytest.fixture(scope="module")
def round_id(team: Team, pool: str) -> Iterator[str]:
    """One round for all tests here: each takes some of its records."""
    with rounds_on(team, pool) as start:
        yield start(60)


@pytest.fixture
def arrived(team: Team, round_id: str) -> Arrived:
    return Arrived(team, round_id)


def expect_saved(page: Page) -> None:
    expect(page.locator("#saved")).to_contain_text("– saved")


def test_twenty_records_are_labelled_by_keyboard_alone(
    visitors: Visitors, team: Team, arrived: Arrived
) -> None:
    page = visitors.nobody().page
    page.goto("/review")
    password = team.new_password("Rita")
    for field, written in (("Your name", "Rita"), ("One-time password", password)):
        while not page.get_by_label(field).evaluate("field => field === document.activeElement"):
            page.keyboard.press("Tab")
        page.keyboard.type(written)
    page.keyboard.press("Enter")
    labelled = {label_by_key(page) for _ in range(20)}
    assert len(labelled) == 20
    expect_saved(page)
    expect(page.locator("#progress")).to_contain_text("20 answered")
    arrived.wait_for(20)


def test_a_reviewer_sees_nothing_of_the_selection_or_of_other_answers(
    visitors: Visitors, team: Team, round_id: str
) -> None:
    team.review_all("Ravi", wrong=15, at_most=15)
    page = visitors.sign_in("Rita").page
    look(page)
    page.get_by_text("About this record").click()
    seen = page.locator("main").inner_text().lower()
    assert "post office" in seen
    for word in (
        "uncertain",
        "diverse",
        "herding",
        "random",
        "propensity",
        "margin",
        "ravi",
        "model",
    ):
        assert word not in seen


def test_what_is_answered_without_a_connection_is_kept_and_sent_later(
    visitors: Visitors, arrived: Arrived
) -> None:
    visit = visitors.sign_in("Rita")
    visit.expected = ("ERR_INTERNET_DISCONNECTED",)
    page = visit.page
    look(page)
    visit.context.set_offline(True)
    label_by_key(page)
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    expect(page.locator("#saved")).to_contain_text("Not sent yet: 1 answer")
    assert arrived.count == 0

    visit.context.set_offline(False)
    expect_saved(page)
    arrived.wait_for(1)
    look(page)


def test_an_unsent_answer_outlives_its_tab(visitors: Visitors, arrived: Arrived) -> None:
    visit = visitors.sign_in("Rita")
    visit.expected = ("ERR_INTERNET_DISCONNECTED",)
    look(visit.page)
    visit.context.set_offline(True)
    label_by_key(visit.page)
    expect(visit.page.locator("#saved")).to_contain_text("Not sent yet")
    visit.page.close()

    visit.context.set_offline(False)
    again = visit.context.new_page()
    again.goto("/review")
    arrived.wait_for(1)
    look(again)


def test_an_answer_that_the_server_puts_off_is_sent_again_under_its_id(
    visitors: Visitors, arrived: Arrived
) -> None:
    visit = visitors.sign_in("Rita")
    visit.expected = ("503",)
    page = visit.page
    look(page)
    sent: list[str] = []

    def put_off(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or "{}")["review_id"])
        # The first one is acted on and its acknowledgement lost; the second one is turned away.
        if len(sent) == 1:
            route.fetch()
        if len(sent) <= 2:
            route.fulfill(status=503, headers={"Retry-After": "1"}, json={"code": "unavailable"})
        else:
            route.continue_()

    page.route("**/api/v1/tasks/*/review", put_off)
    label_by_key(page)
    expect(page.locator("#saved")).to_contain_text("Not sent yet")
    expect_saved(page)
    assert len(sent) == 3
    assert len(set(sent)) == 1
    arrived.wait_for(1)


def test_an_answer_after_the_lease_has_run_out_is_taken_all_the_same(
    visitors: Visitors, arrived: Arrived, stack: LocalStack
) -> None:
    visit = visitors.sign_in("Rita")
    visit.expected = ("409",)
    look(visit.page)
    connections = engine(stack.addresses.database_url, connections=1)
    with connections.begin() as connection:
        connection.execute(
            text("UPDATE tasks SET lease_until = now() - interval '1 s' WHERE status = 'claimed'")
        )
    connections.dispose()
    label_by_key(visit.page)
    expect_saved(visit.page)
    arrived.wait_for(1)


def test_an_answer_that_nobody_takes_any_more_gives_the_text_back(
    visitors: Visitors, team: Team, arrived: Arrived
) -> None:
    visit = visitors.sign_in("Rita")
    visit.expected = ("409",)
    page = visit.page
    look(page)
    page.keyboard.press("c")
    page.keyboard.type("the bar is 7-like; x, a, e and s are only letters here")
    page.keyboard.press("Escape")
    # The same person was faster in another window.
    team.review_all("Rita", at_most=len(held(team)))
    page.keyboard.press("7")
    notice = page.locator(".returned")
    expect(notice).to_contain_text("was not taken")
    expect(notice).to_contain_text("the bar is 7-like")
    assert arrived.count <= 2


def test_a_draft_outlives_a_reload(visitors: Visitors, round_id: str) -> None:
    page = visitors.sign_in("Rita").page
    look(page)
    record = record_on(page)
    page.keyboard.press("c")
    page.keyboard.type("half a thought")
    page.reload()
    look(page)
    assert record_on(page) == record
    expect(page.locator("#rationale")).to_have_value("half a thought")


def test_every_verdict_can_be_given_by_key(visitors: Visitors, arrived: Arrived) -> None:
    page = visitors.sign_in("Rita").page
    verdicts = {
        ("x", "2"): "exclude: low quality",
        ("a", "3", "5", "Enter"): "ambiguous: 3 or 5",
        ("a", "u"): "unusable: nobody could tell",
        ("e", "w", "h", "y", "Enter"): "escalate",
    }
    for keys, said in verdicts.items():
        look(page)
        for key in keys:
            page.keyboard.press(key)
        expect(page.locator("#saved")).to_have_text(f"✓ {said} – saved")
    arrived.wait_for(len(verdicts))


def test_a_skipped_record_is_somebody_elses_and_backspace_does_nothing(
    visitors: Visitors, team: Team, round_id: str
) -> None:
    page = visitors.sign_in("Rita").page
    look(page)
    record = record_on(page)
    before = set(held(team))
    assert len(before) == 1, "to look ahead takes nothing"
    page.keyboard.press("Backspace")
    assert record_on(page) == record
    page.keyboard.press("Space")
    expect(page.get_by_role("group", name="Skip it. Why?")).to_be_visible()
    assert record_on(page) == record
    page.keyboard.press("2")
    expect(page.locator("#about dd").first).not_to_have_text(record)
    until(lambda: not before & set(held(team)), "the skipped task is free again")
    until(lambda: skipped(team, round_id) == [record], "the round knows of it")
    look(page)
    record = record_on(page)
    for key in ("Space", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#skip")).to_be_visible()
    page.keyboard.press("c")
    page.keyboard.type("2 of them are smudged")
    page.keyboard.press("Enter")
    expect(page.locator("#about dd").first).not_to_have_text(record)
    until(lambda: record in skipped(team, round_id), "a reason in own words does as well")


def test_a_skip_is_not_lost_when_the_server_puts_it_off(
    visitors: Visitors, team: Team, round_id: str
) -> None:
    visit = visitors.sign_in("Ravi")
    visit.expected = ("503",)
    page = visit.page
    look(page)
    record = record_on(page)
    sent: list[str] = []

    def put_off(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or "{}")["request_id"])
        if len(sent) == 1:
            route.fulfill(status=503, headers={"Retry-After": "1"}, json={"code": "unavailable"})
        else:
            route.continue_()

    page.route("**/api/v1/tasks/*/skip", put_off)
    page.keyboard.press("Space")
    expect(page.locator("#skip")).to_be_visible()
    page.keyboard.press("Escape")
    assert record_on(page) == record
    page.keyboard.press("Space")
    with page.expect_response(lambda told: told.url.endswith("/skip") and told.status == 202):
        page.keyboard.press("1")
    assert len(sent) == 2
    assert len(set(sent)) == 1
    until(lambda: record in skipped(team, round_id), "the round knows of it")


def test_what_was_skipped_last_can_be_shown_again(
    visitors: Visitors, team: Team, pool: str
) -> None:
    with rounds_on(team, pool) as start:
        only = start(1)
        # Not at the desk yet: what somebody holds of another round would come first.
        team.let_go("Ravi")
        page = visitors.sign_in("Ravi", "/inbox").page

        def only_this_round(route: Route) -> None:
            asked = json.loads(route.request.post_data or "{}") | {"round": only}
            route.continue_(post_data=json.dumps(asked))

        for how in ("claim", "peek"):
            page.route(f"**/tasks/{how}", only_this_round)
        page.goto("/review")
        look(page)
        record = record_on(page)
        page.keyboard.press("Space")
        page.keyboard.press("4")
        expect(page.get_by_role("heading", name="Only skipped records are left")).to_be_visible()
        until(lambda: skipped(team, only) == [record], "the round knows of it")
        page.get_by_role("button", name="Show the last one again").click()
        look(page)
        assert record_on(page) == record


def skipped(team: Team, round_id: str) -> list[str]:
    """The records of tasks that somebody has passed by."""
    found = team["Rosa"].api.get(f"/rounds/{round_id}/tasks", params={"limit": 500}).json()
    return [each["record_id"] for each in found["items"] if each["skips"]]


def test_an_answer_on_its_way_is_not_taken_for_a_skipped_record(
    visitors: Visitors, team: Team, pool: str
) -> None:
    with rounds_on(team, pool) as start:
        only = start(2)
        page = visitors.sign_in("Ravi").page
        sent: list[Route] = []

        def only_this_round(route: Route) -> None:
            asked = json.loads(route.request.post_data or "{}") | {"round": only}
            route.continue_(post_data=json.dumps(asked))

        def hold(route: Route) -> None:
            sent.append(route)

        for how in ("claim", "peek"):
            page.route(f"**/tasks/{how}", only_this_round)
        page.route("**/tasks/*/review", hold)
        page.reload()
        for _ in range(2):
            look(page)
            label_by_key(page)
        expect(page.get_by_role("heading", name="Nothing to do right now")).to_be_visible()
        page.unroute("**/tasks/*/review")
        for route in sent:
            route.continue_()
        expect_saved(page)


def test_the_guideline_and_the_keys_are_one_key_away(visitors: Visitors, arrived: Arrived) -> None:
    page = visitors.sign_in("Rita").page
    look(page)
    page.keyboard.press("g")
    expect(page.get_by_role("heading", name="Reading digits")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("7")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    assert arrived.count == 0


def test_the_page_fits_a_phone_and_takes_taps(visitors: Visitors, arrived: Arrived) -> None:
    page = visitors.sign_in("Rita", phone=True).page
    look(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("group", name="Which label?").get_by_role("button").nth(3).tap()
    expect_saved(page)
    arrived.wait_for(1)
