"""The ledger and what an audit says, for readers who may not see every record of the round.

Nothing is left out, so that the chain of hashes stays whole: what would name such a record, or tell
what was said of it, is masked.
"""

from __future__ import annotations

from dataclasses import replace

from api.authentication import Caller
from api.schemas.audit import FindingView, LineView, ReportView
from api.state import State
from domain.access import HIDDEN, masked
from domain.ids import RoundId
from storage.hidden import hidden_records


async def hidden_from(parts: State, caller: Caller, round_id: RoundId) -> frozenset[str]:
    """Ids of the round's records that the caller may not see."""
    return await parts.in_transaction(
        lambda connection: hidden_records(connection, round_id, caller.clearance)
    )


def masked_line(line: LineView, hidden: frozenset[str]) -> LineView:
    """A decision, without what names or describes a record that is hidden."""
    if line.subject in hidden:
        return replace(line, subject=HIDDEN, detail={}, reason="")
    detail = masked(line.detail, hidden)
    return replace(line, detail=detail if isinstance(detail, dict) else {})


def masked_report(report: ReportView, hidden: frozenset[str]) -> ReportView:
    """What an audit says, with findings about hidden records told by their kind alone."""
    return replace(report, findings=[_masked_finding(each, hidden) for each in report.findings])


def _masked_finding(finding: FindingView, hidden: frozenset[str]) -> FindingView:
    said = f"{finding.subject}\n{finding.message}\n{finding.expected}\n{finding.found}"
    # Ids stand amid words here, and a word too much masked does no harm.
    if not any(record_id in said for record_id in hidden):
        return finding
    return replace(
        finding,
        subject=HIDDEN,
        message="This is about a record that you are not cleared for.",
        expected=None,
        found=None,
    )
