"""Identities of a provider, tokens and sessions that can be listed and ended, failed attempts.

Revision: 0012.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    _name("api_tokens", "token_id", "tok-")
    op.add_column(
        "api_tokens", sa.Column("scope", sa.Text(), nullable=False, server_default="full")
    )
    op.add_column("api_tokens", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.add_column("api_tokens", sa.Column("last_network", sa.Text()))
    op.create_check_constraint(
        op.f("ck_api_tokens_scope"), "api_tokens", "scope IN ('full', 'read')"
    )
    _name("sessions", "session_id", "ses-")
    op.add_column(
        "sessions",
        sa.Column("signed_in_by", sa.Text(), nullable=False, server_default="password"),
    )
    # Whoever is signed in while this runs stays so.
    op.add_column(
        "sessions",
        sa.Column(
            "last_seen_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("now()"),
        ),
    )
    op.execute(
        "UPDATE sessions SET last_seen_at = created_at"
        " WHERE revoked_at IS NOT NULL OR expires_at <= now()"
    )
    for column in ("network", "agent"):
        op.add_column("sessions", sa.Column(column, sa.Text(), nullable=False, server_default=""))
    op.create_check_constraint(
        op.f("ck_sessions_signed_in_by"), "sessions", "signed_in_by IN ('password', 'oidc')"
    )
    # What an account that is shut out could still prove itself with ends for good.
    for table, ended in (("api_tokens", "revoked_at"), ("sessions", "revoked_at")):
        op.execute(
            f"UPDATE {table} SET {ended} = now() FROM accounts"  # noqa: S608 - names from here
            f" WHERE accounts.account_id = {table}.account_id"
            f" AND accounts.disabled_at IS NOT NULL AND {ended} IS NULL"
        )
    _create_identities()
    _create_sign_ins()
    _create_failed_attempts()


def downgrade() -> None:
    for table in ("failed_attempts", "sign_ins", "identities"):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_sessions_signed_in_by"), "sessions", type_="check")
    for column in ("agent", "network", "last_seen_at", "signed_in_by", "session_id"):
        op.drop_column("sessions", column)
    op.drop_constraint(op.f("ck_api_tokens_scope"), "api_tokens", type_="check")
    # Code that knows no scope and no end would take these for more than they are.
    op.execute(
        "UPDATE api_tokens SET revoked_at = now()"
        " WHERE revoked_at IS NULL AND (scope <> 'full' OR expires_at IS NOT NULL)"
    )
    for column in ("last_network", "expires_at", "scope", "token_id"):
        op.drop_column("api_tokens", column)


def _name(table: str, column: str, prefix: str) -> None:
    """A public id for each row, which tells nothing of the secret."""
    made = sa.text(f"'{prefix}' || replace(gen_random_uuid()::text, '-', '')")
    # A default that differs from row to row is worked out for each row that is there.
    op.add_column(table, sa.Column(column, sa.Text(), nullable=False, server_default=made))
    op.create_unique_constraint(op.f(f"uq_{table}_{column}"), table, [column])


def _create_identities() -> None:
    op.create_table(
        "identities",
        sa.Column("identity_id", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("linked_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_identities_account_id")
        ),
        sa.PrimaryKeyConstraint("identity_id", name=op.f("pk_identities")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_identities_issuer_subject")),
    )
    op.create_index("ix_identities_account_id", "identities", ["account_id"])


def _create_sign_ins() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("state_digest", sa.Text(), nullable=False),
        sa.Column("browser_digest", sa.Text(), nullable=False),
        sa.Column("next_path", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_digest", name=op.f("pk_sign_ins")),
    )
    op.create_index("ix_sign_ins_expires_at", "sign_ins", ["expires_at"])


def _create_failed_attempts() -> None:
    op.create_table(
        "failed_attempts",
        sa.Column("key_digest", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refused_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key_digest", name=op.f("pk_failed_attempts")),
    )
    op.create_index("ix_failed_attempts_last_at", "failed_attempts", ["last_at"])
