"""The files of a published dataset version, wherever they lie: in their folder, or in a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from domain.rounds import Published
from workers.audit.bundle import DATASET, Bundle


class VersionFolder(Protocol):
    @property
    def where(self) -> str:
        """The folder, for what is said of it."""

    def subject(self, name: str) -> str:
        """A file of it, for what is said of it."""

    def names(self) -> list[str]:
        """All that is in it, whether it belongs there or not."""

    def read(self, name: str) -> bytes | None:
        """None where there is no such file."""


@dataclass(frozen=True)
class LocalFolder:
    """A version's folder on this machine."""

    path: Path

    @classmethod
    def of(cls, root: Path, published: Published) -> LocalFolder:
        return cls(root / published.dataset / f"v{published.version}")

    @property
    def where(self) -> str:
        return str(self.path)

    def subject(self, name: str) -> str:
        return str(self.path / name)

    def names(self) -> list[str]:
        if not self.path.is_dir():
            return []
        return [str(each.relative_to(self.path)) for each in sorted(self.path.rglob("*"))]

    def read(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None


@dataclass(frozen=True)
class BundledFolder:
    """The version's files as they were exported."""

    bundle: Bundle

    @property
    def where(self) -> str:
        return f"members {DATASET}/"

    def subject(self, name: str) -> str:
        return f"member {DATASET}/{name}"

    def names(self) -> list[str]:
        return [name.removeprefix(f"{DATASET}/") for name in self.bundle.names(DATASET)]

    def read(self, name: str) -> bytes | None:
        member = f"{DATASET}/{name}"
        return self.bundle.read(member) if member in self.bundle.names(DATASET) else None
