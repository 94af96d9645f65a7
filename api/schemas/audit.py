"""The ledger as an auditor reads it, and what a verification says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from api.schemas.body import Document
from domain.canonical import Sha256
from domain.ids import RoundId, Timestamp

if TYPE_CHECKING:
    from storage.signing_keys import KnownKey
    from workers.audit import AuditReport, LedgerLine


@dataclass(frozen=True, kw_only=True)
class KeyView:
    key_id: str
    algorithm: str
    public_key: str
    """The 32 raw bytes, base64."""
    first_seen: Timestamp
    retired_at: Timestamp | None
    """Since when nothing that it signs counts any more; none while it counts."""
    current: bool
    """Whether the process that answers signs with it."""

    @classmethod
    def of(cls, known: KnownKey, *, current: str) -> KeyView:
        return cls(
            key_id=known.key.key_id,
            algorithm="Ed25519",
            public_key=known.key.public_key,
            first_seen=known.first_seen,
            retired_at=known.retired_at,
            current=known.key.key_id == current,
        )


@dataclass(frozen=True, kw_only=True)
class LineView:
    source: str
    """`round`, or `shard 3`: whose ledger it is in."""
    sequence: int
    at: Timestamp
    kind: str
    actor: str
    account_id: str
    authenticated_by: str
    """How the actor proved who they are: `token`, `session`, or `system` for the process itself."""
    subject: str
    detail: Document
    reason: str
    hash: Sha256

    @classmethod
    def of(cls, line: LedgerLine) -> LineView:
        return cls(**asdict(line))


@dataclass(frozen=True, kw_only=True)
class FindingView:
    kind: str
    subject: str
    message: str
    expected: Any
    found: Any


@dataclass(frozen=True, kw_only=True)
class SourceHeadView:
    """One ledger: `round`, or `shard 3`."""

    source: str
    length: int
    head: Sha256
    """The last hash of its chain."""
    root: Sha256
    """Of its Merkle tree."""


@dataclass(frozen=True, kw_only=True)
class TreeView:
    root: Sha256
    """Of the Merkle tree over the heads of all ledgers."""
    entries: int
    sources: list[SourceHeadView]


@dataclass(frozen=True, kw_only=True)
class ReportView:
    round: RoundId
    source: Literal["live", "archive", "bundle"]
    histories: int
    events: int
    decisions: int
    replayed: bool
    verified: bool
    ledger_head: Sha256
    tree: TreeView
    checks: list[str]
    findings: list[FindingView]
    notes: list[str]
    builds: list[str]
    """Every build of the workers that has decided something in the round."""

    @classmethod
    def of(cls, report: AuditReport) -> ReportView:
        return cls(
            round=report.round,
            source=report.source,
            histories=report.histories,
            events=report.events,
            decisions=report.decisions,
            replayed=report.replayed,
            verified=report.verified,
            ledger_head=report.ledger_head,
            tree=TreeView(
                root=report.tree.root,
                entries=report.tree.entries,
                sources=[SourceHeadView(**asdict(head)) for head in report.tree.sources],
            ),
            checks=list(report.checks),
            findings=[FindingView(**asdict(finding)) for finding in report.findings],
            notes=list(report.notes),
            builds=list(report.builds),
        )
