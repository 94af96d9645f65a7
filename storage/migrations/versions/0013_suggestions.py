"""Who asked what the model says of a record, and where a guideline does not decide.

Revision: 0013.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "suggestions_seen",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column(
            "seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.task_id"], name=op.f("fk_suggestions_seen_task_id")
        ),
        sa.PrimaryKeyConstraint("task_id", "account_id", name=op.f("pk_suggestions_seen")),
    )
    op.execute("ALTER TABLE suggestions_seen ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY cleared ON suggestions_seen USING"
        " (EXISTS (SELECT 1 FROM tasks t WHERE t.task_id = suggestions_seen.task_id))"
    )
    op.create_table(
        "guideline_gaps",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("guideline", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column(
            "reported_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.task_id"], name=op.f("fk_guideline_gaps_task_id")
        ),
        sa.PrimaryKeyConstraint("task_id", "account_id", name=op.f("pk_guideline_gaps")),
    )
    op.create_index("ix_guideline_gaps_guideline", "guideline_gaps", ["guideline", "reported_at"])
    op.execute("ALTER TABLE guideline_gaps ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY cleared ON guideline_gaps USING"
        " (EXISTS (SELECT 1 FROM tasks t WHERE t.task_id = guideline_gaps.task_id))"
    )


def downgrade() -> None:
    op.drop_table("guideline_gaps")
    op.drop_table("suggestions_seen")
