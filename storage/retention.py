"""Forgets what nobody needs any more, a bounded number of rows at a time, and notes what went."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from domain.ids import Timestamp
from domain.retention import Kept, Retention, Rule
from storage.idempotency import forget_older
from storage.tables import (
    api_tokens,
    deliveries,
    events,
    failed_attempts,
    inbox_entries,
    notices,
    one_time_passwords,
    retention_runs,
    rounds,
    sessions,
    sign_ins,
    superseded_records,
)

AT_ONCE = 10_000
"""Rows of one table in one transaction: people who work meanwhile do not notice."""


@dataclass(frozen=True, kw_only=True)
class RetentionRun:
    """When the rules were applied, which they were, and how much went."""

    at: Timestamp
    days: Mapping[Kept, int]
    forgotten: Mapping[Kept, int]


def forget(connection: Connection, rule: Rule, *, limit: int = AT_ONCE) -> int:
    """Deletes what the rule does not keep, about `limit` rows a table; how many went.

    Nothing is left to forget when it says 0.
    """
    return 0 if rule.period is None else _FORGET[rule.kept](connection, rule.period, limit)


def note_run(connection: Connection, retention: Retention, forgotten: Mapping[Kept, int]) -> None:
    """Writes down that the rules were applied."""
    connection.execute(
        insert(retention_runs).values(
            days={rule.kept.value: rule.days for rule in retention.rules},
            forgotten={kept.value: count for kept, count in forgotten.items()},
        )
    )


def list_runs(connection: Connection, *, limit: int = 30) -> list[RetentionRun]:
    """The last ones, newest first."""
    rows = connection.execute(
        select(retention_runs).order_by(retention_runs.c.run_id.desc()).limit(limit)
    )
    return [
        RetentionRun(
            at=row.run_at,
            days={Kept(kept): days for kept, days in row.days.items()},
            forgotten={Kept(kept): count for kept, count in row.forgotten.items()},
        )
        for row in rows
    ]


def _requests(connection: Connection, period: timedelta, limit: int) -> int:
    return forget_older(connection, period, limit=limit)


def _notices(connection: Connection, period: timedelta, limit: int) -> int:
    return _told(connection, period, limit) + _sent(connection, period, limit)


def _told(connection: Connection, period: timedelta, limit: int) -> int:
    """Notices of an open round stay: a projection that is repeated must find them told."""
    is_open = exists().where(rounds.c.round_id == notices.c.round_id, rounds.c.closed_at.is_(None))
    old = connection.scalars(
        select(notices.c.sequence)
        .where(notices.c.at < func.now() - period, ~is_open)
        .order_by(notices.c.sequence)
        .limit(limit)
    ).all()
    connection.execute(delete(inbox_entries).where(inbox_entries.c.sequence.in_(old)))
    return connection.execute(delete(notices).where(notices.c.sequence.in_(old))).rowcount


def _sent(connection: Connection, period: timedelta, limit: int) -> int:
    """Events that wait for a webhook stay, however old."""
    waits = exists().where(
        deliveries.c.event_id == events.c.event_id, deliveries.c.state == "pending"
    )
    old = connection.scalars(
        select(events.c.event_id)
        .where(events.c.at < func.now() - period, ~waits)
        .order_by(events.c.sequence)
        .limit(limit)
    ).all()
    connection.execute(delete(deliveries).where(deliveries.c.event_id.in_(old)))
    return connection.execute(delete(events).where(events.c.event_id.in_(old))).rowcount


def _sign_ins(connection: Connection, period: timedelta, limit: int) -> int:
    before = func.now() - period
    ended: tuple[tuple[Table, ColumnElement[bool]], ...] = (
        (sessions, or_(sessions.c.expires_at < before, sessions.c.revoked_at < before)),
        (
            one_time_passwords,
            or_(one_time_passwords.c.expires_at < before, one_time_passwords.c.used_at < before),
        ),
        (api_tokens, or_(api_tokens.c.expires_at < before, api_tokens.c.revoked_at < before)),
        # What is forgotten at the next attempt anyway, should none come.
        (sign_ins, sign_ins.c.expires_at < before),
        (failed_attempts, failed_attempts.c.last_at < before),
    )
    return sum(_some(connection, table, which, limit) for table, which in ended)


def _superseded(connection: Connection, period: timedelta, limit: int) -> int:
    """An open round goes on with what it selected, so its pool's stay."""
    is_open = exists().where(
        rounds.c.pool_id == superseded_records.c.pool_id, rounds.c.closed_at.is_(None)
    )
    old = superseded_records.c.superseded_at < func.now() - period
    return _some(connection, superseded_records, old & ~is_open, limit)


def _some(connection: Connection, table: Table, which: ColumnElement[bool], limit: int) -> int:
    """Deletes at most `limit` of those rows."""
    key = tuple_(*table.primary_key.columns)
    chosen = select(*table.primary_key.columns).where(which).limit(limit)
    return connection.execute(delete(table).where(key.in_(chosen))).rowcount


_FORGET: dict[Kept, Callable[[Connection, timedelta, int], int]] = {
    Kept.REQUESTS: _requests,
    Kept.NOTICES: _notices,
    Kept.SIGN_INS: _sign_ins,
    Kept.SUPERSEDED: _superseded,
}
