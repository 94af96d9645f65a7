"""API tokens: made, listed, revoked, and whose each one is.

A token is shown once, when it is made. It has 256 random bits, so that a plain digest is enough.
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
    Row,
    Text,
    any_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from domain.credentials import TokenScope
from domain.errors import NotFound
from domain.ids import AccountId, Timestamp
from storage.account_rows import CLEARANCE, Account, account_of, hold, secret_digest
from storage.tables import accounts, api_tokens

PREFIX = "lw_"

# Made once: building a statement takes longer than running it, and every request asks these.
_DIGESTS = bindparam("digests", type_=ARRAY(Text))
# To the minute is enough, and spares a write for each request.
_STALE = or_(
    api_tokens.c.last_used_at.is_(None),
    api_tokens.c.last_used_at < func.now() - timedelta(minutes=1),
)


def in_force() -> ColumnElement[bool]:
    """Whether a token may still be used, as far as it alone says."""
    return api_tokens.c.revoked_at.is_(None) & or_(
        api_tokens.c.expires_at.is_(None), api_tokens.c.expires_at > func.now()
    )


_FOUND = (
    select(
        accounts,
        CLEARANCE,
        api_tokens.c.token_digest,
        api_tokens.c.token_id,
        api_tokens.c.scope,
        api_tokens.c.expires_at,
        api_tokens.c.last_network,
        _STALE.label("stale"),
    )
    .join(api_tokens, api_tokens.c.account_id == accounts.c.account_id)
    .where(
        api_tokens.c.token_digest == any_(_DIGESTS),
        in_force(),
        accounts.c.disabled_at.is_(None),
    )
)
# What another process is about to note is not waited for.
_USED = (
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


@dataclass(frozen=True, kw_only=True)
class TokenUse:
    """Whose a token is and what it is good for."""

    account: Account
    token_id: str
    scope: TokenScope
    expires_at: Timestamp | None
    last_network: str | None
    """Where it was last used from; none before its first use."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token without its secret."""

    token_id: str
    account_id: AccountId
    label: str
    scope: TokenScope
    created_at: Timestamp
    expires_at: Timestamp | None
    last_used_at: Timestamp | None
    last_network: str | None


@dataclass(frozen=True, kw_only=True)
class IssuedToken:
    token: Token
    secret: str
    """To be shown once."""


def issue_token(connection: Connection, account_id: AccountId, label: str) -> str:
    """The secret of a new token of full scope that does not end by itself.

    Raises NotFound and Conflict.
    """
    return issue(connection, account_id, label=label).secret


def issue(
    connection: Connection,
    account_id: AccountId,
    *,
    label: str,
    scope: TokenScope = TokenScope.FULL,
    expires_at: Timestamp | None = None,
) -> IssuedToken:
    """A new token. Raises NotFound, and Conflict where the account is shut out."""
    hold(connection, account_id)
    secret = PREFIX + secrets.token_urlsafe(32)
    row = connection.execute(
        insert(api_tokens)
        .values(
            token_digest=secret_digest(secret),
            account_id=account_id,
            label=label,
            scope=scope.value,
            expires_at=expires_at,
        )
        .returning(api_tokens)
    ).one()
    return IssuedToken(token=_token(row), secret=secret)


def list_tokens(
    connection: Connection, account_id: AccountId, *, after: str | None = None, limit: int = 100
) -> list[Token]:
    """The account's tokens that are in force, by their ids, from the one after `after`."""
    query = (
        select(api_tokens)
        .where(api_tokens.c.account_id == account_id, in_force())
        .order_by(api_tokens.c.token_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(api_tokens.c.token_id > after)
    return [_token(row) for row in connection.execute(query)]


def revoke(connection: Connection, token_id: str, *, of: AccountId | None) -> Token:
    """Ends a token for good; `of` says whose it must be. Raises NotFound."""
    query = update(api_tokens).where(api_tokens.c.token_id == token_id)
    if of is not None:
        query = query.where(api_tokens.c.account_id == of)
    row = connection.execute(
        query.values(revoked_at=func.coalesce(api_tokens.c.revoked_at, func.now())).returning(
            api_tokens
        )
    ).one_or_none()
    if row is None:
        raise NotFound("there is no such token", hint="the list of tokens has their ids")
    return _token(row)


def revoke_all(connection: Connection, account_id: AccountId) -> None:
    connection.execute(
        update(api_tokens)
        .where(api_tokens.c.account_id == account_id, api_tokens.c.revoked_at.is_(None))
        .values(revoked_at=func.now())
    )


def uses_of_tokens(connection: Connection, tokens: Sequence[str]) -> list[TokenUse | None]:
    """What each token is good for; none if it is unknown or over or its account is shut out."""
    digests = [secret_digest(token) for token in tokens]
    rows = connection.execute(_FOUND, {"digests": digests}).all()
    if stale := sorted(row.token_digest for row in rows if row.stale):
        connection.execute(_USED, {"digests": stale})
    found = {row.token_digest: _use(row) for row in rows}
    return [found.get(digest) for digest in digests]


def note_network(connection: Connection, token_id: str, network: str) -> None:
    connection.execute(
        update(api_tokens)
        .where(api_tokens.c.token_id == token_id)
        .values(last_network=network, last_used_at=func.now())
    )


def _use(row: Row[*tuple[object, ...]]) -> TokenUse:
    return TokenUse(
        account=account_of(row),
        token_id=row.token_id,
        scope=TokenScope(row.scope),
        expires_at=row.expires_at,
        last_network=row.last_network,
    )


def _token(row: Row[*tuple[object, ...]]) -> Token:
    return Token(
        token_id=row.token_id,
        account_id=row.account_id,
        label=row.label,
        scope=TokenScope(row.scope),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        last_network=row.last_network,
    )
