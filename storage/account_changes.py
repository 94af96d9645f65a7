"""Who changed what about an account, and why. A trigger writes it down; here it is said why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from domain.ids import AccountId, Timestamp
from storage.documents import plain_text
from storage.tables import account_changes, accounts, profile_changes


@dataclass(frozen=True, kw_only=True)
class Change:
    """The last time that something about an account was changed."""

    changed_at: Timestamp
    changed_by: AccountId
    changed_by_name: str
    reason: str


def because(connection: Connection, reason: str) -> None:
    """What is changed about accounts until the transaction ends is changed for this reason."""
    connection.execute(
        select(func.set_config("labelwright.reason", plain_text(reason), True))  # noqa: FBT003
    )


def last_changes_of_roles(
    connection: Connection, account_ids: Iterable[AccountId]
) -> dict[AccountId, Change]:
    """When each account was last given other roles, its making included.

    None for an account that has had the same ones since before changes were kept.
    """
    return _last(connection, account_changes, "roles", account_ids)


def last_changes_of_clearance(
    connection: Connection, account_ids: Iterable[AccountId]
) -> dict[AccountId, Change]:
    """When each account was last given another clearance; none for one that never was."""
    return _last(connection, profile_changes, "clearance", account_ids)


def _last(
    connection: Connection, table: Table, what: str, account_ids: Iterable[AccountId]
) -> dict[AccountId, Change]:
    rows = connection.execute(
        select(
            table.c.account_id,
            table.c.changed_at,
            table.c.changed_by,
            table.c.reason,
            func.coalesce(accounts.c.name, table.c.changed_by).label("changed_by_name"),
        )
        .ext(distinct_on(table.c.account_id))
        .outerjoin_from(table, accounts, accounts.c.account_id == table.c.changed_by)
        .where(
            table.c.account_id.in_(list(account_ids)),
            table.c.after.has_key(what),
            table.c.after[what].is_distinct_from(table.c.before[what]),
        )
        .order_by(table.c.account_id, table.c.change_id.desc())
    )
    return {
        AccountId(row.account_id): Change(
            changed_at=row.changed_at,
            changed_by=row.changed_by,
            changed_by_name=row.changed_by_name,
            reason=row.reason,
        )
        for row in rows
    }
