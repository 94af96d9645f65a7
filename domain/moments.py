"""Points in time as text: how far apart they are, and what comes after them."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.ids import Timestamp


def later(moment: Timestamp, seconds: float) -> Timestamp:
    """So many seconds after `moment`, written as all timestamps are, so that text compares."""
    moved = datetime.fromisoformat(moment) + timedelta(seconds=seconds)
    return Timestamp(moved.isoformat(timespec="microseconds"))


def seconds_between(first: Timestamp, second: Timestamp) -> float:
    """Negative where `second` comes before `first`."""
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()
