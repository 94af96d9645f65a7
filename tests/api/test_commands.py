"""The command line speaks to the API as anybody does, and tells its refusals in words."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog.testing
import uvicorn
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app as commands
from api.cli.session import Refused, client
from domain.errors import LabelwrightError, StackNotRunning, Unavailable
from storage import accounts
from storage.database import engine
from workers.ports import LOOPBACK, free_port
from workers.settings import Settings

runner = CliRunner()


@pytest.fixture
def served(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The API on a port, with an admin's token in the environment."""
    database = engine(settings.database_url)
    token = accounts.ensure_admin(database)
    database.dispose()
    app, port = create_app(settings), free_port()
    server = uvicorn.Server(uvicorn.Config(app, host=LOOPBACK, port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    base = f"http://{LOOPBACK}:{port}"
    monkeypatch.setenv("LABELWRIGHT_API_URL", base)
    monkeypatch.setenv("LABELWRIGHT_TOKEN", str(token))
    # The server logs to the stdout that the commands print to: here they share a process.
    with structlog.testing.capture_logs():
        thread.start()
        _wait_for(base)
        yield base
        server.should_exit = True
        thread.join()


def _wait_for(base: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            httpx.get(f"{base}/healthz").raise_for_status()
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def run(*arguments: str) -> Any:
    """What the command prints as JSON; raises what it raises."""
    result = runner.invoke(commands, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def text(*arguments: str) -> str:
    result = runner.invoke(commands, [*arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.usefixtures("served")
def test_a_team_sets_up_and_starts_a_round_by_commands(tmp_path: Path) -> None:
    guide = tmp_path / "guide.md"
    guide.write_text("Choose the label that the customer would.\n")
    classes = tmp_path / "labels.yaml"
    classes.write_text("card: about cards\nmoney:\n")
    assert run("schema", "create", "banking", "--file", str(classes))["version"] == 1
    assert run("guideline", "create", "banking", "--file", str(guide))["version"] == 1
    policy = ("policy", "create", "small", "--batch", "4", "--uncertainty", "3", "--random", "1")
    assert run(*policy)["arms"][0] == {"arm": "uncertainty", "records": 3}
    fill_pool()
    started = run("round", "start", "--pool", "mail", "--policy", "small", "--guideline", "banking")
    assert started["policy"]["name"] == "small"
    round_id = started["round_id"]
    assert [each["round_id"] for each in run("round", "list", "--open")] == [round_id]
    assert round_id in text("round", "show", round_id)
    assert run("round", "cancel", round_id, "--reason", "a test")["round_id"] == round_id
    assert "card, money" in text("schema", "list")
    assert "about cards" in text("schema", "show", "banking@1")
    assert "customer" in text("guideline", "show", "banking")
    assert "3 uncertainty" in text("policy", "list")
    assert "mail" in text("pool", "list")
    assert run("dataset", "list") == []


def fill_pool() -> None:
    with client() as connected:
        pool = {"pool": "mail", "kind": "text", "schema": "banking"}
        connected.post("/api/v1/pools", json=pool)
        rows = "\n".join(json.dumps({"id": str(n), "text": f"text {n}"}) for n in range(9))
        connected.post("/api/v1/pools/mail/imports", content=rows.encode())


@pytest.mark.usefixtures("served")
def test_people_are_added_with_a_password_that_is_shown_once() -> None:
    shown = text("account", "add", "Rita", "--role", "reviewer", "--role", "adjudicator")
    assert "/sign-in" in shown
    assert "one-time password" in shown
    assert "adjudicator, reviewer" in text("account", "list")
    assert run("account", "password", "Rita")["one_time_password"]
    assert run("account", "whoami")["name"] == "admin"


@pytest.mark.usefixtures("served")
def test_a_refusal_of_the_api_keeps_its_code_and_its_hint() -> None:
    with pytest.raises(Refused) as refused:
        run("round", "start", "--pool", "nowhere")
    assert (refused.value.code, refused.value.status) == ("not_found", 404)
    with pytest.raises(LabelwrightError) as unknown:
        run("account", "password", "nobody")
    assert unknown.value.hint
    with pytest.raises(Refused) as invalid:
        run("policy", "create", "p", "--batch", "9", "--random", "1")
    assert invalid.value.code == "invalid_policy"
    assert invalid.value.hint


def test_without_a_stack_the_next_step_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LABELWRIGHT_DATABASE_URL", raising=False)
    with pytest.raises(StackNotRunning) as nothing:
        run("round", "list", "--data-dir", str(tmp_path))
    assert "labelwright up" in nothing.value.hint
    away = ("--api-url", f"http://{LOOPBACK}:{free_port()}", "--token", "lw_x")
    with pytest.raises(Unavailable):
        run("round", "list", *away)
