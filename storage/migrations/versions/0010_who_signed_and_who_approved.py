"""The keys that sign who acted, the look that a task belongs to, and duties that stay separate.

Revision: 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None

_FUNCTION = """\
CREATE FUNCTION duties_are_separate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT NEW.break_glass AND (
        EXISTS (
            SELECT FROM rounds
            WHERE round_id = NEW.round_id AND requested_by = NEW.approved_by
        ) OR EXISTS (
            SELECT FROM reviews
            WHERE round_id = NEW.round_id AND account_id = NEW.approved_by
                AND status <> 'refused'
        )
    ) THEN
        RAISE EXCEPTION 'who approved the dataset has another part in round %', NEW.round_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'duties_are_separate',
                DETAIL = 'duties_are_separate';
    END IF;
    RETURN NEW;
END $$
"""

_TRIGGER = """\
CREATE TRIGGER duties_are_separate BEFORE INSERT OR UPDATE OF approved_by, break_glass, round_id
ON dataset_versions FOR EACH ROW EXECUTE FUNCTION duties_are_separate()
"""


def upgrade() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column(
            "first_seen",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_signing_keys")),
    )
    op.add_column("tasks", sa.Column("look", sa.Integer(), server_default="1", nullable=False))
    op.add_column(
        "dataset_versions",
        sa.Column("break_glass", sa.Boolean(), server_default="false", nullable=False),
    )
    op.execute(_FUNCTION)
    op.execute(_TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER duties_are_separate ON dataset_versions")
    op.execute("DROP FUNCTION duties_are_separate()")
    op.drop_column("dataset_versions", "break_glass")
    op.drop_column("tasks", "look")
    op.drop_table("signing_keys")
