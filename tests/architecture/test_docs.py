"""The documentation says what the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.reference import DOCS, PAGES
from domain.rounds import Phase
from workflows.rounds import RoundWorkflow
from workflows.shards import ReviewShardWorkflow

ROOT = DOCS.parent
PROSE = sorted([*ROOT.glob("*.md"), *DOCS.glob("**/*.md")])


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), "run `make docs`"


@pytest.mark.parametrize("workflow", [RoundWorkflow, ReviewShardWorkflow])
def test_every_signal_is_explained(workflow: type) -> None:
    text = (DOCS / "architecture.md").read_text()
    signals = [
        name
        for name, member in vars(workflow).items()
        if hasattr(member, "__temporal_signal_definition")
    ]
    assert signals
    assert [name for name in signals if f"`{name}`" not in text] == []


def test_every_phase_is_explained() -> None:
    text = (DOCS / "first-round.md").read_text()
    assert [phase.value for phase in Phase if phase.value not in text] == []


@pytest.mark.parametrize("page", PROSE, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
