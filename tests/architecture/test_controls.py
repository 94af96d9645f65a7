"""The page of controls names tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "controls.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "| asks for |" not in line]
NAMED = re.compile(r"`([a-z_/]+\.py)::(test_\w+)`")


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


def test_every_control_names_a_test() -> None:
    assert len(ROWS) > 60
    without = [row for row in ROWS if not NAMED.search(row.rsplit("|", 2)[1])]
    assert without == []


def test_every_test_that_is_named_exists() -> None:
    named = NAMED.findall(PAGE)
    assert [(path, name) for path, name in named if name not in names_in(path)] == []


def test_every_framework_has_its_controls() -> None:
    headings = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    for framework in ("NIST AI RMF", "EU AI Act", "ISO/IEC 42001", "21 CFR Part 11", "SOC 2"):
        assert any(heading.startswith(framework) for heading in headings)
    for article in (10, 12, 14):
        assert f"| Article {article}(" in PAGE
