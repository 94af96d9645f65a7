"""The clock, at the edge where side effects happen; workflows have their own."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.ids import Timestamp


def now() -> Timestamp:
    return Timestamp(datetime.now(UTC).isoformat(timespec="microseconds"))
