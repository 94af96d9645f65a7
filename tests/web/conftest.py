"""The whole stack with a team on it, and a real browser that tells what went wrong in its pages."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from api.catalogues import language_for
from api.language import gettext, speaking
from tests.web.team import Team
from workers.local_stack import LocalStack
from workers.ports import any_free_ports

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",  # Chromium refuses to run as root with it, and containers run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 30_000
"""The machine may be busy with other tests: what is waited for is never how long it takes."""
expect.set_options(timeout=PATIENCE_MS)
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}


@pytest.fixture(scope="session")
def stack(reachable_dir: Path) -> Iterator[LocalStack]:
    with LocalStack(reachable_dir / "web", ports=any_free_ports()) as running:
        yield running


@pytest.fixture(scope="session")
def team(stack: LocalStack) -> Iterator[Team]:
    team = Team(stack.addresses.api, stack.addresses.admin_token_file.read_text().strip())
    yield team
    team.close()


@pytest.fixture(scope="session")
def pool(team: Team) -> str:
    team.import_digits("digits", train=60, test=120, unlabelled=300)
    return "digits"


@pytest.fixture
def start_round(team: Team, pool: str) -> Iterator[Callable[..., str]]:
    with rounds_on(team, pool) as start:
        yield start


@contextmanager
def rounds_on(team: Team, pool: str, **always: Any) -> Iterator[Callable[..., str]]:
    """A function that starts a round of so many records, by rules of reviewing; at the end no task
    is left open."""
    started: list[str] = []

    def start(batch: int, **rules: Any) -> str:
        started.append(team.start_round(pool, batch=batch, **always | rules))
        return started[-1]

    try:
        yield start
    finally:
        for round_id in started:
            team.cancel_round(round_id)


@pytest.fixture(scope="module")
def chromium(team: Team) -> Iterator[Browser]:
    """Playwright keeps an event loop on this thread: it starts after the stack, and ends with the
    module, so that the tests of other modules can run loops of their own."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip("no chromium on this machine: make browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()


@dataclass
class Visit:
    """A person at a browser of their own, and what the browser complained of."""

    context: BrowserContext
    page: Page
    base_url: str
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    """Requests to anything but our own server."""
    expected: tuple[str, ...] = ()
    """Complaints that the test brings about, by a part of their text."""

    def watch(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._request(request.url))

    def check(self) -> None:
        unforeseen = [
            complaint
            for complaint in self.complaints
            if not any(expected in complaint for expected in self.expected)
        ]
        assert unforeseen == []
        assert self.elsewhere == []

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.text} ({message.location['url']})")

    def _request(self, url: str) -> None:
        # The host in data: and blob: URLs is nobody.
        if urlsplit(url).netloc not in {urlsplit(self.base_url).netloc, ""}:
            self.elsewhere.append(url)


class Visitors:
    """`visitors.sign_in("Rita")` is Rita at her browser."""

    def __init__(self, browser: Browser, team: Team) -> None:
        self._browser = browser
        self._team = team
        self._visits: list[Visit] = []

    def nobody(
        self,
        *,
        color_scheme: Literal["light", "dark"] = "light",
        phone: bool = False,
        java_script: bool = True,
        language: str = "en-US",
    ) -> Visit:
        context = self._browser.new_context(
            base_url=self._team.base_url,
            locale=language,
            color_scheme=color_scheme,
            viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
            has_touch=phone,
            is_mobile=phone,
            java_script_enabled=java_script,
        )
        context.set_default_timeout(PATIENCE_MS)
        visit = Visit(context=context, page=context.new_page(), base_url=self._team.base_url)
        visit.watch()
        self._visits.append(visit)
        return visit

    def sign_in(
        self,
        name: str,
        path: str = "/",
        *,
        color_scheme: Literal["light", "dark"] = "light",
        phone: bool = False,
        language: str = "en-US",
    ) -> Visit:
        visit = self.nobody(color_scheme=color_scheme, phone=phone, language=language)
        page = visit.page
        page.goto(path)
        with speaking(language_for(None, language)):
            page.get_by_label(gettext("Your name")).fill(name)
            page.get_by_label(gettext("One-time password")).fill(self._team.new_password(name))
            page.get_by_role("button", name=gettext("Sign in")).click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        return visit

    def leave(self) -> None:
        for visit in self._visits:
            visit.context.close()
        for visit in self._visits:
            visit.check()


@pytest.fixture
def visitors(chromium: Browser, team: Team) -> Iterator[Visitors]:
    """At the end no page may have complained, and none may have asked another machine."""
    visitors = Visitors(chromium, team)
    yield visitors
    visitors.leave()
