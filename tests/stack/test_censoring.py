from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from workers.censoring import CENSORED, censor_names, censor_text
from workers.telemetry import configure_logging


@pytest.fixture
def own_logging() -> Iterator[None]:
    """The logging of a service, and what was there before afterwards."""
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    level = root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "secret",
    [
        "lw_abcdefghijklmnopqrstuvwxyz012345",
        "lws_abcdefghijklmnopqrst-_vwxyz0123",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
    ],
)
def test_what_looks_like_a_secret_is_taken_out_wherever_it_stands(secret: str) -> None:
    line = f'{{"event": "failed: got {secret}, wanted another"}}'
    assert censor_text(None, "", line) == line.replace(secret, CENSORED)


def test_a_bearer_token_a_password_in_a_url_and_a_private_key_are_taken_out() -> None:
    assert "abc.def-ghi" not in censor_text(None, "", "Authorization: Bearer abc.def-ghi")
    url = censor_text(None, "", "postgresql+psycopg2://me:pass-word@host:5432/base")
    assert url == f"postgresql+psycopg2://{CENSORED}@host:5432/base"
    key = "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----"
    assert "MC4CAQ" not in censor_text(None, "", f"read {key}")


@pytest.mark.parametrize(
    "line",
    [
        "round mail-20260101-0a1b2c3d is reviewing",
        "http://127.0.0.1:8420/api/v1/rounds?after=x",
        "the token is unknown or was revoked",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert censor_text(None, "", line) == line


def test_entries_lose_their_value_by_their_name() -> None:
    entry = {
        "event": "e", "password": "x", "webhook_secret": "x", "api_key": "x", "token": "x",
        "tokens": 3, "database_url": "x", "round_id": "r", "Authorization": "x", "cookie": "x",
    }  # fmt: skip
    left = {name for name, value in censor_names(None, "", entry).items() if value != CENSORED}
    assert left == {"event", "tokens", "round_id"}


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_logged_exception_shows_no_secret(
    form: str, capsys: pytest.CaptureFixture[str], own_logging: None
) -> None:
    configure_logging("debug", form, "test")
    secret = "lw_abcdefghijklmnopqrstuvwxyz012345"
    try:
        raise RuntimeError(f"cannot use {secret}")
    except RuntimeError:
        structlog.get_logger("ours").exception("went wrong", password="hidden-word")
        logging.getLogger("theirs").exception("theirs went wrong with %s", secret)
    written = capsys.readouterr().out
    assert written.count("went wrong") >= 2
    assert "cannot use" in written
    assert secret not in written
    assert "hidden-word" not in written
    if form == "json":
        assert all(json.loads(line)["service"] == "test" for line in written.splitlines())
