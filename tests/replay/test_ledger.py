"""What entries of a ledger carry is what `docs/ledger.md` says, in rounds that really ran."""

from __future__ import annotations

import ast
from importlib.metadata import version
from pathlib import Path

import pytest

from api.cli import ledger_words
from domain.decision_kinds import KINDS, By
from domain.directing import DIRECTED
from domain.ledger import Decision
from domain.rounds import ENDED
from domain.tasks import ReviewStatus, TaskKind
from tests.replay.record import HISTORIES
from tests.replay.test_replay import load
from workers.audit.replay import replay

ROOT = Path(__file__).parents[2]
SOURCES = [*ROOT.glob("workflows/*.py"), ROOT / "domain" / "minutes.py"]
WRITERS = {"decide", "_request", "_direction"}


async def decisions_of(release: str) -> list[Decision]:
    histories = [load(path) for path in sorted((HISTORIES / release).glob("*.json.gz"))]
    replayed = await replay(histories)
    assert replayed.complete
    return [entry.decision for run in replayed.runs.values() for entry in run.entries]


async def test_every_entry_carries_what_the_table_says() -> None:
    found = await decisions_of(version("labelwright"))
    for decision in found:
        kind = KINDS[decision.kind]
        missing = set(kind.fields) - decision.detail.keys()
        assert not missing, f"{decision.kind} lacks {sorted(missing)}"
        assert (kind.by is By.PERSON) <= (decision.actor.authenticated_by != "system"), decision
    assert {
        "message_forged",
        "review_undone",
        "review_accepted",
        "adjudication_accepted",
        "task_delegated",
        "task_suspended",
        "task_resumed",
        "task_withdrawn",
        "duties_overridden",
        "dataset_rejected",
        "batch_amended",
        "batch_accepted",
        "dataset_published",
        "cancel_requested",
    } <= {decision.kind for decision in found}
    reviews = [each for each in found if each.kind == "review_accepted"]
    assert any("corrects" in each.detail for each in reviews)


async def test_entries_of_rounds_that_began_earlier_say_what_they_said() -> None:
    """More detail would give other hashes, and published datasets cite the old ones."""
    found = await decisions_of("0.1.0")
    newer = {"policy_author", "guideline_digest", "answered_by", "shown", "approved_by"}
    assert found
    assert [each for each in found if newer & each.detail.keys()] == []


def test_every_kind_that_the_code_writes_is_in_the_table() -> None:
    assert written() - KINDS.keys() == set()
    assert KINDS.keys() - written() == set(), "nobody writes these"


def test_every_kind_is_put_in_words() -> None:
    assert KINDS.keys() - ledger_words._WORDS.keys() == set()


def written() -> set[str]:
    """The kinds that the code hands to a ledger, spelled out or put together."""
    reviewed = {f"{kind}_{status}" for kind in TaskKind for status in ReviewStatus}
    reviewed -= {f"{kind}_{ReviewStatus.CORRECTED}" for kind in TaskKind}
    closing = {f"round_{phase}" for phase in ENDED}
    return reviewed | closing | set(DIRECTED.values()) | spelled_out()


def spelled_out() -> set[str]:
    found: set[str] = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "kind":
                found |= words_in(node.value)
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "attr", "") in WRITERS
                and node.args
            ):
                found |= words_in(node.args[0])
    return found


def words_in(node: ast.expr) -> set[str]:
    """The strings that an expression may come to."""
    if isinstance(node, ast.JoinedStr):
        return set()
    if isinstance(node, ast.IfExp):
        return words_in(node.body) | words_in(node.orelse)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    return set()


@pytest.mark.parametrize("name", ["review_accepted", "adjudication_accepted"])
def test_an_answer_says_what_was_shown_and_under_which_rules(name: str) -> None:
    assert {"shown", "policy", "guideline", "look"} <= set(KINDS[name].carries)
