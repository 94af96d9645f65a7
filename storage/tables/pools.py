"""Pools with their records and imports, and the versioned definitions that rounds pin."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

from storage.tables.columns import Instant, created_at, level, metadata


def _definitions(name: str, *more: SchemaItem) -> Table:
    return Table(
        name,
        metadata,
        Column("name", Text, primary_key=True),
        Column("version", Integer, primary_key=True),
        Column("body", JSONB, nullable=False),
        Column("digest", Text, nullable=False),
        Column("created_by", Text, nullable=False),
        created_at(),
        CheckConstraint("version >= 1", name="version_counts_from_one"),
        *more,
    )


label_schemas = _definitions("label_schemas")
guidelines = _definitions("guidelines")
routings = _definitions(
    "routings",
    # As it was written, comments and all.
    Column("source", Text, nullable=False),
)
policies = _definitions(
    "policies",
    # As it was written, comments and all; what it says is in `body`.
    Column("source", Text, nullable=False),
    Column("approved_by", Text),
    Column("approved_at", Instant),
    Column("approval_reason", Text),
    CheckConstraint("approved_by <> created_by", name="approved_by_another_than_the_author"),
    CheckConstraint(
        "num_nonnulls(approved_by, approved_at, approval_reason) IN (0, 3)",
        name="approval_with_time_and_reason",
    ),
)

pools = Table(
    "pools",
    metadata,
    Column("pool_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("schema_name", Text),
    Column("schema_version", Integer),
    Column("created_by", Text, nullable=False),
    created_at(),
    CheckConstraint("kind IN ('text', 'table', 'image', 'pair')", name="kind"),
    CheckConstraint("(schema_name IS NULL) = (schema_version IS NULL)", name="schema_with_version"),
    ForeignKeyConstraint(
        ["schema_name", "schema_version"], ["label_schemas.name", "label_schemas.version"]
    ),
)


def _content() -> list[Column[str]]:
    # Canonical JSON as text: jsonb would rewrite numbers, and the digest would no longer match.
    return [
        Column("content", Text, nullable=False),
        # Of the content alone: by it a round names what it selected, and twins are told.
        Column("content_digest", Text, nullable=False),
        Column("metadata", Text, nullable=False),
        Column("label", Text),
        Column("role", Text),
    ]


records = Table(
    "records",
    metadata,
    Column("pool_id", Text, ForeignKey("pools.pool_id"), primary_key=True),
    # By bytes, not by the server's locale: the order of a snapshot is a part of its digest.
    Column("record_id", Text(collation="C"), primary_key=True),
    Column("record_digest", Text, nullable=False),
    *_content(),
    created_at(),
    Column("updated_at", Instant, nullable=False, server_default=func.now()),
    CheckConstraint("role IN ('train', 'test', 'gold')", name="role"),
    CheckConstraint("(label IS NULL) = (role IS NULL)", name="role_with_label"),
    # Of what nobody has looked at: the highest.
    *level(unsaid=3),
    # Labelled records are few: counting them must not read the pool.
    Index("ix_records_labelled", "pool_id", "role", postgresql_where=text("label IS NOT NULL")),
)

superseded_records = Table(
    "superseded_records",
    metadata,
    Column("pool_id", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("record_digest", Text, primary_key=True),
    *_content(),
    Column("superseded_at", Instant, nullable=False, server_default=func.now()),
    # Of what nobody has looked at: the highest.
    *level(unsaid=3),
    ForeignKeyConstraint(["pool_id", "record_id"], ["records.pool_id", "records.record_id"]),
)
"""What a record was before an import changed it: open rounds go on with what they selected."""

imports = Table(
    "imports",
    metadata,
    Column("import_id", Text, primary_key=True),
    Column("pool_id", Text, ForeignKey("pools.pool_id"), nullable=False),
    Column("file_name", Text, nullable=False),
    Column("read", BigInteger, nullable=False, server_default="0"),
    Column("accepted", BigInteger, nullable=False, server_default="0"),
    Column("updated", BigInteger, nullable=False, server_default="0"),
    Column("unchanged", BigInteger, nullable=False, server_default="0"),
    Column("rejected", BigInteger, nullable=False, server_default="0"),
    Column("rejections", JSONB, nullable=False, server_default="[]"),
    # What records say of who may see them, and nobody knows the meaning of.
    Column("unknown_words", JSONB, nullable=False, server_default="[]"),
    Column("created_by", Text, nullable=False),
    created_at(),
    Column("finished_at", Instant),
    CheckConstraint("accepted + unchanged + rejected = read", name="every_row_is_counted"),
    CheckConstraint("updated <= accepted", name="updates_are_accepted"),
    Index("ix_imports_pool_id_created_at", "pool_id", "created_at"),
)
