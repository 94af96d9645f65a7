"""The command line speaks to the API as anybody does, and tells its refusals in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.cli import app as commands
from api.cli.session import Refused, client
from domain.errors import (
    InvalidInput,
    InvalidReviewRules,
    LabelwrightError,
    StackNotRunning,
    Unavailable,
    UnreadableFile,
)
from tests.api.commanding import run, runner, text
from tests.api.team import POLICY
from workers.ports import LOOPBACK, free_port


@pytest.mark.usefixtures("served")
def test_a_team_sets_up_and_starts_a_round_by_commands(tmp_path: Path) -> None:
    guide = tmp_path / "guide.md"
    guide.write_text("Choose the label that the customer would.\n")
    classes = tmp_path / "labels.yaml"
    classes.write_text("card: about cards\nmoney:\n")
    assert run("schema", "create", "banking", "--file", str(classes))["version"] == 1
    assert run("guideline", "create", "banking", "--file", str(guide))["version"] == 1
    examples = tmp_path / "examples.yaml"
    examples.write_text(
        """\
examples:
  - {content: I cannot find my card, label: card}
counterexamples:
  - {content: Where is my money, label: card, because: It asks for a transfer.}
"""
    )
    shown = ("guideline", "create", "banking", "--file", str(guide), "--examples", str(examples))
    assert "banking@2: 42 characters, 1 examples, 1 counterexamples" in text(*shown)
    assert "It asks for a transfer." in text("guideline", "show", "banking")
    examples.write_text("exmples: []\n")
    with pytest.raises(UnreadableFile, match="besides examples and counterexamples"):
        text(*shown)
    fill_pool()
    order = ("round", "start", "--pool", "mail", "--records", "5", "--guideline", "banking")
    started = run(*order)
    assert started["policy"]["name"] == "cold-start"
    round_id = started["round_id"]
    assert [each["round_id"] for each in run("round", "list", "--open")] == [round_id]
    assert round_id in text("round", "show", round_id)
    assert run("round", "cancel", round_id, "--reason", "a test")["round_id"] == round_id
    assert "card, money" in text("schema", "list")
    assert "about cards" in text("schema", "show", "banking@1")
    several = ("--multiple", "--min", "0", "--max", "2", "--label", "a", "--label", "b")
    assert "2 labels, 0 to 2 a record" in text("schema", "create", "several", *several)
    with pytest.raises(InvalidInput, match="--min and --max"):
        text("schema", "create", "several", "--label", "a", "--label", "b", "--max", "2")
    assert "customer" in text("guideline", "show", "banking")
    assert "mail" in text("pool", "list")
    assert run("dataset", "list") == []


@pytest.mark.usefixtures("served")
def test_the_rules_of_reviewing_come_from_a_file(tmp_path: Path) -> None:
    run("schema", "create", "banking", "--label", "card", "--label", "money")
    fill_pool()
    rules, order = tmp_path / "rules.yaml", ("round", "start", "--pool", "mail", "--records", "5")
    rules.write_text("extra_reviews: 1\nescalations: [{after_hours: 48, roles: [requester]}]\n")
    started = run(*order, "--reviewing", str(rules))
    assert started["reviewing"]["extra_reviews"] == 1
    assert started["reviewing"]["escalations"][0]["after_hours"] == 48.0
    with pytest.raises(Refused) as nobody_reviews:
        run("round", "close-reviewing", started["round_id"], "--reason", "enough")
    assert nobody_reviews.value.code == "conflict"
    rules.write_text("extra_reviews: 99\n")
    with pytest.raises(Refused) as refused:
        run(*order, "--reviewing", str(rules))
    assert refused.value.code == "invalid_review_rules"
    for wrong in ("- a list", "a: [unfinished"):
        rules.write_text(wrong)
        with pytest.raises(InvalidReviewRules):
            run(*order, "--reviewing", str(rules))


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


@pytest.mark.usefixtures("served")
def test_a_policy_goes_from_a_file_to_an_approved_version_by_commands(tmp_path: Path) -> None:
    file = tmp_path / "weekly.yaml"
    file.write_text(POLICY.replace("share: 0.5}", "share: 0.4}", 1))
    with pytest.raises(Refused) as invalid:
        run("policy", "add", str(file))
    assert invalid.value.code == "invalid_policy"
    file.write_text(POLICY)
    assert run("policy", "add", str(file))["version"] == 1
    file.write_text(POLICY.replace("batch_size: 4", "batch_size: 6"))
    waiting = text("policy", "add", str(file))
    assert "weekly@2: 3 uncertain, 3 random" in waiting
    assert "labelwright policy approve weekly@2" in waiting
    with pytest.raises(Refused) as own:
        run("policy", "approve", "weekly@2", "--reason", "looks right")
    assert own.value.code == "not_allowed"
    with pytest.raises(InvalidInput, match="names the version"):
        run("policy", "approve", "weekly", "--reason", "looks right")
    eve = run("account", "add", "eve", "--role", "approver", "--with-token")["token"]
    approved = text("policy", "approve", "weekly@2", "--reason", "looks right", "--token", eve)
    assert "approved by eve" in approved
    assert "weekly@2" in text("policy", "list")
    shown = text("policy", "show", "weekly")
    assert "looks right" in shown
    assert "# What we look at each week." in text("policy", "show", "weekly@1", "--yaml")
    assert "-batch_size: 4" in text("policy", "diff", "weekly@1", "weekly")
    assert text("policy", "diff", "weekly", str(file)) == "They say the same.\n"


def test_a_policy_is_checked_without_any_server(tmp_path: Path) -> None:
    file = tmp_path / "weekly.yaml"
    file.write_text(POLICY)
    assert text("policy", "check", str(file)) == "weekly: 4 records, 50% uncertain, 50% random\n"
    file.write_text(POLICY.replace("kind: uncertain", "kind: uncertin"))
    wrong = runner.invoke(commands, ["policy", "check", str(file)])
    assert wrong.exit_code == 1
    assert "weekly.yaml: line 5: arms[0].kind: “uncertin” is none of" in wrong.stdout
    assert "did you mean uncertain?" in wrong.stdout
    assert run("policy", "schema")["required"] == ["name", "batch_size", "arms"]


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
