"""Gold: records with known answers, and how people answered them.

Revision: 0006.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.drop_constraint(op.f("ck_records_role"), "records", type_="check")
    op.create_check_constraint(
        op.f("ck_records_role"), "records", "role IN ('train', 'test', 'gold')"
    )
    op.create_table(
        "gold_answers",
        sa.Column("answer_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("schema_name", sa.Text(), nullable=False),
        sa.Column("round_id", sa.Text(), nullable=True),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("correct", sa.Boolean(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_gold_answers_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["round_id"], ["rounds.round_id"], name=op.f("fk_gold_answers_round_id")
        ),
        sa.PrimaryKeyConstraint("answer_id", name=op.f("pk_gold_answers")),
    )
    op.create_index(
        "ix_gold_answers_account_id_schema_name",
        "gold_answers",
        ["account_id", "schema_name", "answered_at"],
    )


def downgrade() -> None:
    op.drop_table("gold_answers")
    op.execute("UPDATE records SET role = 'test' WHERE role = 'gold'")
    op.drop_constraint(op.f("ck_records_role"), "records", type_="check")
    op.create_check_constraint(op.f("ck_records_role"), "records", "role IN ('train', 'test')")
