"""The calibration page: known answers first, judged at once, and then the records."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Visitors, rounds_on
from tests.web.team import Team

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]

LABELS = ["animal", "plant"]
KNOWN = {"a fox in the field": "animal", "an oak in the field": "plant", "a hare": "animal"}


@pytest.fixture(scope="module")
def living(team: Team) -> Iterator[str]:
    """A round that asks newcomers for three known answers first."""
    rows: list[dict[str, object]] = [
        {"text": text, "label": label, "role": "gold"} for text, label in KNOWN.items()
    ]
    rows += [{"text": f"something that lives, the {number}th"} for number in range(4)]
    team.import_rows("living", "text", rows, labels=LABELS)
    with rounds_on(team, "living", gold={"calibrate": 3, "floor": 0.6, "least": 1}) as start:
        yield start(4)


def shown(page: Page) -> str:
    expect(page.locator("#record > *")).to_be_visible()
    return page.locator("#record").inner_text()


def answer(page: Page, *, rightly: bool) -> None:
    text = shown(page)
    right = KNOWN[text]
    given = right if rightly else next(label for label in LABELS if label != right)
    page.keyboard.press(str(LABELS.index(given) + 1))
    verdict = page.locator("#verdict")
    if rightly:
        expect(verdict).to_have_text("✓ Right.")
    else:
        expect(verdict).to_have_text("✗ Not what is known.")
        expect(page.locator("#expected")).to_have_text(f"The known answer: {right}.")


def test_a_newcomer_answers_known_records_by_key_and_then_the_others(
    visitors: Visitors, living: str
) -> None:
    page = visitors.sign_in("Rita").page
    expect(page.locator("#empty-title")).to_have_text("A few known answers first")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="Calibration")).to_be_visible()
    for number, rightly in enumerate([True, False, True], start=1):
        answer(page, rightly=rightly)
        expect(page.locator("#progress")).to_contain_text(f"{number} of 3 answered")
        page.keyboard.press("Enter")
    expect(page.locator("#empty-title")).to_have_text("You have passed")
    expect(page.locator("#empty-text")).to_contain_text("2 of 3 answers were right")
    page.get_by_role("link", name="Go to the records").click()
    assert "something that lives" in shown(page)


def test_whoever_does_not_reach_the_floor_waits_for_a_lead(
    visitors: Visitors, team: Team, living: str
) -> None:
    page = visitors.sign_in("Ravi").page
    page.get_by_role("button", name="Begin").click()
    for _ in range(3):
        answer(page, rightly=False)
        page.keyboard.press("Enter")
    expect(page.locator("#empty-title")).to_have_text("Not yet")
    page.goto(f"{team.base_url}/review")
    expect(page.locator("#empty-title")).to_have_text("A pause")
    standing = f"/accounts/{team['Ravi'].account_id}/standings/living"
    body = {"standing": "passed", "reason": "we looked at them together"}
    assert team.admin.put(standing, json=body).status_code == 200
    page.reload()
    assert "something that lives" in shown(page)
