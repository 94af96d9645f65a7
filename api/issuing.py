"""Tokens are issued within what the settings allow, and what the caller's own token is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from api.callers import Caller
from api.idempotency import Write, once
from api.schemas.credentials import NewToken, TokenBody, TokenView
from domain.errors import InvalidInput, NotAllowed
from domain.ids import AccountId, Timestamp
from storage import tokens
from workers.settings import Settings


def issued_once(
    connection: Connection,
    write: Write,
    body: TokenBody,
    *,
    account_id: AccountId,
    settings: Settings,
) -> NewToken:
    """A new token of the account, with its secret unless this is a repetition.

    Raises InvalidInput, NotAllowed, NotFound, Conflict.
    """
    expires_at = _end(write.caller, body, settings)
    shown: list[str] = []

    def make() -> TokenView:
        issued = tokens.issue(
            connection, account_id, label=body.label, scope=body.scope, expires_at=expires_at
        )
        shown.append(issued.secret)
        return TokenView.of(issued.token, current=None)

    view = once(connection, write, TokenView, make)
    return NewToken(token=shown[0] if shown else None, details=view)


def _end(caller: Caller, body: TokenBody, settings: Settings) -> Timestamp | None:
    """When the token ends; none for never."""
    if caller.session_id is None and caller.token_id is None:
        raise NotAllowed(
            "a token of the identity provider makes no token that outlives it",
            hint="sign in on the web page, or ask an admin",
        )
    most = settings.token_days
    days = body.expires_in_days
    if most and days is not None and days > most:
        raise InvalidInput(f"a token lives {most} days at most", hint="ask for fewer")
    days = days or most or None
    end = None if days is None else datetime.now(UTC) + timedelta(days=days)
    if caller.token_ends is not None:
        callers_end = datetime.fromisoformat(caller.token_ends)
        # Whoever steals a token that ends soon cannot make it last.
        end = callers_end if end is None else min(end, callers_end)
    return None if end is None else Timestamp(end.isoformat(timespec="microseconds"))
