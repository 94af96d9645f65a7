"""Forgets what is older than the installation's rules say, and notes that it did."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Engine
from temporalio import activity

from domain.retention import Retention
from storage.retention import forget, note_run


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    rows: dict[str, int] = field(default_factory=dict)
    """By what was forgotten."""


class RetentionActivities:
    def __init__(self, engine: Engine, retention: Retention) -> None:
        self._engine = engine
        self._retention = retention

    @activity.defn
    def apply_retention(self) -> Forgotten:
        """Applies every rule to the end. Run again, it finds nothing left and notes that too."""
        return apply_retention(self._engine, self._retention)


def apply_retention(engine: Engine, retention: Retention) -> Forgotten:
    """Applies every rule, in many short transactions, and notes the run."""
    forgotten = {rule.kept: 0 for rule in retention.rules}
    for rule in retention.rules:
        while True:
            with engine.begin() as connection:
                gone = forget(connection, rule)
            if not gone:
                break
            forgotten[rule.kept] += gone
            if activity.in_activity():
                activity.heartbeat(gone)
    with engine.begin() as connection:
        note_run(connection, retention, forgotten)
    return Forgotten(rows={kept.value: count for kept, count in forgotten.items()})
