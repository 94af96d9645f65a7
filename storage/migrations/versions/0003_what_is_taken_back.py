"""Reviews that do not stand any more, and what escalations add to a task's priority.

Revision: 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column(
        "tasks", sa.Column("urgency", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("reviews", sa.Column("corrects", sa.Text(), nullable=True))
    op.add_column("reviews", sa.Column("retracted_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f("ck_reviews_status"), "reviews")
    op.create_check_constraint(
        op.f("ck_reviews_status"),
        "reviews",
        "status IN ('accepted', 'refused', 'undone', 'corrected')",
    )
    op.create_check_constraint(
        op.f("ck_reviews_what_does_not_stand_says_since_when"),
        "reviews",
        "(retracted_at IS NOT NULL) = (status IN ('undone', 'corrected'))",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_reviews_what_does_not_stand_says_since_when"), "reviews")
    op.drop_constraint(op.f("ck_reviews_status"), "reviews")
    op.create_check_constraint(
        op.f("ck_reviews_status"), "reviews", "status IN ('accepted', 'refused')"
    )
    op.drop_column("reviews", "retracted_at")
    op.drop_column("reviews", "corrects")
    op.drop_column("tasks", "urgency")
