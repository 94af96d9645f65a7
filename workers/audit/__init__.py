"""The audit: replays a round's histories and checks that everything else follows from them.

`verification` does so beside the running system; `export` makes a bundle of evidence, with which
`offline` and `proofs` do it anywhere.
"""

from __future__ import annotations

from workers.audit.evidence import LedgerLine
from workers.audit.export import Export, exported
from workers.audit.findings import AuditReport, Finding, FindingKind
from workers.audit.verification import ledger_of, verify_round

__all__ = [
    "AuditReport",
    "Export",
    "Finding",
    "FindingKind",
    "LedgerLine",
    "exported",
    "ledger_of",
    "verify_round",
]
