"""The figures of a round on its page: what waits, what was concluded, what the arms were worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Visitors
from tests.web.team import Team, until

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]


def test_a_round_shows_what_waits_and_the_pace_of_answers(
    visitors: Visitors, team: Team, start_round: Callable[..., str]
) -> None:
    round_id = start_round(12)
    page = visitors.sign_in("Rosa", f"/rounds/{round_id}").page
    expect(page.get_by_text("Not enough answers yet")).to_be_visible()
    team.review_all("Rita", wrong=2)

    def told() -> Any:
        return team["Rosa"].api.get(f"/rounds/{round_id}/progress").json()

    until(lambda: sum(each["answers"] for each in told()["hours"]) == 12, "12 answers are counted")
    found = told()
    assert [(each["queue"], each["kind"]) for each in found["queues"]] == [("general", "review")]
    assert sum(found["queues"][0]["by_age"]) == 12
    assert found["pace"]["answers"] == 12
    page.reload()
    expect(page.get_by_text("answers an hour, from the last 12")).to_be_visible()
    expect(page.get_by_role("img", name="What waits, by queue and age")).to_be_visible()


def test_what_has_been_concluded_is_shown_by_class_confidence_and_arm(
    visitors: Visitors, team: Team, start_round: Callable[..., str]
) -> None:
    round_id = start_round(10)
    team.review_all("Rita", wrong=1)
    team.review_all("Ravi")
    until(lambda: bool(team.review_all("Ada")), "the disputed record is settled")
    team.wait_for_phase(round_id, "approval")
    found = team["Rosa"].api.get(f"/rounds/{round_id}/progress").json()
    assert sum(found["labels"].values()) == 10
    assert sum(found["label_confidence"]) == 10
    assert sum(found["labels_before"].values()) >= 60
    assert sum(n for first, second, n in found["answer_pairs"] if first != second) == 2
    assert {each["arm"] for each in found["arms"]} == {"random", "uncertain"}
    page = visitors.sign_in("Rosa", f"/rounds/{round_id}").page
    for name in (
        "Classes before the round and with its labels",
        "Label confidence: the share of answers that gave the label",
        "What two reviewers said of the same record",
        "Label efficiency by arm",
    ):
        expect(page.get_by_role("img", name=name)).to_be_visible()


def test_whoever_may_still_be_asked_is_not_told_what_others_said(
    team: Team, start_round: Callable[..., str]
) -> None:
    round_id = start_round(4)
    team.review_all("Ravi")
    team.review_all("Rita", at_most=1)
    admin = team.admin
    account = team["Rosa"].account_id
    until(lambda: bool(labels(team, round_id)), "one record is concluded")
    admin.patch(f"/accounts/{account}", json={"roles": ["requester", "reviewer"]})
    try:
        assert labels(team, round_id) == {}
    finally:
        admin.patch(f"/accounts/{account}", json={"roles": ["requester"]})


def labels(team: Team, round_id: str) -> dict[str, int]:
    """What Rosa is told that the round has concluded."""
    found = team["Rosa"].api.get(f"/rounds/{round_id}/progress").json()
    return dict(found["labels"])
