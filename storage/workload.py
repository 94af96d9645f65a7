"""What people who judge have before them and behind them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, literal, or_, select

from domain.ids import AccountId, Timestamp
from domain.tasks import ReviewStatus
from storage.tables import accounts, reviews, standings, tasks
from storage.tasks import TaskStatus

JUDGES = ("reviewer", "adjudicator")


@dataclass(frozen=True, kw_only=True)
class Workload:
    account_id: AccountId
    name: str
    roles: frozenset[str]
    held: int
    """Tasks that they hold now."""
    oldest_held: Timestamp | None
    """When the oldest of them was opened; when they took it is not kept."""
    today: int
    week: int
    """Accepted answers of the last seven days."""
    median_seconds: float | None
    """That they looked at a record, over the same time."""
    standings: dict[str, tuple[str, str]]
    """Label schema → standing and why."""


def workloads(connection: Connection, *, at: datetime) -> list[Workload]:
    """Of everybody who may judge and is not shut out, by name."""
    people = connection.execute(
        select(accounts.c.account_id, accounts.c.name, accounts.c.roles)
        .where(
            accounts.c.disabled_at.is_(None),
            or_(*(literal(role) == func.any(accounts.c.roles) for role in JUDGES)),
        )
        .order_by(accounts.c.name)
    ).all()
    ids = [row.account_id for row in people]
    held = {
        row.holder: row
        for row in connection.execute(
            select(
                tasks.c.holder,
                func.count().label("tasks"),
                func.min(tasks.c.opened_at).label("oldest"),
            )
            .where(tasks.c.status == TaskStatus.CLAIMED.value, tasks.c.holder.in_(ids))
            .group_by(tasks.c.holder)
        )
    }
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    done = {
        row.account_id: row
        for row in connection.execute(
            select(
                reviews.c.account_id,
                func.count().filter(reviews.c.submitted_at >= midnight).label("today"),
                func.count().label("week"),
                func.percentile_cont(0.5).within_group(reviews.c.seconds).label("seconds"),
            )
            .where(
                reviews.c.account_id.in_(ids),
                reviews.c.status == ReviewStatus.ACCEPTED.value,
                reviews.c.submitted_at >= at - timedelta(days=7),
            )
            .group_by(reviews.c.account_id)
        )
    }
    stand: dict[str, dict[str, tuple[str, str]]] = {}
    for row in connection.execute(select(standings).where(standings.c.account_id.in_(ids))):
        stand.setdefault(row.account_id, {})[row.schema_name] = (row.standing, row.reason)
    return [
        Workload(
            account_id=AccountId(row.account_id),
            name=row.name,
            roles=frozenset(row.roles),
            held=held[row.account_id].tasks if row.account_id in held else 0,
            oldest_held=held[row.account_id].oldest if row.account_id in held else None,
            today=done[row.account_id].today if row.account_id in done else 0,
            week=done[row.account_id].week if row.account_id in done else 0,
            median_seconds=done[row.account_id].seconds if row.account_id in done else None,
            standings=stand.get(row.account_id, {}),
        )
        for row in people
    ]
