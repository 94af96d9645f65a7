"""Which build of the code decides: Temporal writes it beside every workflow task that it completed.

Two builds with one id come to the same decisions: the id is the version, and a digest of the
sources that rounds are decided by, those of `domain` and `workflows`.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import domain
import workflows

DIGITS = 12


@cache
def build_id() -> str:
    """`0.2.0-` and the first digits of the SHA-256 over the deciding sources."""
    return f"{version('labelwright')}-{source_digest(*_folders())[:DIGITS]}"


def source_digest(*folders: Path) -> str:
    """SHA-256 over the names and bytes of the folders' Python sources, wherever they lie."""
    running = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            name = f"{folder.name}/{path.relative_to(folder).as_posix()}"
            data = path.read_bytes()
            running.update(f"{name}\0{len(data)}\0".encode())
            running.update(data)
    return running.hexdigest()


def _folders() -> list[Path]:
    return [Path(package.__path__[0]) for package in (domain, workflows)]
