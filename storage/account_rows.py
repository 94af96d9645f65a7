"""An account as a row, for those who look one up by what it proves itself with."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, select

from domain.accounts import Role
from domain.canonical import Sha256, digest_bytes
from domain.errors import Conflict, NotFound
from domain.ids import AccountId, Timestamp
from domain.routing import Clearance
from storage.tables import accounts, profiles

CLEARANCE = (
    select(profiles.c.clearance)
    .where(profiles.c.account_id == accounts.c.account_id)
    .correlate(accounts)
    .scalar_subquery()
    .label("clearance")
)
"""The profile's, beside a row of `accounts`."""


@dataclass(frozen=True, kw_only=True)
class Account:
    account_id: AccountId
    name: str
    roles: frozenset[Role]
    disabled_at: Timestamp | None
    created_at: Timestamp
    clearance: Clearance = Clearance.PUBLIC
    """The profile's, of one account that is asked for; not in lists."""


def account_of(row: Row[*tuple[object, ...]]) -> Account:
    return Account(
        account_id=row.account_id,
        name=row.name,
        roles=frozenset(Role(word) for word in row.roles),
        disabled_at=row.disabled_at,
        created_at=row.created_at,
        clearance=list(Clearance)[row._mapping.get("clearance") or 0],  # noqa: SLF001 -- public
    )


def hold(connection: Connection, account_id: AccountId) -> Account:
    """The account, which cannot be shut out before the transaction ends.

    So that nothing that is issued at that moment outlives it. Raises NotFound and Conflict.
    """
    row = connection.execute(
        select(accounts, CLEARANCE)
        .where(accounts.c.account_id == account_id)
        .with_for_update(read=True, of=accounts)
    ).one_or_none()
    if row is None:
        raise NotFound("no such account", account_id=account_id)
    account = account_of(row)
    if account.disabled_at is not None:
        raise Conflict(f"“{account.name}” is shut out", hint="let the account in again before this")
    return account


def secret_digest(secret: str) -> Sha256:
    return digest_bytes(secret.encode("utf-8", "replace"))
