"""The access review: who may do and see what, how they sign in, and since when it is so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, literal, null, select, true

from domain.accounts import Permission, Role, permissions
from domain.conflicting_duties import conflicts
from domain.ids import AccountId, Timestamp
from domain.routing import Clearance
from storage import tokens
from storage.account_changes import (
    Change,
    last_changes_of_clearance,
    last_changes_of_roles,
)
from storage.accounts import list_accounts
from storage.profiles import list_profiles
from storage.tables import (
    api_tokens,
    identities,
    one_time_passwords,
    review_receipts,
    sessions,
)


@dataclass(frozen=True, kw_only=True)
class WayIn:
    """One thing by which somebody can sign in as the account at this moment."""

    account_id: AccountId
    kind: str
    label: str
    since: Timestamp
    until: Timestamp | None
    last_used_at: Timestamp | None


@dataclass(frozen=True, kw_only=True)
class AccountAccess:
    """One account, as whoever reviews access looks at it."""

    account_id: AccountId
    name: str
    created_at: Timestamp
    disabled_at: Timestamp | None
    roles: list[Role]
    permissions: list[Permission]
    clearance: Clearance
    expertise: dict[str, int]
    ways_in: list[WayIn]
    last_seen_at: Timestamp | None
    """The last use of a token or session, to the minute, or the last answer to a task."""
    roles_changed: Change | None
    clearance_changed: Change | None
    conflicts: list[str]
    """Duties that it holds together and that belong apart."""


def access_review(
    connection: Connection, *, after: str | None = None, limit: int = 100
) -> list[AccountAccess]:
    """Accounts by name, shut-out ones included, from the one that follows the name `after`."""
    found = list_accounts(connection, after=after, limit=limit)
    ids = [each.account_id for each in found]
    profiles = list_profiles(connection, ids)
    ways: dict[AccountId, list[WayIn]] = {each: [] for each in ids}
    for way in _ways_in(connection, ids):
        ways[way.account_id].append(way)
    seen = _last_seen(connection, ids)
    roles_changed = last_changes_of_roles(connection, ids)
    clearance_changed = last_changes_of_clearance(connection, ids)
    return [
        AccountAccess(
            account_id=each.account_id,
            name=each.name,
            created_at=each.created_at,
            disabled_at=each.disabled_at,
            roles=sorted(each.roles),
            permissions=sorted(permissions(each.roles)),
            clearance=profiles[each.account_id].clearance,
            expertise=profiles[each.account_id].expertise,
            ways_in=[] if each.disabled_at else ways[each.account_id],
            last_seen_at=seen.get(each.account_id),
            roles_changed=roles_changed.get(each.account_id),
            clearance_changed=clearance_changed.get(each.account_id),
            conflicts=conflicts(each.roles),
        )
        for each in found
    ]


@dataclass(frozen=True, kw_only=True)
class _Way:
    """A kind of way in, and the table that holds those there are."""

    kind: str
    table: Table
    in_force: ColumnElement[bool]
    label: ColumnElement[str]
    until: ColumnElement[Timestamp | None]
    last_used_at: ColumnElement[Timestamp | None]


_UNNAMED: ColumnElement[str] = literal("")
_NEVER: ColumnElement[Any] = null()

WAYS_IN: tuple[_Way, ...] = (
    _Way(
        kind="token",
        table=api_tokens,
        in_force=tokens.in_force(),
        label=api_tokens.c.label,
        until=api_tokens.c.expires_at,
        last_used_at=api_tokens.c.last_used_at,
    ),
    _Way(
        kind="session",
        table=sessions,
        in_force=sessions.c.revoked_at.is_(None) & (sessions.c.expires_at > func.now()),
        label=_UNNAMED,
        until=sessions.c.expires_at,
        last_used_at=sessions.c.last_seen_at,
    ),
    _Way(
        kind="one-time password",
        table=one_time_passwords,
        in_force=one_time_passwords.c.used_at.is_(None)
        & (one_time_passwords.c.expires_at > func.now()),
        label=_UNNAMED,
        until=one_time_passwords.c.expires_at,
        last_used_at=_NEVER,
    ),
    _Way(
        kind="identity",
        table=identities,
        in_force=true(),
        label=identities.c.subject + " at " + identities.c.issuer,
        until=_NEVER,
        last_used_at=_NEVER,
    ),
)
"""Whatever lets somebody sign in belongs here: what is left out, no review sees."""


def _ways_in(connection: Connection, account_ids: Sequence[AccountId]) -> Iterator[WayIn]:
    """By kind, the oldest of each first."""
    for way in WAYS_IN:
        columns = way.table.c
        rows = connection.execute(
            select(
                columns.account_id,
                columns.created_at,
                way.label.label("label"),
                way.until.label("until"),
                way.last_used_at.label("last_used_at"),
            )
            .where(columns.account_id.in_(account_ids), way.in_force)
            .order_by(columns.created_at)
        )
        for row in rows:
            yield WayIn(
                account_id=row.account_id,
                kind=way.kind,
                label=row.label,
                since=row.created_at,
                until=row.until,
                last_used_at=row.last_used_at,
            )


def _last_seen(
    connection: Connection, account_ids: Sequence[AccountId]
) -> dict[AccountId, Timestamp]:
    seen: dict[AccountId, Timestamp] = {}
    for column, owner in (
        (api_tokens.c.last_used_at, api_tokens.c.account_id),
        (sessions.c.last_seen_at, sessions.c.account_id),
        (review_receipts.c.created_at, review_receipts.c.account_id),
    ):
        latest = func.max(column)
        rows = connection.execute(
            select(owner.label("account_id"), latest.label("at"))
            .where(owner.in_(account_ids), column.is_not(None))
            .group_by(owner)
        )
        for row in rows:
            seen[row.account_id] = max(row.at, seen.get(row.account_id, row.at))
    return seen
