"""What people and programs are told: inboxes, webhooks, and what is still to be delivered."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.columns import Instant, created_at, metadata

notices = Table(
    "notices",
    metadata,
    # A digest of what happened: saying it twice finds it told.
    Column("notice_id", Text, primary_key=True),
    Column("sequence", BigInteger, Identity(always=True), nullable=False),
    Column("round_id", Text, ForeignKey("rounds.round_id")),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("sequence"),
)

inbox_entries = Table(
    "inbox_entries",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.account_id"), primary_key=True),
    # The order of an inbox is the key's own, so a page of it is read from the key alone.
    Column("sequence", BigInteger, ForeignKey("notices.sequence"), primary_key=True),
    Column("read_at", Instant),
    Index("ix_inbox_entries_unread", "account_id", postgresql_where=text("read_at IS NULL")),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("webhook_id", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False),
    # Empty: all of them, those of later releases included.
    Column("kinds", ARRAY(Text), nullable=False),
    # Encrypted by a key that the database does not hold; none once the webhook is removed.
    Column("sealed_secret", Text),
    Column("state", Text, nullable=False, server_default="active"),
    Column("state_reason", Text, nullable=False, server_default=""),
    Column("created_by", Text, nullable=False),
    created_at(),
    CheckConstraint("state IN ('active', 'paused', 'removed')", name="state"),
    CheckConstraint("(state = 'removed') = (sealed_secret IS NULL)", name="removed_has_no_secret"),
)

events = Table(
    "events",
    metadata,
    Column("event_id", Text, primary_key=True),
    Column("sequence", BigInteger, Identity(always=True), nullable=False),
    # What is kept in order: a round; an event by itself where there is none.
    Column("stream", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("at", Instant, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("webhook_id", Text, ForeignKey("webhooks.webhook_id"), primary_key=True),
    Column("event_id", Text, ForeignKey("events.event_id"), primary_key=True),
    # The event's own, so that finding the next one of a stream reads one index.
    Column("stream", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", Instant, nullable=False, server_default=text("now()")),
    Column("lease_until", Instant),
    Column("last_status", Integer),
    Column("last_failure", Text, nullable=False, server_default=""),
    Column("last_milliseconds", Integer),
    Column("last_attempt_at", Instant),
    Column("delivered_at", Instant),
    CheckConstraint("state IN ('pending', 'delivered', 'dead', 'dropped')", name="state"),
    CheckConstraint("(state = 'delivered') = (delivered_at IS NOT NULL)", name="delivered_when"),
    Index("ix_deliveries_webhook_id_sequence", "webhook_id", "sequence"),
    Index(
        "ix_deliveries_pending",
        "webhook_id",
        "stream",
        "sequence",
        postgresql_where=text("state = 'pending'"),
    ),
    Index("ix_deliveries_dead", "webhook_id", postgresql_where=text("state = 'dead'")),
)
