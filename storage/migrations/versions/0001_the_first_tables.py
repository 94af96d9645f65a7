"""The first tables.

Revision: 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("roles", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_name")),
    )
    op.create_table(
        "guidelines",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_guidelines_version_counts_from_one")),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_guidelines")),
    )
    op.create_table(
        "label_schemas",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_label_schemas_version_counts_from_one")),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_label_schemas")),
    )
    op.create_table(
        "participations",
        sa.Column("round_id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "part IN ('review', 'adjudication')", name=op.f("ck_participations_part")
        ),
        sa.PrimaryKeyConstraint(
            "round_id", "record_id", "account_id", name=op.f("pk_participations")
        ),
        sa.UniqueConstraint(
            "round_id", "record_id", "account_id", "part", name="uq_participations_part"
        ),
    )
    op.create_table(
        "policies",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approval_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("version >= 1", name=op.f("ck_policies_version_counts_from_one")),
        sa.CheckConstraint(
            "approved_by <> created_by",
            name=op.f("ck_policies_approved_by_another_than_the_author"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(approved_by, approved_at, approval_reason) IN (0, 3)",
            name=op.f("ck_policies_approval_with_time_and_reason"),
        ),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_policies")),
    )
    op.create_table(
        "api_tokens",
        sa.Column("token_digest", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_api_tokens_account_id")
        ),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_api_tokens")),
    )
    op.create_index("ix_api_tokens_account_id", "api_tokens", ["account_id"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("response", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "status BETWEEN 200 AND 599", name=op.f("ck_idempotency_keys_status_is_http")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_idempotency_keys_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "key", "route", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(
        "ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False
    )
    op.create_table(
        "one_time_passwords",
        sa.Column("password_digest", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_one_time_passwords_account_id")
        ),
        sa.PrimaryKeyConstraint("password_digest", name=op.f("pk_one_time_passwords")),
    )
    op.create_index(
        "ix_one_time_passwords_account_id", "one_time_passwords", ["account_id"], unique=False
    )
    op.create_table(
        "pools",
        sa.Column("pool_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("schema_name", sa.Text(), nullable=True),
        sa.Column("schema_version", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("kind IN ('text', 'table', 'image')", name=op.f("ck_pools_kind")),
        sa.CheckConstraint(
            "(schema_name IS NULL) = (schema_version IS NULL)",
            name=op.f("ck_pools_schema_with_version"),
        ),
        sa.ForeignKeyConstraint(
            ["schema_name", "schema_version"],
            ["label_schemas.name", "label_schemas.version"],
            name=op.f("fk_pools_schema_name_schema_version"),
        ),
        sa.PrimaryKeyConstraint("pool_id", name=op.f("pk_pools")),
    )
    op.create_table(
        "sessions",
        sa.Column("session_digest", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_sessions_account_id")
        ),
        sa.PrimaryKeyConstraint("session_digest", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"], unique=False)
    op.create_table(
        "imports",
        sa.Column("import_id", sa.Text(), nullable=False),
        sa.Column("pool_id", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("read", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("accepted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rejected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "rejections",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="[]",
            nullable=False,
        ),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "accepted + unchanged + rejected = read", name=op.f("ck_imports_every_row_is_counted")
        ),
        sa.CheckConstraint("updated <= accepted", name=op.f("ck_imports_updates_are_accepted")),
        sa.ForeignKeyConstraint(["pool_id"], ["pools.pool_id"], name=op.f("fk_imports_pool_id")),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_imports")),
    )
    op.create_index(
        "ix_imports_pool_id_created_at", "imports", ["pool_id", "created_at"], unique=False
    )
    op.create_table(
        "records",
        sa.Column("pool_id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(collation="C"), nullable=False),
        sa.Column("record_digest", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_digest", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("role IN ('train', 'test')", name=op.f("ck_records_role")),
        sa.CheckConstraint(
            "(label IS NULL) = (role IS NULL)", name=op.f("ck_records_role_with_label")
        ),
        sa.ForeignKeyConstraint(["pool_id"], ["pools.pool_id"], name=op.f("fk_records_pool_id")),
        sa.PrimaryKeyConstraint("pool_id", "record_id", name=op.f("pk_records")),
    )
    op.create_index(
        "ix_records_labelled",
        "records",
        ["pool_id", "role"],
        unique=False,
        postgresql_where=sa.text("label IS NOT NULL"),
    )
    op.create_table(
        "rounds",
        sa.Column("round_id", sa.Text(), nullable=False),
        sa.Column("pool_id", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("plan", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column(
            "awaiting", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column(
            "summary", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column(
            "failure", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("ledger_head", sa.Text(), nullable=True),
        sa.Column("ledger_length", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["pool_id"], ["pools.pool_id"], name=op.f("fk_rounds_pool_id")),
        sa.PrimaryKeyConstraint("round_id", name=op.f("pk_rounds")),
    )
    op.create_index(
        "ix_rounds_awaiting_archive",
        "rounds",
        ["closed_at"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NOT NULL AND archived_at IS NULL"),
    )
    op.create_index(
        "ix_rounds_created_at_round_id", "rounds", ["created_at", "round_id"], unique=False
    )
    op.create_index(
        "ix_rounds_pool_id_created_at", "rounds", ["pool_id", "created_at"], unique=False
    )
    op.create_table(
        "archived_histories",
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("round_id", sa.Text(), nullable=False),
        sa.Column("workflow_type", sa.Text(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["round_id"], ["rounds.round_id"], name=op.f("fk_archived_histories_round_id")
        ),
        sa.PrimaryKeyConstraint("workflow_id", "run_id", name=op.f("pk_archived_histories")),
    )
    op.create_index(
        "ix_archived_histories_round_id", "archived_histories", ["round_id"], unique=False
    )
    op.create_table(
        "batch_records",
        sa.Column("round_id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("content_digest", sa.Text(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("propensity", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("predicted", sa.Text(), nullable=True),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["round_id"], ["rounds.round_id"], name=op.f("fk_batch_records_round_id")
        ),
        sa.PrimaryKeyConstraint("round_id", "record_id", name=op.f("pk_batch_records")),
        sa.UniqueConstraint("round_id", "ordinal", name=op.f("uq_batch_records_round_id_ordinal")),
    )
    op.create_table(
        "dataset_versions",
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("parent_version", sa.Integer(), nullable=True),
        sa.Column("round_id", sa.Text(), nullable=False),
        sa.Column("manifest", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("manifest_sha256", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("roles", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("ledger_head", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(version = 1) = (parent_version IS NULL)",
            name=op.f("ck_dataset_versions_first_has_no_parent"),
        ),
        sa.CheckConstraint(
            "parent_version = version - 1", name=op.f("ck_dataset_versions_parent_comes_before")
        ),
        sa.CheckConstraint(
            "version >= 1", name=op.f("ck_dataset_versions_version_counts_from_one")
        ),
        sa.ForeignKeyConstraint(
            ["dataset", "parent_version"],
            ["dataset_versions.dataset", "dataset_versions.version"],
            name=op.f("fk_dataset_versions_dataset_parent_version"),
        ),
        sa.ForeignKeyConstraint(
            ["round_id"], ["rounds.round_id"], name=op.f("fk_dataset_versions_round_id")
        ),
        sa.PrimaryKeyConstraint("dataset", "version", name=op.f("pk_dataset_versions")),
        sa.UniqueConstraint("round_id", name=op.f("uq_dataset_versions_round_id")),
    )
    op.create_index(
        "ix_dataset_versions_published_at", "dataset_versions", ["published_at"], unique=False
    )
    op.create_table(
        "evaluations",
        sa.Column("round_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["round_id"], ["rounds.round_id"], name=op.f("fk_evaluations_round_id")
        ),
        sa.PrimaryKeyConstraint("round_id", "name", name=op.f("pk_evaluations")),
    )
    op.create_table(
        "model_versions",
        sa.Column("round_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("artifact", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("dataset_version", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("classes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("labelled", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("part IN ('before', 'after')", name=op.f("ck_model_versions_part")),
        sa.ForeignKeyConstraint(
            ["round_id"], ["rounds.round_id"], name=op.f("fk_model_versions_round_id")
        ),
        sa.PrimaryKeyConstraint("round_id", "part", name=op.f("pk_model_versions")),
    )
    op.create_index("ix_model_versions_created_at", "model_versions", ["created_at"], unique=False)
    op.create_index("ix_model_versions_digest", "model_versions", ["digest"], unique=False)
    op.create_table(
        "outcomes",
        sa.Column("round_id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column(
            "verdict", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("label_confidence", sa.Double(), nullable=True),
        sa.Column("reviews", sa.Integer(), nullable=False),
        sa.Column("look", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("look >= 1", name=op.f("ck_outcomes_look_counts_from_one")),
        sa.ForeignKeyConstraint(
            ["round_id"], ["rounds.round_id"], name=op.f("fk_outcomes_round_id")
        ),
        sa.PrimaryKeyConstraint("round_id", "record_id", name=op.f("pk_outcomes")),
    )
    op.create_table(
        "reviews",
        sa.Column("review_id", sa.Text(), nullable=False),
        sa.Column("round_id", sa.Text(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("verdict", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("rationale", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("guideline", sa.Text(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("look", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(status = 'refused') = (refusal <> '')", name=op.f("ck_reviews_a_refusal_has_a_reason")
        ),
        sa.CheckConstraint("kind IN ('review', 'adjudication')", name=op.f("ck_reviews_kind")),
        sa.CheckConstraint("status IN ('accepted', 'refused')", name=op.f("ck_reviews_status")),
        sa.ForeignKeyConstraint(
            ["round_id"], ["rounds.round_id"], name=op.f("fk_reviews_round_id")
        ),
        sa.PrimaryKeyConstraint("review_id", name=op.f("pk_reviews")),
    )
    op.create_index(
        "ix_reviews_account_id_submitted_at",
        "reviews",
        ["account_id", "submitted_at"],
        unique=False,
    )
    op.create_index(
        "ix_reviews_round_id_record_id", "reviews", ["round_id", "record_id"], unique=False
    )
    op.create_table(
        "superseded_records",
        sa.Column("pool_id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("record_digest", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_digest", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column(
            "superseded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["pool_id", "record_id"],
            ["records.pool_id", "records.record_id"],
            name=op.f("fk_superseded_records_pool_id_record_id"),
        ),
        sa.PrimaryKeyConstraint(
            "pool_id", "record_id", "record_digest", name=op.f("pk_superseded_records")
        ),
    )
    op.create_table(
        "tasks",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("round_id", sa.Text(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("pool_id", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review_id", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('review', 'adjudication')", name=op.f("ck_tasks_kind")),
        sa.CheckConstraint(
            "status <> 'open' OR holder IS NULL", name=op.f("ck_tasks_an_open_task_has_no_holder")
        ),
        sa.CheckConstraint(
            "status IN ('open', 'claimed', 'submitted', 'done', 'closed')",
            name=op.f("ck_tasks_status"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('claimed', 'submitted') OR num_nulls(holder, lease_until) = 0",
            name=op.f("ck_tasks_a_claim_has_a_holder"),
        ),
        sa.ForeignKeyConstraint(
            ["round_id", "record_id", "holder", "kind"],
            [
                "participations.round_id",
                "participations.record_id",
                "participations.account_id",
                "participations.part",
            ],
            name="fk_tasks_duties_are_separate",
        ),
        sa.ForeignKeyConstraint(
            ["round_id", "record_id"],
            ["batch_records.round_id", "batch_records.record_id"],
            name=op.f("fk_tasks_round_id_record_id"),
        ),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.round_id"], name=op.f("fk_tasks_round_id")),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_tasks")),
    )
    op.create_index(
        "ix_tasks_holder",
        "tasks",
        ["holder"],
        unique=False,
        postgresql_where=sa.text("status = 'claimed'"),
    )
    op.create_index(
        "ix_tasks_queue",
        "tasks",
        [sa.literal_column("priority DESC"), "deadline", "ordinal", "task_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('open', 'claimed')"),
    )
    op.create_index("ix_tasks_round_id_record_id", "tasks", ["round_id", "record_id"], unique=False)
    op.create_index("ix_tasks_round_id_shard", "tasks", ["round_id", "shard"], unique=False)
    op.create_index(
        "uq_tasks_one_slot_a_person",
        "tasks",
        ["round_id", "shard", "record_id", "holder"],
        unique=True,
        postgresql_where=sa.text("holder IS NOT NULL"),
    )
    op.create_table(
        "review_receipts",
        sa.Column("review_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("body_digest", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.task_id"], name=op.f("fk_review_receipts_task_id")
        ),
        sa.PrimaryKeyConstraint("review_id", name=op.f("pk_review_receipts")),
    )
    op.create_index(
        "ix_review_receipts_task_id_account_id",
        "review_receipts",
        ["task_id", "account_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_review_receipts_task_id_account_id", table_name="review_receipts")
    op.drop_table("review_receipts")
    op.drop_index(
        "uq_tasks_one_slot_a_person",
        table_name="tasks",
        postgresql_where=sa.text("holder IS NOT NULL"),
    )
    op.drop_index("ix_tasks_round_id_shard", table_name="tasks")
    op.drop_index("ix_tasks_round_id_record_id", table_name="tasks")
    op.drop_index(
        "ix_tasks_queue",
        table_name="tasks",
        postgresql_where=sa.text("status IN ('open', 'claimed')"),
    )
    op.drop_index(
        "ix_tasks_holder", table_name="tasks", postgresql_where=sa.text("status = 'claimed'")
    )
    op.drop_table("tasks")
    op.drop_table("superseded_records")
    op.drop_index("ix_reviews_round_id_record_id", table_name="reviews")
    op.drop_index("ix_reviews_account_id_submitted_at", table_name="reviews")
    op.drop_table("reviews")
    op.drop_table("outcomes")
    op.drop_index("ix_model_versions_digest", table_name="model_versions")
    op.drop_index("ix_model_versions_created_at", table_name="model_versions")
    op.drop_table("model_versions")
    op.drop_table("evaluations")
    op.drop_index("ix_dataset_versions_published_at", table_name="dataset_versions")
    op.drop_table("dataset_versions")
    op.drop_table("batch_records")
    op.drop_index("ix_archived_histories_round_id", table_name="archived_histories")
    op.drop_table("archived_histories")
    op.drop_index("ix_rounds_pool_id_created_at", table_name="rounds")
    op.drop_index("ix_rounds_created_at_round_id", table_name="rounds")
    op.drop_index(
        "ix_rounds_awaiting_archive",
        table_name="rounds",
        postgresql_where=sa.text("closed_at IS NOT NULL AND archived_at IS NULL"),
    )
    op.drop_table("rounds")
    op.drop_index(
        "ix_records_labelled", table_name="records", postgresql_where=sa.text("label IS NOT NULL")
    )
    op.drop_table("records")
    op.drop_index("ix_imports_pool_id_created_at", table_name="imports")
    op.drop_table("imports")
    op.drop_index("ix_sessions_account_id", table_name="sessions")
    op.drop_table("sessions")
    op.drop_table("pools")
    op.drop_index("ix_one_time_passwords_account_id", table_name="one_time_passwords")
    op.drop_table("one_time_passwords")
    op.drop_index("ix_idempotency_keys_created_at", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index("ix_api_tokens_account_id", table_name="api_tokens")
    op.drop_table("api_tokens")
    op.drop_table("policies")
    op.drop_table("participations")
    op.drop_table("label_schemas")
    op.drop_table("guidelines")
    op.drop_table("accounts")
