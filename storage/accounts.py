"""Accounts: who there is, and what they may do."""

from __future__ import annotations

from collections.abc import Collection
from uuid import uuid4

from sqlalchemy import Connection, Engine, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.accounts import RESERVED_NAMES, SYSTEM, Role
from domain.errors import Conflict, InvalidInput, NotFound
from domain.ids import AccountId
from domain.profiles import Profile
from domain.routing import Clearance
from storage.account_rows import CLEARANCE, Account, account_of
from storage.database import transaction
from storage.profiles import put_profile
from storage.sessions import end_all, forget_one_time_passwords
from storage.tables import accounts
from storage.tokens import issue_token, revoke_all

__all__ = [
    "MAX_NAME",
    "Account",
    "account_named",
    "create_account",
    "disable",
    "enable",
    "ensure_admin",
    "find_account",
    "get_account",
    "list_accounts",
    "set_roles",
]

MAX_NAME = 100


def create_account(connection: Connection, *, name: str, roles: Collection[Role]) -> Account:
    """A new account. Raises InvalidInput or Conflict."""
    if name != name.strip() or not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise InvalidInput(f"a name has 1 to {MAX_NAME} printable characters, no space around it")
    if name.casefold() in RESERVED_NAMES:
        raise InvalidInput(f"“{name}” is the product's own name", hint="choose another name")
    row = connection.execute(
        insert(accounts)
        .values(account_id=f"acc-{uuid4().hex}", name=name, roles=_words(roles))
        .on_conflict_do_nothing(index_elements=["name"])
        .returning(accounts)
    ).one_or_none()
    if row is None:
        raise Conflict(f"there is an account “{name}” already", hint="choose another name")
    return account_of(row)


def ensure_admin(engine: Engine) -> str | None:
    """On a system without accounts: makes `admin` and returns its token. Otherwise none.

    Raises DatabaseUnavailable.
    """
    with transaction(engine) as connection:
        # Two processes that start at once must not both find the system empty.
        connection.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended("accounts/first", 0)))
        )
        if connection.scalar(select(exists(select(accounts.c.account_id)))):
            return None
        admin = create_account(connection, name="admin", roles={Role.ADMIN, Role.REQUESTER})
        # Not for being an admin: whoever sets the system up brings the records.
        put_profile(
            connection,
            Profile(account_id=admin.account_id, clearance=Clearance.RESTRICTED),
            changed_by=SYSTEM.account_id,
            reason="set this system up",
        )
        return issue_token(connection, admin.account_id, "first run")


def get_account(connection: Connection, account_id: AccountId) -> Account:
    """The account. Raises NotFound."""
    row = connection.execute(
        select(accounts, CLEARANCE).where(accounts.c.account_id == account_id)
    ).one_or_none()
    if row is None:
        raise NotFound("no such account", account_id=account_id)
    return account_of(row)


def find_account(connection: Connection, named: str) -> Account:
    """The account of that id or that name. Raises NotFound."""
    row = connection.execute(
        select(accounts).where(or_(accounts.c.account_id == named, accounts.c.name == named))
    ).first()
    if row is None:
        raise NotFound(f"there is no account “{named}”", hint="write the name as it is shown")
    return account_of(row)


def account_named(connection: Connection, name: str) -> Account:
    """The account of that name. Raises NotFound."""
    row = connection.execute(select(accounts).where(accounts.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(f"there is no account “{name}”")
    return account_of(row)


def list_accounts(
    connection: Connection, *, after: str | None = None, limit: int = 100
) -> list[Account]:
    """Accounts by name, from the one that follows the name `after`."""
    query = select(accounts).order_by(accounts.c.name).limit(limit)
    if after is not None:
        query = query.where(accounts.c.name > after)
    return [account_of(row) for row in connection.execute(query)]


def set_roles(connection: Connection, account_id: AccountId, roles: Collection[Role]) -> Account:
    """The account with these roles and no others. Raises NotFound."""
    connection.execute(
        update(accounts).where(accounts.c.account_id == account_id).values(roles=_words(roles))
    )
    return get_account(connection, account_id)


def disable(connection: Connection, account_id: AccountId) -> Account:
    """Shuts the account out from now on; what it did stays.

    Its tokens, sessions and unused passwords end for good: letting it in again does not bring them
    back. Raises NotFound.
    """
    # First of all: whatever is issued at this moment waits for this row, or is seen below.
    connection.execute(
        update(accounts)
        .where(accounts.c.account_id == account_id)
        .values(disabled_at=func.coalesce(accounts.c.disabled_at, func.now()))
    )
    revoke_all(connection, account_id)
    end_all(connection, account_id)
    forget_one_time_passwords(connection, account_id)
    return get_account(connection, account_id)


def enable(connection: Connection, account_id: AccountId) -> Account:
    """Lets the account in again, with secrets that are yet to be made. Raises NotFound."""
    connection.execute(
        update(accounts).where(accounts.c.account_id == account_id).values(disabled_at=None)
    )
    return get_account(connection, account_id)


def _words(roles: Collection[Role]) -> list[str]:
    return sorted(role.value for role in roles)
