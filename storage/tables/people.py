"""Accounts and how they prove themselves. Secrets are kept as digests only."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.columns import Instant, created_at, level, metadata


def _account() -> Column[str]:
    return Column("account_id", Text, ForeignKey("accounts.account_id"), nullable=False)


accounts = Table(
    "accounts",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("roles", ARRAY(Text), nullable=False),
    Column("disabled_at", Instant),
    created_at(),
)

account_changes = Table(
    "account_changes",
    metadata,
    Column("change_id", BigInteger, Identity(always=True), primary_key=True),
    _account(),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", Instant, nullable=False, server_default=func.now()),
    Column("reason", Text, nullable=False),
    # None before the account was made.
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB, nullable=False),
    Index("ix_account_changes_account_id_change_id", "account_id", "change_id"),
)
"""Every change of an account's roles, and when it was shut out or let in: written by a trigger, so
that no way to an account is forgotten, and only ever added to."""

profiles = Table(
    "profiles",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.account_id"), primary_key=True),
    Column("expertise", JSONB, nullable=False),
    Column("languages", ARRAY(Text), nullable=False),
    Column("clearance", Integer, nullable=False),
    Column("capacity_per_day", Integer),
    Column("absences", JSONB, nullable=False),
    Column("updated_at", Instant, nullable=False),
)
"""What a person brings. `clearance` is the level, so that SQL can compare it."""

profile_changes = Table(
    "profile_changes",
    metadata,
    Column("change_id", BigInteger, Identity(always=True), primary_key=True),
    _account(),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    Column("before", JSONB, nullable=False),
    Column("after", JSONB, nullable=False),
    Index("ix_profile_changes_account_id_change_id", "account_id", "change_id"),
)
"""Every change of a profile or a standing: only ever added to."""

standings = Table(
    "standings",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.account_id"), primary_key=True),
    Column("schema_name", Text, primary_key=True),
    Column("standing", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    CheckConstraint("standing IN ('untried', 'passed', 'paused')", name="standing"),
)
"""How far a person's answers under a label schema may be relied on; no row: untried."""

gold_answers = Table(
    "gold_answers",
    metadata,
    Column("answer_id", Text, primary_key=True),
    _account(),
    Column("schema_name", Text, nullable=False),
    Column("round_id", Text, ForeignKey("rounds.round_id")),
    Column("record_id", Text, nullable=False),
    Column("correct", Boolean, nullable=False),
    Column("answered_at", Instant, nullable=False),
    *level(),
    Index("ix_gold_answers_account_id_schema_name", "account_id", "schema_name", "answered_at"),
)
"""Answers to records whose answer is known: in a round by the id of the review, in a calibration
without a round."""

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("public_key", Text, nullable=False),
    Column("first_seen", Instant, nullable=False, server_default=func.now()),
    Column("retired_at", Instant),
)
"""The public keys with which the API has ever signed who acted: only ever added to."""

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.account_id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("request_digest", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("response", JSONB, nullable=False),
    created_at(),
    CheckConstraint("status BETWEEN 200 AND 599", name="status_is_http"),
    Index("ix_idempotency_keys_created_at", "created_at"),
)
