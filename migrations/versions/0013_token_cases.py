"""Accounts behind our addresses, cases of tokens that nobody asked for, notes on lost transfers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

RESOLVED = (
    "(status = 'resolved') = (note IS NOT NULL AND resolved_by IS NOT NULL"
    " AND resolved_at IS NOT NULL)"
)


def upgrade() -> None:
    """Create the tables and the column."""
    op.create_table(
        "chain_accounts",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("located_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("chain", "owner", name=op.f("pk_chain_accounts")),
        sa.UniqueConstraint("chain", "account", name=op.f("uq_chain_accounts_chain_account")),
    )
    op.create_table(
        "token_cases",
        sa.Column("id", sa.BigInteger(), server_default=sa.text("next_id()"), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("business_key", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("vouched", sa.Boolean(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("units", sa.Numeric(78, 0), nullable=True),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("player_id", sa.BigInteger(), nullable=True),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("units > 0", name=op.f("ck_token_cases_units")),
        sa.CheckConstraint("status IN ('open', 'resolved')", name=op.f("ck_token_cases_status")),
        sa.CheckConstraint(RESOLVED, name=op.f("ck_token_cases_resolved")),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_token_cases_player_id_players")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_cases")),
        sa.UniqueConstraint(
            "chain", "business_key", name=op.f("uq_token_cases_chain_business_key")
        ),
    )
    op.create_index("ix_token_cases_status", "token_cases", ["status", "id"])
    op.create_index("ix_token_cases_player_id", "token_cases", ["player_id"])
    op.create_table(
        "token_days",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("kept", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("beyond", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("kept >= 0 AND beyond >= 0", name=op.f("ck_token_days_counts")),
        sa.PrimaryKeyConstraint("chain", "day", "token", name=op.f("pk_token_days")),
    )
    op.add_column("unclaimed_transfers", sa.Column("note", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop them; what was decided stays in the audit log."""
    op.drop_column("unclaimed_transfers", "note")
    op.drop_table("token_days")
    op.drop_table("token_cases")
    op.drop_table("chain_accounts")
