"""The audit: replays a round's histories and checks that everything else follows from them."""

from __future__ import annotations

from workers.audit.evidence import LedgerLine
from workers.audit.findings import AuditReport, Finding, FindingKind
from workers.audit.verification import ledger_of, verify_round

__all__ = [
    "AuditReport",
    "Finding",
    "FindingKind",
    "LedgerLine",
    "ledger_of",
    "verify_round",
]
