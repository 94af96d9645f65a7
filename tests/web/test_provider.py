"""Signing in at a provider that others wrote, in a real browser, and the page of one's account."""

from __future__ import annotations

import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import structlog.testing
import uvicorn
from playwright.sync_api import Browser, Page, expect

from api.app import create_app
from api.state import State
from domain.accounts import Role
from storage import accounts, identities
from storage.identities import Identity
from tests.web.conftest import PATIENCE_MS, Visitors
from workers.ports import LOOPBACK, free_port
from workers.processes import end, last_lines, spawn
from workers.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]


class MockProvider:
    """oidc-provider-mock in a process. Started anew it has other keys, under the same name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        # Another name of the loopback address, so that a browser takes it for another site.
        self.issuer = f"http://localhost:{self._port}"
        self._start()

    def start_anew(self) -> None:
        self.stop()
        self._start()

    def stop(self) -> None:
        end(self._process, signal.SIGTERM, patience=10)

    def _start(self) -> None:
        log = self._folder / "provider.log"
        self._process = spawn(
            [sys.executable, "-m", "oidc_provider_mock", "--port", str(self._port)],
            environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"},
            log=log,
            cwd=self._folder,
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{self.issuer}/jwks").raise_for_status()
            except httpx.TransportError:
                assert self._process.poll() is None, last_lines(log)
                assert time.monotonic() < deadline, last_lines(log)
                time.sleep(0.1)
            else:
                return


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[MockProvider]:
    running = MockProvider(tmp_path)
    yield running
    running.stop()


@pytest.fixture
def served(database: str, tmp_path: Path, provider: MockProvider) -> Iterator[State]:
    """An API that people sign in to by that provider; `settings.public_url` is its address."""
    port = free_port()
    settings = Settings(
        data_dir=tmp_path,
        database_url=database,
        temporal_address=f"{LOOPBACK}:{free_port()}",
        public_url=f"http://{LOOPBACK}:{port}",
        oidc_issuer=provider.issuer,
        oidc_client_id="labelwright",
        oidc_client_secret="any",
        oidc_name="Mock & Sons",
    )
    app = create_app(settings)
    state: State = app.state.labelwright
    with state.engine.begin() as connection:
        rosa = accounts.create_account(connection, name="Rosa", roles={Role.REQUESTER})
        identities.link(
            connection,
            rosa.account_id,
            Identity(issuer=provider.issuer, subject="rosa@example.test"),
            linked_by="test",
        )
    server = uvicorn.Server(uvicorn.Config(app, host=LOOPBACK, port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    with ExitStack() as ending:
        ending.enter_context(structlog.testing.capture_logs())
        thread.start()
        ending.callback(lambda: stop(server, thread))
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.05)
        yield state


def stop(server: uvicorn.Server, thread: threading.Thread) -> None:
    server.should_exit = True
    thread.join()


def sign_in(page: Page, base: str, subject: str) -> None:
    page.goto(f"{base}/policies")
    page.get_by_role("link", name="Sign in with Mock & Sons").click()
    page.get_by_placeholder("sub").fill(subject)
    page.get_by_role("button", name="Authorize").click()


def test_a_person_signs_in_at_a_real_provider_and_again_when_its_keys_have_turned(
    chromium: Browser, served: State, provider: MockProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = served.settings.public_url
    for turn in range(2):
        context = chromium.new_context()
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        sign_in(page, base, "rosa@example.test")
        expect(page).to_have_url(f"{base}/policies")
        expect(page.get_by_role("heading", name="Policies", exact=True)).to_be_visible()
        cookies = {cookie["name"]: cookie for cookie in context.cookies(base)}
        assert set(cookies) == {"labelwright_session"}
        assert cookies["labelwright_session"]["sameSite"] == "Strict"
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("link", name="Sign in with Mock & Sons")).to_be_visible()
        context.close()
        if turn == 0:
            provider.start_anew()
            # The keys were fetched a moment ago: stands for the seconds between two attempts.
            monkeypatch.setattr(served.provider, "_clock", lambda: time.monotonic() + 60)


def test_a_person_whom_nobody_linked_and_one_who_denies_stay_outside(
    chromium: Browser, served: State
) -> None:
    base = served.settings.public_url
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    sign_in(page, base, "stranger@example.test")
    expect(page.get_by_role("main")).to_contain_text(
        "labelwright account identity add NAME stranger@example.test"
    )
    page.get_by_role("link", name="Sign in with Mock & Sons").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert context.cookies(base) == []
    context.close()


def test_everybody_makes_and_revokes_tokens_and_ends_sessions_on_a_page(
    visitors: Visitors,
) -> None:
    other = visitors.sign_in("Olga", "/policies")
    other.expected = ("401",)
    visit = visitors.sign_in("Olga")
    page = visit.page
    page.get_by_role("link", name="Your account: Olga").click()
    page.get_by_label("What it is for").fill("nightly <b>job</b>")
    page.get_by_label("It only reads").check()
    page.get_by_role("button", name="Make").click()
    secret = page.locator("#secret-text")
    expect(secret).to_have_text(re.compile(r"lw_[\w-]{43}"))
    headers = {"Authorization": f"Bearer {secret.text_content()}"}
    me = f"{visit.base_url}/api/v1/me"
    assert httpx.get(me, headers=headers).json()["name"] == "Olga"
    page.reload()
    row = page.get_by_role("row", name="nightly <b>job</b>")
    expect(row).to_contain_text("127.0.0.0/24")
    expect(secret).to_be_hidden()
    page.once("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button", name="Revoke").click()
    expect(row).to_have_count(0)
    assert httpx.get(me, headers=headers).status_code == 401
    page.get_by_role("button", name="End all others").click()
    expect(page.get_by_role("button", name="End", exact=True)).to_have_count(1)
    other.page.goto("/policies")
    expect(other.page).to_have_url(re.compile("/sign-in"))
