"""Workflow time as text."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.ids import Timestamp


def now(moment: datetime | None = None) -> Timestamp:
    """Workflow time, or `moment`, as RFC 3339 in UTC with microseconds."""
    return Timestamp((moment or workflow.now()).isoformat(timespec="microseconds"))
