"""Archived histories of ended runs are not changed any more, and outlive the read model.

Revision: 0009.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | None = None
depends_on: str | None = None

KEEP = """
CREATE FUNCTION keep_archived_histories() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'archived histories of ended runs are neither changed nor removed'
        USING ERRCODE = 'restrict_violation';
END
$$
"""
ROWS = """
CREATE TRIGGER archived_histories_are_kept BEFORE UPDATE OR DELETE ON archived_histories
    FOR EACH ROW WHEN (OLD.status <> 'running') EXECUTE FUNCTION keep_archived_histories()
"""
TABLE = """
CREATE TRIGGER archived_histories_stay BEFORE TRUNCATE ON archived_histories
    FOR EACH STATEMENT EXECUTE FUNCTION keep_archived_histories()
"""


def upgrade() -> None:
    # The read model can be made again from the archive, so the archive must not hang on it.
    op.drop_constraint("fk_archived_histories_round_id", "archived_histories", type_="foreignkey")
    op.add_column("archived_histories", sa.Column("closed_at", sa.DateTime(timezone=True)))
    op.create_table(
        "archive_progress",
        sa.Column("one", sa.Boolean(), nullable=False),
        sa.Column("swept_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("swept_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("one", name=op.f("ck_archive_progress_one_row")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_archive_progress")),
    )
    for statement in (KEEP, ROWS, TABLE):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER archived_histories_stay ON archived_histories")
    op.execute("DROP TRIGGER archived_histories_are_kept ON archived_histories")
    op.execute("DROP FUNCTION keep_archived_histories()")
    op.drop_table("archive_progress")
    op.drop_column("archived_histories", "closed_at")
    op.create_foreign_key(
        "fk_archived_histories_round_id", "archived_histories", "rounds", ["round_id"], ["round_id"]
    )
