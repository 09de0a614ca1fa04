"""Quotes of fees, prices of networks, saved addresses, and what makes a new address wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and columns; withdrawals made before have no quote."""
    op.create_table(
        "withdrawal_quotes",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("fee_units", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "fee_units >= 0 AND units > fee_units", name=op.f("ck_withdrawal_quotes_units")
        ),
        sa.CheckConstraint("expires_at > made_at", name=op.f("ck_withdrawal_quotes_lifetime")),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_withdrawal_quotes_player_id_players")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawal_quotes")),
    )
    op.create_index(
        "ix_withdrawal_quotes_player_id", "withdrawal_quotes", ["player_id", "expires_at"]
    )
    op.add_column("withdrawals", sa.Column("quote_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_withdrawals_quote_id_withdrawal_quotes"),
        "withdrawals",
        "withdrawal_quotes",
        ["quote_id"],
        ["id"],
    )
    op.create_unique_constraint(op.f("uq_withdrawals_quote_id"), "withdrawals", ["quote_id"])
    op.create_table(
        "network_fees",
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("units >= 0", name=op.f("ck_network_fees_units")),
        sa.PrimaryKeyConstraint("rail", name=op.f("pk_network_fees")),
    )
    op.add_column("rails", sa.Column("fee_policy", postgresql.JSONB(), nullable=True))
    op.add_column(
        "cashier_terms",
        sa.Column(
            "address_cool_down_hours",
            sa.SmallInteger(),
            server_default=sa.text("24"),
            nullable=False,
        ),
    )
    op.create_check_constraint(
        op.f("ck_cashier_terms_address_cool_down"),
        "cashier_terms",
        "address_cool_down_hours BETWEEN 1 AND 720",
    )
    op.add_column(
        "address_uses",
        sa.Column("memos", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.create_table(
        "saved_addresses",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "char_length(label) BETWEEN 1 AND 40", name=op.f("ck_saved_addresses_label")
        ),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_saved_addresses_player_id_players")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_addresses")),
        sa.UniqueConstraint(
            "player_id",
            "rail",
            "destination",
            name=op.f("uq_saved_addresses_player_id_rail_destination"),
        ),
    )
    op.create_table(
        "saved_only",
        sa.Column("player_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("until > since", name=op.f("ck_saved_only_until")),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_saved_only_player_id_players")
        ),
        sa.PrimaryKeyConstraint("player_id", name=op.f("pk_saved_only")),
    )
    op.create_table(
        "account_changes",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_account_changes_player_id_players")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_changes")),
    )
    op.create_index("ix_account_changes_player_id", "account_changes", ["player_id", "at"])


def downgrade() -> None:
    """Drop them. Withdrawals keep the fees that were asked for them."""
    op.drop_table("account_changes")
    op.drop_table("saved_only")
    op.drop_table("saved_addresses")
    op.drop_column("address_uses", "memos")
    op.drop_constraint(op.f("ck_cashier_terms_address_cool_down"), "cashier_terms")
    op.drop_column("cashier_terms", "address_cool_down_hours")
    op.drop_column("rails", "fee_policy")
    op.drop_table("network_fees")
    op.drop_constraint(op.f("uq_withdrawals_quote_id"), "withdrawals")
    op.drop_constraint(op.f("fk_withdrawals_quote_id_withdrawal_quotes"), "withdrawals")
    op.drop_column("withdrawals", "quote_id")
    op.drop_table("withdrawal_quotes")
