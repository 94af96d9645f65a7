"""How a person works at the reviewer's page, and what has come of it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.web import digits
from tests.web.team import Team, until

TRUTH = digits.truth()
GLANCE_MS = 200
"""Longer than the page takes a second press for a slip."""


def record_on(page: Page) -> str:
    return page.locator("#about dd").first.text_content() or ""


def label_by_key(page: Page, *, wrong: bool = False) -> str:
    """Looks at the record, presses a label's key, waits until another record is there."""
    look(page)
    record = record_on(page)
    right = int(TRUTH[record])
    page.keyboard.press(str((right + 1) % 10 if wrong else right))
    page.wait_for_function(
        """record => document.querySelector("#work").hidden
            || document.querySelector("#about dd").textContent !== record""",
        arg=record,
    )
    return record


def look(page: Page) -> None:
    """Returns when a record is there and has been looked at."""
    expect(page.locator("#record canvas")).to_be_visible()
    page.wait_for_timeout(GLANCE_MS)


class Arrived:
    """The answers that have come into the round since the test began."""

    def __init__(self, team: Team, round_id: str) -> None:
        self.team = team
        self._round_id = round_id
        self._before = self._done()

    @property
    def count(self) -> int:
        return self._done() - self._before

    def wait_for(self, answers: int) -> None:
        until(lambda: self.count >= answers, f"{answers} answers are in the round")
        assert self.count == answers

    def _done(self) -> int:
        backlog = self.team.round(self._round_id)["backlog"]
        return sum(each["tasks"] for each in backlog if each["status"] == "done")


def open_tasks(team: Team, round_id: str, kind: str) -> int:
    backlog = team.round(round_id)["backlog"]
    return sum(
        each["tasks"] for each in backlog if each["status"] == "open" and each["kind"] == kind
    )


def held(team: Team, name: str = "Rita") -> list[str]:
    """The tasks that are on this person's desk."""
    return list(team[name].api.get("/queue").json()["mine"])
