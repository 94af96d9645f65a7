"""The clock, at the edge where side effects happen; workflows have their own."""

from __future__ import annotations

from datetime import UTC, datetime

from temporalio import activity

from domain.ids import Timestamp


def asked_at() -> Timestamp:
    """When the workflow asked for the activity that runs: the same in its history, and in every
    attempt. Outside of an activity it is now."""
    if not activity.in_activity():
        return now()
    moment = activity.info().scheduled_time.astimezone(UTC)
    return Timestamp(moment.isoformat(timespec="microseconds"))


def now() -> Timestamp:
    return Timestamp(datetime.now(UTC).isoformat(timespec="microseconds"))
