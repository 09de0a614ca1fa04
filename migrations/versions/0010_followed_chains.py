"""Chains followed block by block: the last blocks, deposit addresses, and finality of deposits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Whatever was credited or held before was final on its chain.
FINAL_BEFORE = """
UPDATE deposits SET final_at = coalesce(credited_at, seen_at)
WHERE status IN ('credited', 'held', 'below_minimum', 'returned')
"""
BOOKED_BEFORE = """
UPDATE unclaimed_transfers SET final_at = seen_at
WHERE status IN ('waiting', 'resolved', 'adopted')
"""

# An address that was shown to one player must never bring coins to another.
KEEP_OWNER = """
CREATE FUNCTION keep_deposit_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a deposit address stays what and whose it is: % %', OLD.rail, OLD.number;
END
$$
"""
KEEP_OWNER_TRIGGER = """
CREATE TRIGGER keep_deposit_address BEFORE UPDATE ON deposit_addresses FOR EACH ROW
WHEN (OLD.player_id IS NOT NULL OR OLD.rail <> NEW.rail OR OLD.number <> NEW.number
      OR OLD.address <> NEW.address OR OLD.shown <> NEW.shown)
EXECUTE FUNCTION keep_deposit_address()
"""


def upgrade() -> None:
    """Create the tables and columns; what was credited so far was final."""
    op.create_table(
        "chain_blocks",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("height", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("chain", "height", name=op.f("pk_chain_blocks")),
    )
    op.create_table(
        "chain_progress",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("final_height", sa.BigInteger(), nullable=False),
        sa.Column("halted", sa.Text(), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_chain_progress")),
    )
    op.create_table(
        "deposit_addresses",
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("player_id", sa.BigInteger(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(player_id IS NULL) = (assigned_at IS NULL)",
            name=op.f("ck_deposit_addresses_assigned"),
        ),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_deposit_addresses_player_id_players")
        ),
        sa.PrimaryKeyConstraint("rail", "number", name=op.f("pk_deposit_addresses")),
        sa.UniqueConstraint("rail", "address", name=op.f("uq_deposit_addresses_rail_address")),
        sa.UniqueConstraint("player_id", "rail", name=op.f("uq_deposit_addresses_player_id_rail")),
    )
    op.create_index(
        "ix_deposit_addresses_free",
        "deposit_addresses",
        ["rail", "number"],
        postgresql_where=sa.text("player_id IS NULL"),
    )
    op.execute(KEEP_OWNER)
    op.execute(KEEP_OWNER_TRIGGER)
    op.create_table(
        "withdrawal_freezes",
        sa.Column("id", sa.BigInteger(), server_default=sa.text("next_id()"), nullable=False),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("deposit_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(lifted_by IS NULL) = (lifted_at IS NULL)", name=op.f("ck_withdrawal_freezes_lifted")
        ),
        sa.ForeignKeyConstraint(
            ["deposit_id"], ["deposits.id"], name=op.f("fk_withdrawal_freezes_deposit_id_deposits")
        ),
        sa.ForeignKeyConstraint(
            ["player_id"], ["players.id"], name=op.f("fk_withdrawal_freezes_player_id_players")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawal_freezes")),
    )
    op.create_index(op.f("ix_withdrawal_freezes_player_id"), "withdrawal_freezes", ["player_id"])
    op.create_index(op.f("ix_withdrawal_freezes_deposit_id"), "withdrawal_freezes", ["deposit_id"])
    op.add_column(
        "rails",
        sa.Column("deposits_by", sa.Text(), server_default=sa.text("'tag'"), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_rails_deposits_by"), "rails", "deposits_by IN ('tag', 'address')"
    )
    op.add_column("rails", sa.Column("network_id", sa.Text(), nullable=True))
    op.add_column("rails", sa.Column("token", sa.Text(), nullable=True))
    op.add_column(
        "rails",
        sa.Column(
            "tiers", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )
    for table in ("deposits", "unclaimed_transfers"):
        op.add_column(
            table,
            sa.Column("block_hash", sa.Text(), server_default=sa.text("''"), nullable=False),
        )
        op.add_column(
            table,
            sa.Column("confirmations", sa.Integer(), server_default=sa.text("0"), nullable=False),
        )
        op.add_column(table, sa.Column("final_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("deposits", sa.Column("confirmations_wanted", sa.Integer(), nullable=True))
    op.add_column(
        "deposits",
        sa.Column("reversals", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.execute(FINAL_BEFORE)
    op.execute(BOOKED_BEFORE)
    op.create_index(
        "ix_deposits_not_final",
        "deposits",
        ["rail", "block"],
        postgresql_where=sa.text("final_at IS NULL AND status <> 'orphaned'"),
    )


def downgrade() -> None:
    """Drop them. Facts of followed chains are lost; their credits stay in the book."""
    op.drop_index("ix_deposits_not_final", "deposits")
    op.drop_column("deposits", "reversals")
    op.drop_column("deposits", "confirmations_wanted")
    for table in ("unclaimed_transfers", "deposits"):
        op.drop_column(table, "final_at")
        op.drop_column(table, "confirmations")
        op.drop_column(table, "block_hash")
    op.drop_column("rails", "tiers")
    op.drop_column("rails", "token")
    op.drop_column("rails", "network_id")
    op.drop_constraint(op.f("ck_rails_deposits_by"), "rails")
    op.drop_column("rails", "deposits_by")
    op.drop_table("withdrawal_freezes")
    op.drop_table("deposit_addresses")
    op.execute("DROP FUNCTION keep_deposit_address()")
    op.drop_table("chain_progress")
    op.drop_table("chain_blocks")
