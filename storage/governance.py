"""Who may do what by the roles that are given out, and what waits for somebody who may."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from domain.accounts import Permission, Role, permissions
from domain.ids import AccountId, Timestamp
from storage.tables import accounts, policies

MAX_HOLDERS = 1_000
MAX_WAITING = 200


@dataclass(frozen=True, kw_only=True)
class Holder:
    """An account that may sign in, with its roles."""

    account_id: AccountId
    name: str
    roles: frozenset[Role]

    def may(self, permission: Permission) -> bool:
        return permission in permissions(self.roles)


@dataclass(frozen=True, kw_only=True)
class WaitingPolicy:
    """A version of a sampling policy by which no round may select yet."""

    name: str
    version: int
    author: AccountId
    written_at: Timestamp


def holders_of(connection: Connection) -> list[Holder]:
    """Accounts that hold a role, by name; those that are shut out are none of them."""
    rows = connection.execute(
        select(accounts.c.account_id, accounts.c.name, accounts.c.roles)
        .where(accounts.c.disabled_at.is_(None), func.cardinality(accounts.c.roles) > 0)
        .order_by(accounts.c.name)
        .limit(MAX_HOLDERS)
    )
    return [
        Holder(
            account_id=row.account_id,
            name=row.name,
            roles=frozenset(Role(word) for word in row.roles),
        )
        for row in rows
    ]


def waiting_policies(connection: Connection) -> list[WaitingPolicy]:
    """Versions that nobody has approved, the oldest first, unless a later one was approved."""
    later = policies.alias("later")
    superseded = (
        select(later.c.name)
        .where(
            later.c.name == policies.c.name,
            later.c.version > policies.c.version,
            later.c.approved_at.is_not(None),
        )
        .exists()
    )
    rows = connection.execute(
        select(policies.c.name, policies.c.version, policies.c.created_by, policies.c.created_at)
        .where(policies.c.approved_at.is_(None), ~superseded)
        .order_by(policies.c.created_at, policies.c.name, policies.c.version)
        .limit(MAX_WAITING)
    )
    return [
        WaitingPolicy(
            name=row.name, version=row.version, author=row.created_by, written_at=row.created_at
        )
        for row in rows
    ]
