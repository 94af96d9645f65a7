"""Secrets are sealed for one owner by a key that only its file's owner can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import InvalidInput
from workers.sealing import load_or_create


def test_a_sealed_secret_is_opened_for_its_owner_by_whoever_has_the_file(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "sealing.key"
    sealed = load_or_create(path).seal("hook-1", b"secret")
    assert load_or_create(path).open("hook-1", sealed) == b"secret"
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_same_secret_sealed_twice_looks_different(tmp_path: Path) -> None:
    sealer = load_or_create(tmp_path / "key")
    assert sealer.seal("hook-1", b"secret") != sealer.seal("hook-1", b"secret")


def test_another_owner_another_key_and_what_was_changed_open_nothing(tmp_path: Path) -> None:
    sealer, other = load_or_create(tmp_path / "one"), load_or_create(tmp_path / "other")
    sealed = sealer.seal("hook-1", b"secret")
    for open_, owner, text in (
        (sealer.open, "hook-2", sealed),
        (other.open, "hook-1", sealed),
        (sealer.open, "hook-1", sealed[:-8] + "AAAAAAA="),
        (sealer.open, "hook-1", "not Base64"),
        (sealer.open, "hook-1", ""),
    ):
        with pytest.raises(InvalidInput, match="another key"):
            open_(owner, text)


def test_a_file_that_holds_no_key_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "sealing.key"
    path.write_text("too short")
    with pytest.raises(InvalidInput, match=r"sealing\.key holds no sealing key"):
        load_or_create(path)
    assert path.read_text() == "too short"
