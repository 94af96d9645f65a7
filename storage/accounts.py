"""Accounts, and the secrets by which people and programs prove who they are.

A secret is shown once, when it is made; only its SHA-256 is stored. All of them are random with at
least 80 bits, so a plain digest is enough: nothing about them can be guessed.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import (
    ARRAY,
    Connection,
    Engine,
    Row,
    Text,
    any_,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from domain.accounts import RESERVED_NAMES, SYSTEM, Role
from domain.canonical import Sha256, digest_bytes
from domain.errors import Conflict, InvalidInput, NotFound
from domain.ids import AccountId, Timestamp
from domain.profiles import Profile
from domain.routing import Clearance
from storage.database import transaction
from storage.profiles import put_profile
from storage.tables import accounts, api_tokens, one_time_passwords, profiles, sessions

# Without vowels no group spells a word; without look-alikes none is misread.
_LETTERS = "bcdfghjkmnpqrstvwxz"
_GROUPS, _GROUP = 5, 4
"""20 letters of 19: 84 bits."""

MAX_NAME = 100

# Made once: building a statement takes longer than running it, and every request asks these.
_DIGESTS = bindparam("digests", type_=ARRAY(Text))
_CLEARANCE = (
    select(profiles.c.clearance)
    .where(profiles.c.account_id == accounts.c.account_id)
    .scalar_subquery()
    .label("clearance")
)
# To the minute is enough, and spares a write for each request.
_STALE = or_(
    api_tokens.c.last_used_at.is_(None),
    api_tokens.c.last_used_at < func.now() - timedelta(minutes=1),
)
_TOKENS = (
    select(accounts, _CLEARANCE, api_tokens.c.token_digest, _STALE.label("stale"))
    .join(api_tokens, api_tokens.c.account_id == accounts.c.account_id)
    .where(
        api_tokens.c.token_digest == any_(_DIGESTS),
        api_tokens.c.revoked_at.is_(None),
        accounts.c.disabled_at.is_(None),
    )
)
# What another process is about to note is not waited for.
_TOKENS_USED = (
    update(api_tokens)
    .where(
        api_tokens.c.token_digest.in_(
            select(api_tokens.c.token_digest)
            .where(api_tokens.c.token_digest == any_(_DIGESTS), _STALE)
            .with_for_update(skip_locked=True)
        )
    )
    .values(last_used_at=func.now())
)
_SESSIONS = (
    select(accounts, _CLEARANCE, sessions.c.session_digest)
    .join(sessions, sessions.c.account_id == accounts.c.account_id)
    .where(
        sessions.c.session_digest == any_(_DIGESTS),
        sessions.c.revoked_at.is_(None),
        sessions.c.expires_at > func.now(),
        accounts.c.disabled_at.is_(None),
    )
)


@dataclass(frozen=True, kw_only=True)
class Account:
    account_id: AccountId
    name: str
    roles: frozenset[Role]
    disabled_at: Timestamp | None
    created_at: Timestamp
    clearance: Clearance = Clearance.PUBLIC
    """The profile's, of one account that is asked for; not in lists."""


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
    return _account(row)


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
        select(accounts, _CLEARANCE).where(accounts.c.account_id == account_id)
    ).one_or_none()
    if row is None:
        raise NotFound("no such account", account_id=account_id)
    return _account(row)


def find_account(connection: Connection, named: str) -> Account:
    """The account of that id or that name. Raises NotFound."""
    row = connection.execute(
        select(accounts).where(or_(accounts.c.account_id == named, accounts.c.name == named))
    ).first()
    if row is None:
        raise NotFound(f"there is no account “{named}”", hint="write the name as it is shown")
    return _account(row)


def account_named(connection: Connection, name: str) -> Account:
    """The account of that name. Raises NotFound."""
    row = connection.execute(select(accounts).where(accounts.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(f"there is no account “{name}”")
    return _account(row)


def list_accounts(
    connection: Connection, *, after: str | None = None, limit: int = 100
) -> list[Account]:
    """Accounts by name, from the one that follows the name `after`."""
    query = select(accounts).order_by(accounts.c.name).limit(limit)
    if after is not None:
        query = query.where(accounts.c.name > after)
    return [_account(row) for row in connection.execute(query)]


def set_roles(connection: Connection, account_id: AccountId, roles: Collection[Role]) -> Account:
    """The account with these roles and no others. Raises NotFound."""
    connection.execute(
        update(accounts).where(accounts.c.account_id == account_id).values(roles=_words(roles))
    )
    return get_account(connection, account_id)


def disable(connection: Connection, account_id: AccountId) -> Account:
    """Shuts the account out from now on; what it did stays. Raises NotFound."""
    connection.execute(
        update(accounts)
        .where(accounts.c.account_id == account_id)
        .values(disabled_at=func.coalesce(accounts.c.disabled_at, func.now()))
    )
    return get_account(connection, account_id)


def enable(connection: Connection, account_id: AccountId) -> Account:
    """Lets the account in again. Raises NotFound."""
    connection.execute(
        update(accounts).where(accounts.c.account_id == account_id).values(disabled_at=None)
    )
    return get_account(connection, account_id)


# -- tokens -----------------------------------------------------------------------------------


def issue_token(connection: Connection, account_id: AccountId, label: str) -> str:
    """A new API token, to be shown once."""
    token = "lw_" + secrets.token_urlsafe(32)
    connection.execute(
        insert(api_tokens).values(token_digest=_digest(token), account_id=account_id, label=label)
    )
    return token


def revoke_token(connection: Connection, token: str) -> None:
    connection.execute(
        update(api_tokens)
        .where(api_tokens.c.token_digest == _digest(token))
        .values(revoked_at=func.coalesce(api_tokens.c.revoked_at, func.now()))
    )


def accounts_for_tokens(connection: Connection, tokens: Sequence[str]) -> list[Account | None]:
    """Whose each token is; none if it is unknown or revoked or its account is disabled."""
    digests = [_digest(token) for token in tokens]
    rows = connection.execute(_TOKENS, {"digests": digests}).all()
    if stale := sorted(row.token_digest for row in rows if row.stale):
        connection.execute(_TOKENS_USED, {"digests": stale})
    found = {row.token_digest: _account(row) for row in rows}
    return [found.get(digest) for digest in digests]


# -- passwords and sessions -------------------------------------------------------------------


def issue_one_time_password(
    connection: Connection, account_id: AccountId, valid_for: timedelta
) -> str:
    """A password that signs in once, readable over the telephone. Earlier ones end with it."""
    connection.execute(
        update(one_time_passwords)
        .where(
            one_time_passwords.c.account_id == account_id,
            one_time_passwords.c.used_at.is_(None),
            one_time_passwords.c.expires_at > func.now(),
        )
        .values(expires_at=func.now())
    )
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    password = "-".join(groups)
    connection.execute(
        insert(one_time_passwords).values(
            password_digest=_digest(_as_typed(password)),
            account_id=account_id,
            expires_at=func.now() + valid_for,
        )
    )
    return password


def redeem_one_time_password(
    connection: Connection, name: str, password: str, session_for: timedelta
) -> tuple[str, Account] | None:
    """A session secret and its account; none if the password is not this account's to use now."""
    account_id = connection.execute(
        update(one_time_passwords)
        .where(
            one_time_passwords.c.password_digest == _digest(_as_typed(password)),
            one_time_passwords.c.used_at.is_(None),
            one_time_passwords.c.expires_at > func.now(),
            accounts.c.account_id == one_time_passwords.c.account_id,
            accounts.c.name == name,
            accounts.c.disabled_at.is_(None),
        )
        .values(used_at=func.now())
        .returning(one_time_passwords.c.account_id)
    ).scalar_one_or_none()
    if account_id is None:
        return None
    secret = "lws_" + secrets.token_urlsafe(32)
    connection.execute(
        insert(sessions).values(
            session_digest=_digest(secret),
            account_id=account_id,
            expires_at=func.now() + session_for,
        )
    )
    return secret, get_account(connection, account_id)


def accounts_for_sessions(connection: Connection, secrets_: Sequence[str]) -> list[Account | None]:
    """Whose each session is; none if it is unknown or over or its account is disabled."""
    digests = [_digest(secret) for secret in secrets_]
    rows = connection.execute(_SESSIONS, {"digests": digests})
    found = {row.session_digest: _account(row) for row in rows}
    return [found.get(digest) for digest in digests]


def end_session(connection: Connection, secret: str) -> None:
    connection.execute(
        update(sessions)
        .where(sessions.c.session_digest == _digest(secret))
        .values(revoked_at=func.coalesce(sessions.c.revoked_at, func.now()))
    )


def _as_typed(password: str) -> str:
    return "".join(letter for letter in password.lower() if letter in _LETTERS)


def _digest(secret: str) -> Sha256:
    return digest_bytes(secret.encode("utf-8", "replace"))


def _words(roles: Collection[Role]) -> list[str]:
    return sorted(role.value for role in roles)


def _account(row: Row[*tuple[object, ...]]) -> Account:
    return Account(
        account_id=row.account_id,
        name=row.name,
        roles=frozenset(Role(word) for word in row.roles),
        disabled_at=row.disabled_at,
        created_at=row.created_at,
        clearance=list(Clearance)[row._mapping.get("clearance") or 0],  # noqa: SLF001 -- public
    )
