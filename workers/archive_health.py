"""How far the archive is behind: on a worker's /metrics, and for `labelwright doctor`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from storage import database
from storage.histories import ArchiveLag, archive_lag
from workers.checkup import Finding, State

LAG = "labelwright_archive_lag_seconds"
SWEEP_AGE = "labelwright_archive_sweep_age_seconds"
WAITING = "labelwright_archive_waiting_runs"

ARCHIVED_WITHIN = timedelta(minutes=15)
"""What nobody need look into: a sweep starts every minute."""


class ArchiveCollector(Collector):
    """Asks the database at each scrape: any worker may have made the last sweep."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterable[GaugeMetricFamily]:
        try:
            with self._engine.connect() as connection:
                lag = archive_lag(connection)
        except SQLAlchemyError:
            # A scrape without these figures is worth more than a failed one.
            return
        yield GaugeMetricFamily(
            LAG, "Seconds since the oldest run ended that is not archived", lag.seconds
        )
        yield GaugeMetricFamily(WAITING, "Runs that have ended and are not archived", lag.waiting)
        if lag.sweep_age_seconds is not None:
            yield GaugeMetricFamily(
                SWEEP_AGE, "Seconds since a sweep of the archive was done", lag.sweep_age_seconds
            )


def archive_finding(lag: ArchiveLag, retention: timedelta) -> Finding:
    """What a lag means where Temporal deletes a run's history so long after its end."""
    part = "archive"
    if lag.sweep_age_seconds is None:
        return Finding(
            part=part,
            state=State.OPTIONAL,
            detail="no sweep has come to its end yet",
            mend="A sweep runs every minute while there is an orchestration worker.",
        )
    behind = timedelta(seconds=max(lag.seconds, lag.sweep_age_seconds))
    looked, kept = _spoken(lag.sweep_age_seconds), _spoken(retention.total_seconds())
    detail = f"every run that has ended is archived; looked {looked} ago"
    if lag.waiting:
        oldest = _spoken(lag.seconds)
        detail = f"{lag.waiting} ended runs wait to be archived, the oldest since {oldest}"
    if behind > retention / 2:
        return Finding(
            part=part,
            state=State.BROKEN,
            detail=f"{detail}; Temporal deletes histories after {kept}",
            mend="Archive now: labelwright audit archive; logs/orchestration.log tells why no "
            "sweep does.",
        )
    late = behind > ARCHIVED_WITHIN
    return Finding(
        part=part,
        state=State.OPTIONAL if late else State.GOOD,
        detail=detail,
        mend="See in logs/orchestration.log why sweeps do not end." if late else "",
    )


def lag_of(url: str) -> ArchiveLag:
    engine = database.engine(url, connections=1)
    try:
        with database.answering(), engine.connect() as connection:
            return archive_lag(connection)
    finally:
        engine.dispose()


def _spoken(seconds: float) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}s"
    return f"{seconds:.0f} s"
