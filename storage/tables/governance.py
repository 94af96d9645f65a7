"""What shows that the installation keeps its own rules."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, Table, func
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.columns import Instant, metadata

retention_runs = Table(
    "retention_runs",
    metadata,
    Column("run_id", BigInteger, Identity(always=True), primary_key=True),
    Column("run_at", Instant, nullable=False, server_default=func.now()),
    Column("days", JSONB, nullable=False),
    Column("forgotten", JSONB, nullable=False),
)
"""Each time that old rows were deleted: by which rules, and how many. Only ever added to."""
