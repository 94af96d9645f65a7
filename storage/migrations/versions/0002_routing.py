"""Routing: profiles of reviewers, routing documents, and the lanes in which a round's tasks wait.

Revision: 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "routings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_routings_version_counts_from_one")),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_routings")),
    )
    op.create_table(
        "profiles",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("expertise", postgresql.JSONB(), nullable=False),
        sa.Column("languages", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("clearance", sa.Integer(), nullable=False),
        sa.Column("capacity_per_day", sa.Integer(), nullable=True),
        sa.Column("absences", postgresql.JSONB(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_profiles_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_profiles")),
    )
    op.create_table(
        "profile_changes",
        sa.Column("change_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=False),
        sa.Column("after", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_profile_changes_account_id")
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_profile_changes")),
    )
    op.create_index(
        "ix_profile_changes_account_id_change_id", "profile_changes", ["account_id", "change_id"]
    )
    op.create_table(
        "standings",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("schema_name", sa.Text(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "standing IN ('untried', 'passed', 'paused')", name=op.f("ck_standings_standing")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_standings_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "schema_name", name=op.f("pk_standings")),
    )
    _create_lanes()
    op.create_table(
        "task_skips",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("skipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.task_id"], name=op.f("fk_task_skips_task_id")),
        sa.PrimaryKeyConstraint("task_id", "account_id", name=op.f("pk_task_skips")),
    )
    op.create_index(
        "ix_tasks_lease_until",
        "tasks",
        ["lease_until"],
        postgresql_where=sa.text("status = 'claimed'"),
    )
    op.create_index(
        "ix_tasks_suspended_until",
        "tasks",
        ["suspended_until"],
        postgresql_where=sa.text("suspended_until IS NOT NULL"),
    )
    op.create_index(
        "ix_review_receipts_account_id_created_at", "review_receipts", ["account_id", "created_at"]
    )


def _create_lanes() -> None:
    op.create_table(
        "lanes",
        sa.Column("round_id", sa.Text(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("expertise", postgresql.JSONB(), nullable=False),
        sa.Column("clearance", sa.Integer(), nullable=False),
        sa.Column("languages", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("schema_name", sa.Text(), nullable=False),
        sa.Column("calibrated", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("open", sa.Boolean(), server_default="true", nullable=False),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.round_id"], name=op.f("fk_lanes_round_id")),
        sa.PrimaryKeyConstraint("round_id", "lane", name=op.f("pk_lanes")),
    )
    op.create_index(
        "ix_lanes_open", "lanes", ["round_id", "lane"], postgresql_where=sa.text("open")
    )
    # Rounds from before have one lane, in which everybody may work.
    op.execute(
        "INSERT INTO lanes (round_id, lane, queue, expertise, clearance, languages, priority,"
        " schema_name, open)"
        " SELECT round_id, 0, 'general', '{}', 0, '{}', 0, plan->'schema'->>'name',"
        " closed_at IS NULL FROM rounds"
    )
    for table in ("batch_records", "tasks"):
        op.add_column(table, sa.Column("lane", sa.Integer(), server_default="0", nullable=False))
        op.create_foreign_key(
            op.f(f"fk_{table}_round_id_lane"),
            table,
            "lanes",
            ["round_id", "lane"],
            ["round_id", "lane"],
        )
    op.add_column("tasks", sa.Column("suspended_until", sa.DateTime(timezone=True), nullable=True))
    op.drop_index("ix_tasks_queue", table_name="tasks")
    op.create_index(
        "ix_tasks_queue",
        "tasks",
        [
            "round_id",
            "lane",
            "kind",
            sa.literal_column("priority DESC"),
            "deadline",
            "ordinal",
            "task_id",
        ],
        postgresql_where=sa.text("status IN ('open', 'claimed')"),
    )


def downgrade() -> None:
    op.drop_index("ix_review_receipts_account_id_created_at", table_name="review_receipts")
    op.drop_table("task_skips")
    op.drop_index("ix_tasks_suspended_until", table_name="tasks")
    op.drop_index("ix_tasks_lease_until", table_name="tasks")
    op.drop_index("ix_tasks_queue", table_name="tasks")
    op.create_index(
        "ix_tasks_queue",
        "tasks",
        [sa.literal_column("priority DESC"), "deadline", "ordinal", "task_id"],
        postgresql_where=sa.text("status IN ('open', 'claimed')"),
    )
    op.drop_column("tasks", "suspended_until")
    for table in ("tasks", "batch_records"):
        op.drop_constraint(f"fk_{table}_round_id_lane", table, type_="foreignkey")
        op.drop_column(table, "lane")
    for table in ("lanes", "standings", "profile_changes", "profiles", "routings"):
        op.drop_table(table)
