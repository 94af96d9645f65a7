"""Accounts and what they prove themselves with, as commands."""

from __future__ import annotations

import httpx

from api.cli import app as commands
from tests.api.commanding import run, runner, text


def test_tokens_sessions_and_identities_are_looked_after_by_commands(served: str) -> None:
    added = run("account", "add", "Nora", "--role", "reviewer", "--with-token")
    nora = {"Authorization": f"Bearer {added['token']}"}

    own = run("account", "token", "add", "--label", "laptop", "--days", "30", "--scope", "read")
    assert own["details"]["scope"] == "read"
    assert "laptop" in text("account", "token", "list")
    assert "lw_" in text("account", "token", "add", "Nora", "--label", "job")
    for each in run("account", "token", "list", "Nora"):
        text("account", "token", "revoke", each["token_id"])
    assert run("account", "token", "list", "Nora") == []
    assert httpx.get(f"{served}/api/v1/me", headers=nora).status_code == 401

    with httpx.Client(base_url=served) as browser:
        body = {"name": "Nora", "one_time_password": added["one_time_password"]}
        assert browser.post("/api/v1/sessions", json=body).status_code == 201
        [session] = run("account", "session", "list", "Nora")
        text("account", "session", "end", "Nora", "--session", session["session_id"])
        assert browser.get("/api/v1/me").status_code == 401
    assert "all sessions" in text("account", "session", "end", "Nora")

    issuer = ("--issuer", "https://id.example")
    linked = run("account", "identity", "add", "Nora", "auth0|nora", *issuer)
    assert "auth0|nora" in text("account", "identity", "list", "Nora")
    text("account", "identity", "remove", "Nora", linked["identity_id"])
    assert run("account", "identity", "list", "Nora") == []

    assert "is shut out" in text("account", "shut-out", "Nora")
    refused = runner.invoke(commands, ["account", "token", "add", "Nora"])
    assert "shut out" in str(refused.exception)
    assert "new password" in text("account", "shut-out", "Nora", "--let-in")
