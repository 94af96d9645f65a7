"""How accounts prove who they are. Secrets are kept as digests only."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    func,
    text,
)

from storage.tables.columns import Instant, created_at, metadata


def _account() -> Column[str]:
    return Column("account_id", Text, ForeignKey("accounts.account_id"), nullable=False)


def _random_id(prefix: str) -> TextClause:
    return text(f"'{prefix}' || replace(gen_random_uuid()::text, '-', '')")


api_tokens = Table(
    "api_tokens",
    metadata,
    Column("token_digest", Text, primary_key=True),
    Column("token_id", Text, nullable=False, server_default=_random_id("tok-")),
    _account(),
    Column("label", Text, nullable=False),
    Column("scope", Text, nullable=False, server_default="full"),
    created_at(),
    Column("expires_at", Instant),
    Column("last_used_at", Instant),
    Column("last_network", Text),
    Column("revoked_at", Instant),
    CheckConstraint("scope IN ('full', 'read')", name="scope"),
    UniqueConstraint("token_id"),
    Index("ix_api_tokens_account_id", "account_id"),
)
"""`token_id` names a token without being one: it may stand in lists and addresses."""

one_time_passwords = Table(
    "one_time_passwords",
    metadata,
    Column("password_digest", Text, primary_key=True),
    _account(),
    created_at(),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Index("ix_one_time_passwords_account_id", "account_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_digest", Text, primary_key=True),
    Column("session_id", Text, nullable=False, server_default=_random_id("ses-")),
    _account(),
    Column("signed_in_by", Text, nullable=False, server_default="password"),
    created_at(),
    Column("last_seen_at", Instant, nullable=False, server_default=func.now()),
    Column("network", Text, nullable=False, server_default=""),
    Column("agent", Text, nullable=False, server_default=""),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    CheckConstraint("signed_in_by IN ('password', 'oidc')", name="signed_in_by"),
    UniqueConstraint("session_id"),
    Index("ix_sessions_account_id", "account_id"),
)

identities = Table(
    "identities",
    metadata,
    Column("identity_id", Text, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    _account(),
    Column("linked_by", Text, nullable=False),
    created_at(),
    UniqueConstraint("issuer", "subject"),
    Index("ix_identities_account_id", "account_id"),
)
"""Whom an identity provider means by a subject. Never told by an e-mail address, which another
person may get hold of."""

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("state_digest", Text, primary_key=True),
    Column("browser_digest", Text, nullable=False),
    Column("next_path", Text, nullable=False),
    created_at(),
    Column("expires_at", Instant, nullable=False),
    Index("ix_sign_ins_expires_at", "expires_at"),
)
"""People who are at their identity provider now; a row goes when one comes back."""

failed_attempts = Table(
    "failed_attempts",
    metadata,
    Column("key_digest", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("refused_until", Instant),
    Index("ix_failed_attempts_last_at", "last_at"),
)
"""Digests of names and addresses: what people type into a field for names may be a password."""
