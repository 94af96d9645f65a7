"""What an audit says: every difference by name, and what was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from domain.canonical import Sha256
from domain.findings import FindingKind
from domain.ids import RoundId
from domain.records import Json
from domain.tree_heads import Tree

__all__ = ["AuditReport", "Finding", "FindingKind"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One difference between what the histories say and what was found."""

    kind: FindingKind
    subject: str
    """The history, table row, artifact or file in question."""
    message: str
    """A sentence for a person."""
    expected: Json = None
    """What follows from the histories."""
    found: Json = None


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    round: RoundId
    source: Literal["live", "archive", "bundle"]
    """Where the histories came from: Temporal, the archive, or a bundle of evidence."""
    histories: int
    events: int
    decisions: int
    replayed: bool
    """Whether every history could be replayed."""
    verified: bool
    """Whether nothing differs."""
    ledger_head: Sha256
    """The round's own, recomputed."""
    tree: Tree
    """The round's tree over all its ledgers, recomputed; over those that could be replayed."""
    checks: tuple[str, ...]
    """What was compared."""
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    """What could not be compared, and why."""
    builds: tuple[str, ...] = ()
    """Every build of the workers that has decided something in the round, sorted."""
