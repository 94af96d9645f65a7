"""Sessions of browsers, and the one-time passwords that begin some of them.

A session ends when nobody used it for a while, at the latest at its `expires_at`, or when it is
ended. Secrets are kept as digests; one-time passwords have 84 random bits, sessions 256.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Interval,
    Row,
    Text,
    any_,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from domain.credentials import SignedInBy
from domain.errors import NotFound
from domain.ids import AccountId, Timestamp
from storage.account_rows import CLEARANCE, Account, account_of, hold, secret_digest
from storage.documents import plain_text
from storage.tables import accounts, one_time_passwords, sessions

# Without vowels no group spells a word; without look-alikes none is misread.
_LETTERS = "bcdfghjkmnpqrstvwxz"
_GROUPS, _GROUP = 5, 4
"""20 letters of 19: 84 bits."""

MAX_AGENT = 200


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """What is kept of where a session is used, so that its owner knows it again."""

    network: str = ""
    agent: str = ""


@dataclass(frozen=True, kw_only=True)
class Session:
    session_id: str
    account_id: AccountId
    signed_in_by: SignedInBy
    created_at: Timestamp
    last_seen_at: Timestamp
    expires_at: Timestamp
    network: str
    agent: str


@dataclass(frozen=True, kw_only=True)
class SessionUse:
    account: Account
    session_id: str
    signed_in_by: SignedInBy


# Made once: building a statement takes longer than running it, and every request asks these.
_DIGESTS = bindparam("digests", type_=ARRAY(Text))
_IDLE = bindparam("idle", type_=Interval)
_STALE = sessions.c.last_seen_at < func.now() - timedelta(minutes=1)
"""To the minute is enough, and spares a write for each request."""


def _in_force() -> ColumnElement[bool]:
    return (
        sessions.c.revoked_at.is_(None)
        & (sessions.c.expires_at > func.now())
        & (sessions.c.last_seen_at > func.now() - _IDLE)
    )


_FOUND = (
    select(
        accounts,
        CLEARANCE,
        sessions.c.session_digest,
        sessions.c.session_id,
        sessions.c.signed_in_by,
        _STALE.label("stale"),
    )
    .join(sessions, sessions.c.account_id == accounts.c.account_id)
    .where(
        sessions.c.session_digest == any_(_DIGESTS),
        _in_force(),
        accounts.c.disabled_at.is_(None),
    )
)
# What another process is about to note is not waited for.
_SEEN = (
    update(sessions)
    .where(
        sessions.c.session_digest.in_(
            select(sessions.c.session_digest)
            .where(sessions.c.session_digest == any_(_DIGESTS), _STALE)
            .with_for_update(skip_locked=True)
        )
    )
    .values(last_seen_at=func.now())
)


def start_session(
    connection: Connection,
    account_id: AccountId,
    *,
    longest: timedelta,
    signed_in_by: SignedInBy = SignedInBy.PASSWORD,
    visitor: Visitor | None = None,
) -> str:
    """The secret of a new session. Raises NotFound, and Conflict where the account is shut out."""
    hold(connection, account_id)
    visitor = visitor or Visitor()
    secret = "lws_" + secrets.token_urlsafe(32)
    connection.execute(
        insert(sessions).values(
            session_digest=secret_digest(secret),
            account_id=account_id,
            signed_in_by=signed_in_by.value,
            network=visitor.network,
            agent=plain_text(visitor.agent)[:MAX_AGENT],
            expires_at=func.now() + longest,
        )
    )
    return secret


def uses_of_sessions(
    connection: Connection, secrets_: Sequence[str], *, idle: timedelta
) -> list[SessionUse | None]:
    """Whose each session is; none if it is unknown or over or its account is shut out."""
    digests = [secret_digest(secret) for secret in secrets_]
    rows = connection.execute(_FOUND, {"digests": digests, "idle": idle}).all()
    if stale := sorted(row.session_digest for row in rows if row.stale):
        connection.execute(_SEEN, {"digests": stale})
    found = {row.session_digest: _use(row) for row in rows}
    return [found.get(digest) for digest in digests]


def list_sessions(
    connection: Connection, account_id: AccountId, *, idle: timedelta, limit: int = 100
) -> list[Session]:
    """The account's sessions that are in force, the last used first."""
    rows = connection.execute(
        select(sessions)
        .where(sessions.c.account_id == account_id, _in_force())
        .order_by(sessions.c.last_seen_at.desc(), sessions.c.session_id)
        .limit(limit),
        {"idle": idle},
    )
    return [_session(row) for row in rows]


def end_session(connection: Connection, secret: str) -> None:
    """Ends the session of that secret, if there is one."""
    _end(connection, sessions.c.session_digest == secret_digest(secret))


def end_named(connection: Connection, session_id: str, *, of: AccountId) -> None:
    """Ends one session of the account. Raises NotFound."""
    mine = (sessions.c.session_id == session_id) & (sessions.c.account_id == of)
    if connection.scalar(select(sessions.c.session_id).where(mine)) is None:
        raise NotFound("there is no such session", hint="the list of sessions has their ids")
    _end(connection, mine)


def end_all(
    connection: Connection,
    account_id: AccountId,
    *,
    but: str | None = None,
    signed_in_by: SignedInBy | None = None,
) -> int:
    """Ends the account's sessions, but for one; how many ended."""
    which = sessions.c.account_id == account_id
    if but is not None:
        which &= sessions.c.session_id != but
    if signed_in_by is not None:
        which &= sessions.c.signed_in_by == signed_in_by.value
    return _end(connection, which)


# -- one-time passwords -----------------------------------------------------------------------


def issue_one_time_password(
    connection: Connection, account_id: AccountId, valid_for: timedelta
) -> str:
    """A password that signs in once, readable over the telephone. Earlier ones end with it.

    Raises NotFound, and Conflict where the account is shut out.
    """
    hold(connection, account_id)
    forget_one_time_passwords(connection, account_id)
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    password = "-".join(groups)
    connection.execute(
        insert(one_time_passwords).values(
            password_digest=secret_digest(_as_typed(password)),
            account_id=account_id,
            expires_at=func.now() + valid_for,
        )
    )
    return password


def forget_one_time_passwords(connection: Connection, account_id: AccountId) -> None:
    """Ends those that wait to be used."""
    connection.execute(
        update(one_time_passwords)
        .where(
            one_time_passwords.c.account_id == account_id,
            one_time_passwords.c.used_at.is_(None),
            one_time_passwords.c.expires_at > func.now(),
        )
        .values(expires_at=func.now())
    )


def redeem_one_time_password(connection: Connection, name: str, password: str) -> Account | None:
    """The account that signs in; none if the password is not this account's to use now.

    One statement, the same for a name that nobody has as for a wrong password.
    """
    row = connection.execute(
        update(one_time_passwords)
        .where(
            one_time_passwords.c.password_digest == secret_digest(_as_typed(password)),
            one_time_passwords.c.used_at.is_(None),
            one_time_passwords.c.expires_at > func.now(),
            accounts.c.account_id == one_time_passwords.c.account_id,
            accounts.c.name == name,
            accounts.c.disabled_at.is_(None),
        )
        .values(used_at=func.now())
        .returning(accounts, CLEARANCE)
    ).one_or_none()
    return None if row is None else account_of(row)


def _end(connection: Connection, which: ColumnElement[bool]) -> int:
    return connection.execute(
        update(sessions).where(which, sessions.c.revoked_at.is_(None)).values(revoked_at=func.now())
    ).rowcount


def _as_typed(password: str) -> str:
    return "".join(letter for letter in password.lower() if letter in _LETTERS)


def _use(row: Row[*tuple[object, ...]]) -> SessionUse:
    return SessionUse(
        account=account_of(row),
        session_id=row.session_id,
        signed_in_by=SignedInBy(row.signed_in_by),
    )


def _session(row: Row[*tuple[object, ...]]) -> Session:
    return Session(
        session_id=row.session_id,
        account_id=row.account_id,
        signed_in_by=SignedInBy(row.signed_in_by),
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        network=row.network,
        agent=row.agent,
    )
