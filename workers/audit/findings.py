"""What an audit says: every difference by name, and what was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from domain.canonical import Sha256
from domain.ids import RoundId
from domain.records import Json
from domain.tree_heads import Tree


class FindingKind(StrEnum):
    HISTORY_MISSING = "history_missing"
    HISTORY_UNREADABLE = "history_unreadable"
    ARCHIVE_ALTERED = "archive_altered"
    REPLAY_FAILED = "replay_failed"
    LEDGER_HEAD_DIFFERS = "ledger_head_differs"
    SIGNAL_UNREADABLE = "signal_unreadable"
    SIGNAL_NOT_IN_LEDGER = "signal_not_in_ledger"
    ENTRY_WITHOUT_SIGNAL = "entry_without_signal"
    FORGED_ACTOR = "forged_actor"
    ROW_MISSING = "row_missing"
    ROW_ADDED = "row_added"
    ROW_CHANGED = "row_changed"
    ARTIFACT_MISSING = "artifact_missing"
    ARTIFACT_ALTERED = "artifact_altered"
    DIGEST_DIFFERS = "digest_differs"
    GATE_DIFFERS = "gate_differs"
    ROUTE_DIFFERS = "route_differs"
    SHOWN_DIFFERS = "shown_differs"
    OUTCOME_DIFFERS = "outcome_differs"
    FILE_MISSING = "file_missing"
    FILE_ADDED = "file_added"
    FILE_ALTERED = "file_altered"
    DATASET_ROW_DIFFERS = "dataset_row_differs"
    BUNDLE_ALTERED = "bundle_altered"
    MEMBER_MISSING = "member_missing"
    MEMBER_ADDED = "member_added"
    MEMBER_MOVED = "member_moved"
    SIGNATURE_INVALID = "signature_invalid"
    TIMESTAMP_INVALID = "timestamp_invalid"
    TREE_DIFFERS = "tree_differs"
    ENTRY_CHANGED = "entry_changed"
    ENTRY_MISSING = "entry_missing"
    ENTRY_ADDED = "entry_added"
    ENTRY_MOVED = "entry_moved"
    PINNED_DIFFERS = "pinned_differs"
    SNAPSHOT_DIFFERS = "snapshot_differs"


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
