"""The two sides of a pair on the desk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Visitors, rounds_on
from tests.web.desk import GLANCE_MS
from tests.web.team import Team

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]

OFFERS: list[dict[str, object]] = [
    {
        "left": {"maker": "Aldor", "price": 95, "title": f"Camera X{number}, black"},
        "right": {"maker": "aldor", "title": f"camera x{number} silver"},
    }
    for number in range(100, 104)
]


def read(page: Page) -> None:
    expect(page.locator("#record > *")).to_be_visible()
    page.wait_for_timeout(GLANCE_MS)


@pytest.fixture(scope="module")
def offers(team: Team) -> Iterator[str]:
    team.import_rows("offers", "pair", OFFERS, labels=["same", "different"])
    with rounds_on(team, "offers") as start:
        yield start(4)


def test_the_sides_of_a_pair_stand_side_by_side_with_their_differences_marked(
    visitors: Visitors, offers: str
) -> None:
    page = visitors.sign_in("Rita").page
    read(page)
    rows = page.locator("#record tbody tr")
    said = {row.locator("th").inner_text(): row.locator(".sign").inner_text() for row in rows.all()}
    assert {name: words.split()[-1] for name, words in said.items()} == {
        "maker": "same",
        "price": "only",
        "title": "differs",
    }
    marks = page.locator("#record mark")
    assert [mark.inner_text() for mark in marks.all()] == ["black", "silver"]
    left, right = (rows.last.locator(f"[data-side={side}]") for side in ("Left", "Right"))
    assert left.bounding_box()["y"] == right.bounding_box()["y"]  # type: ignore[index]


def test_on_a_phone_the_sides_are_stacked_and_nothing_is_cut_off(
    visitors: Visitors, offers: str
) -> None:
    page = visitors.sign_in("Ravi", "/review", phone=True).page
    read(page)
    last = page.locator("#record tbody tr").last
    left, right = (last.locator(f"[data-side={side}]").bounding_box() for side in ("Left", "Right"))
    assert left is not None
    assert right is not None
    assert right["y"] >= left["y"] + left["height"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
