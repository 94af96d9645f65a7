"""How one version of a text differs from another, line by line, as pages show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_KINDS = {"+": "added", "-": "removed", "@": "place"}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One line of a difference."""

    kind: str
    """`added`, `removed`, `place` or `same`."""
    text: str


def changes_in(diff: Iterable[str]) -> list[Change]:
    """The lines of a unified diff, without the two that say between what."""
    return [
        Change(
            kind=_KINDS.get(line[:1], "same"),
            text=line[:2] if line.startswith("@") else line,
        )
        for line in list(diff)[2:]
    ]
