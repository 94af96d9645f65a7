"""Every page, held against WCAG 2.2 AA by axe-core: light and dark, wide and narrow, two languages.

axe-core comes with axe-playwright-python. https://github.com/dequelabs/axe-core
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from tests.api.access.matrix import lines
from tests.web.conftest import Visitors, rounds_on
from tests.web.pages import REDIRECTS, SIGHTS, Scene, Sight, arrive, set_the_scene
from tests.web.team import Team

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRAVE = {"serious", "critical"}
NARROW = {"width": 320, "height": 700}
"""At which WCAG 2.2, 1.4.10 asks pages to reflow."""


@pytest.fixture(scope="module")
def scene(team: Team, pool: str) -> Iterator[Scene]:
    with rounds_on(team, pool):
        made = set_the_scene(team, pool)
        yield made
    for each in (made.waiting, made.reviewing):
        team.cancel_round(each)


def violations(page: Page) -> list[str]:
    """What axe-core has against the page as it is, each with where and why."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES
    )
    return [
        f"{each['id']} ({each['impact']}): {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in GRAVE
        for node in each["nodes"]
    ]


def test_every_page_is_looked_at() -> None:
    pages = {
        each.path for each in lines() if each.method == "GET" and not each.path.startswith("/api/")
    }
    seen = {sight.route for sight in SIGHTS}
    assert pages <= seen | REDIRECTS, "add the page to tests/web/pages.py"


@pytest.mark.parametrize("sight", SIGHTS, ids=[sight.name for sight in SIGHTS])
def test_a_page_has_no_serious_fault(visitors: Visitors, scene: Scene, sight: Sight) -> None:
    found = []
    looks: tuple[tuple[Literal["light", "dark"], str], ...] = (
        ("light", "en-US"),
        ("dark", "de-DE"),
    )
    for scheme, language in looks:
        visit = arrive(visitors, scene, sight, scheme, language=language)
        found += violations(visit.page)
        if scheme == "dark":
            visit.page.set_viewport_size(NARROW)  # type: ignore[arg-type]
            found += violations(visit.page)
            assert not overflow(visit.page), "the page is wider than a narrow screen"
        visit.context.close()
    assert found == []


def overflow(page: Page) -> list[str]:
    """What stands out of the page at the side, so that it has to be scrolled."""
    return list(
        page.evaluate(
            """() => document.documentElement.scrollWidth <= innerWidth ? [] :
            [...document.querySelectorAll("main *, header *")]
            .filter(each => each.getBoundingClientRect().right > innerWidth + 1)
            .map(each => each.outerHTML.slice(0, 120))"""
        )
    )
