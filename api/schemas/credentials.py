"""Tokens, sessions and identities, without their secrets."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict, Field

from api.schemas.body import Body
from domain.credentials import SignedInBy, TokenScope
from domain.ids import AccountId, Timestamp
from storage.identities import MAX_SUBJECT, Link
from storage.sessions import Session
from storage.tokens import Token

MAX_DAYS = 3_650


@dataclass(frozen=True, kw_only=True)
class TokenView:
    token_id: str
    account_id: AccountId
    label: str
    scope: TokenScope
    created_at: Timestamp
    expires_at: Timestamp | None
    last_used_at: Timestamp | None
    """To the minute."""
    last_network: str | None
    """Where it was last used from, as a /24 or /48."""
    current: bool
    """Whether it is the token of this very request."""

    @classmethod
    def of(cls, token: Token, *, current: str | None) -> TokenView:
        return cls(
            token_id=token.token_id,
            account_id=token.account_id,
            label=token.label,
            scope=token.scope,
            created_at=token.created_at,
            expires_at=token.expires_at,
            last_used_at=token.last_used_at,
            last_network=token.last_network,
            current=token.token_id == current,
        )


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """A new token with its secret, which is shown this once and stored as a digest only."""

    token: str | None
    """None in a repeated answer."""
    details: TokenView


@dataclass(frozen=True, kw_only=True)
class SessionView:
    session_id: str
    signed_in_by: SignedInBy
    created_at: Timestamp
    last_seen_at: Timestamp
    """To the minute."""
    expires_at: Timestamp
    network: str
    """Where it began, as a /24 or /48."""
    agent: str
    """What the browser called itself."""
    current: bool
    """Whether it is the session of this very request."""

    @classmethod
    def of(cls, session: Session, *, current: str | None) -> SessionView:
        return cls(
            session_id=session.session_id,
            signed_in_by=session.signed_in_by,
            created_at=session.created_at,
            last_seen_at=session.last_seen_at,
            expires_at=session.expires_at,
            network=session.network,
            agent=session.agent,
            current=session.session_id == current,
        )


@dataclass(frozen=True, kw_only=True)
class IdentityView:
    identity_id: str
    issuer: str
    subject: str
    linked_by: str
    created_at: Timestamp

    @classmethod
    def of(cls, link: Link) -> IdentityView:
        return cls(
            identity_id=link.identity_id,
            issuer=link.issuer,
            subject=link.subject,
            linked_by=link.linked_by,
            created_at=link.created_at,
        )


class TokenBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"label": "nightly import", "scope": "full", "expires_in_days": 90}]
        }
    )

    label: str = Field(default="api", min_length=1, max_length=100)
    scope: TokenScope = TokenScope.FULL
    expires_in_days: int | None = Field(default=None, ge=1, le=MAX_DAYS)
    """None: as long as the settings allow."""


class IdentityBody(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"subject": "auth0|5f7c8ec7c33c6c004bbafe82"}]}
    )

    subject: str = Field(min_length=1, max_length=MAX_SUBJECT)
    issuer: str | None = Field(default=None, min_length=1, max_length=2_000)
    """None: the issuer that people sign in with."""
