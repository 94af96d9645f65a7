"""The ledger as an auditor reads it, and what a verification says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from api.schemas.body import Document
from domain.canonical import Sha256
from domain.ids import RoundId, Timestamp

if TYPE_CHECKING:
    from workers.audit import AuditReport, LedgerLine


@dataclass(frozen=True, kw_only=True)
class LineView:
    source: str
    """`round`, or `shard 3`: whose ledger it is in."""
    sequence: int
    at: Timestamp
    kind: str
    actor: str
    account_id: str
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
class ReportView:
    round: RoundId
    source: Literal["live", "archive"]
    histories: int
    events: int
    decisions: int
    replayed: bool
    verified: bool
    ledger_head: Sha256
    checks: list[str]
    findings: list[FindingView]
    notes: list[str]

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
            checks=list(report.checks),
            findings=[FindingView(**asdict(finding)) for finding in report.findings],
            notes=list(report.notes),
        )
