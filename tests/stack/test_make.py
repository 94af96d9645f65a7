from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_make_alone_lists_every_target_with_what_it_does() -> None:
    listing = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = re.findall(r"^  make (\S+) +(\S.+)$", listing, re.MULTILINE)
    targets = re.findall(r"^\.PHONY: (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [name for name, _ in listed] == targets
    assert {"install", "demo", "up", "test", "lint", "format", "bench", "lock"} <= set(targets)


def test_the_locks_name_no_registry_and_pin_everything_by_hash() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert "--index" not in text
        pins = re.findall(r"^[a-z0-9].*==.*$", text, re.MULTILINE)
        assert pins
        assert all(pin.endswith("\\") for pin in pins)


def test_running_pins_are_a_part_of_the_testing_pins() -> None:
    """So that one installation serves both, and tests test what runs."""

    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9].*==\S+", (ROOT / name).read_text(), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")
