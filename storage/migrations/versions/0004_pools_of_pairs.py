"""Pools of pairs.

Revision: 0004.
"""

from __future__ import annotations

from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    _allow("'text', 'table', 'image', 'pair'")


def downgrade() -> None:
    _allow("'text', 'table', 'image'")


def _allow(kinds: str) -> None:
    op.drop_constraint(op.f("ck_pools_kind"), "pools", type_="check")
    op.create_check_constraint(op.f("ck_pools_kind"), "pools", f"kind IN ({kinds})")
