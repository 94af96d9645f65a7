"""What rounds leave behind: dataset versions, models, evaluations, archived histories."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.columns import Instant, created_at, level, metadata

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("dataset", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("parent_version", Integer),
    Column("round_id", Text, ForeignKey("rounds.round_id"), nullable=False),
    Column("manifest", JSONB, nullable=False),
    Column("manifest_sha256", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("roles", JSONB, nullable=False),
    Column("ledger_head", Text, nullable=False),
    Column("approved_by", Text, nullable=False),
    Column("published_at", Instant, nullable=False),
    # Only then may who approved it have another part in its round: a trigger refuses the row else.
    Column("break_glass", Boolean, nullable=False, server_default="false"),
    # Of the records in its files, the highest.
    *level(),
    UniqueConstraint("round_id"),
    CheckConstraint("version >= 1", name="version_counts_from_one"),
    CheckConstraint("(version = 1) = (parent_version IS NULL)", name="first_has_no_parent"),
    CheckConstraint("parent_version = version - 1", name="parent_comes_before"),
    ForeignKeyConstraint(
        ["dataset", "parent_version"], ["dataset_versions.dataset", "dataset_versions.version"]
    ),
    Index("ix_dataset_versions_published_at", "published_at"),
)

model_versions = Table(
    "model_versions",
    metadata,
    # A round often starts from the very model that the one before it trained, so a digest alone
    # would not be a key.
    Column("round_id", Text, ForeignKey("rounds.round_id"), primary_key=True),
    Column("part", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("artifact", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("dataset_version", Integer),
    Column("kind", Text, nullable=False),
    Column("classes", JSONB, nullable=False),
    Column("labelled", Integer, nullable=False),
    created_at(),
    CheckConstraint("part IN ('before', 'after')", name="part"),
    Index("ix_model_versions_digest", "digest"),
    Index("ix_model_versions_created_at", "created_at"),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("round_id", Text, ForeignKey("rounds.round_id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("body", JSONB, nullable=False),
    created_at(),
)

archived_histories = Table(
    "archived_histories",
    metadata,
    Column("workflow_id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    # No foreign key: the read model can be made again from the archive, and not the other way.
    Column("round_id", Text, nullable=False),
    Column("workflow_type", Text, nullable=False),
    Column("events", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("archived_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Index("ix_archived_histories_round_id", "round_id"),
)
"""A trigger refuses to change or remove what is archived of a run that has ended."""

archive_progress = Table(
    "archive_progress",
    metadata,
    Column("one", Boolean, primary_key=True),
    Column("swept_until", Instant),
    Column("swept_at", Instant),
    Column("waiting", Integer, nullable=False),
    Column("waiting_since", Instant),
    CheckConstraint("one", name="one_row"),
)
"""How far the sweeps have come, in one row."""
