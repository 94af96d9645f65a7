"""The access review: who may do and see what, how they sign in, and since when it is so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, or_, select

from domain.accounts import Permission, Role, permissions
from domain.conflicting_duties import conflicts
from domain.ids import AccountId, Timestamp
from domain.routing import Clearance
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
    for ways_of in WAYS_IN:
        for way in ways_of(connection, ids):
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


def _tokens(connection: Connection, account_ids: Sequence[AccountId]) -> list[WayIn]:
    rows = connection.execute(
        select(api_tokens)
        .where(
            api_tokens.c.account_id.in_(account_ids),
            api_tokens.c.revoked_at.is_(None),
            or_(api_tokens.c.expires_at.is_(None), api_tokens.c.expires_at > func.now()),
        )
        .order_by(api_tokens.c.created_at)
    )
    return [
        WayIn(
            account_id=row.account_id,
            kind="token",
            label=row.label,
            since=row.created_at,
            until=row.expires_at,
            last_used_at=row.last_used_at,
        )
        for row in rows
    ]


def _sessions(connection: Connection, account_ids: Sequence[AccountId]) -> list[WayIn]:
    rows = connection.execute(
        select(sessions)
        .where(
            sessions.c.account_id.in_(account_ids),
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > func.now(),
        )
        .order_by(sessions.c.created_at)
    )
    return [
        WayIn(
            account_id=row.account_id,
            kind="session",
            label="",
            since=row.created_at,
            until=row.expires_at,
            last_used_at=row.last_seen_at,
        )
        for row in rows
    ]


def _identities(connection: Connection, account_ids: Sequence[AccountId]) -> list[WayIn]:
    rows = connection.execute(
        select(identities)
        .where(identities.c.account_id.in_(account_ids))
        .order_by(identities.c.created_at)
    )
    return [
        WayIn(
            account_id=row.account_id,
            kind="identity",
            label=f"{row.subject} at {row.issuer}",
            since=row.created_at,
            until=None,
            last_used_at=None,
        )
        for row in rows
    ]


def _passwords(connection: Connection, account_ids: Sequence[AccountId]) -> list[WayIn]:
    rows = connection.execute(
        select(one_time_passwords)
        .where(
            one_time_passwords.c.account_id.in_(account_ids),
            one_time_passwords.c.used_at.is_(None),
            one_time_passwords.c.expires_at > func.now(),
        )
        .order_by(one_time_passwords.c.created_at)
    )
    return [
        WayIn(
            account_id=row.account_id,
            kind="one-time password",
            label="",
            since=row.created_at,
            until=row.expires_at,
            last_used_at=None,
        )
        for row in rows
    ]


WAYS_IN: tuple[Callable[[Connection, Sequence[AccountId]], list[WayIn]], ...] = (
    _tokens,
    _sessions,
    _passwords,
    _identities,
)
"""Whatever lets somebody sign in belongs here: what is left out, no review sees."""


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
