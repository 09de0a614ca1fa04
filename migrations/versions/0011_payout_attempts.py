"""Payouts in several versions under one replay key, reserved coins, and moves of our own coins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

FIRST_ATTEMPTS = """
INSERT INTO payout_attempts (payout_id, number, plan, planned_at, signed, tx_hash, signed_at)
SELECT id, 1, '{}'::jsonb, claimed_at, signed, message_hash, signed_at FROM payouts
"""
SIGNED_AGAIN = """
UPDATE payouts p SET signed = a.signed, message_hash = a.tx_hash, signed_at = a.signed_at
FROM payout_attempts a WHERE a.payout_id = p.id AND a.number = 1
"""
# The wallet that a rail's counter was for is the rail's own.
NUMBERS_OF_ACCOUNTS = """
INSERT INTO account_numbers (account, last)
SELECT address, max(last_query_id) FROM rails WHERE address IS NOT NULL GROUP BY address
"""
NUMBERS_OF_RAILS = """
UPDATE rails r SET last_query_id = n.last FROM account_numbers n WHERE n.account = r.address
"""


def upgrade() -> None:
    """Signed bytes move into attempts, and replay numbers from rails to accounts."""
    op.create_table(
        "account_numbers",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_account_numbers")),
    )
    op.execute(NUMBERS_OF_ACCOUNTS)
    op.drop_column("rails", "last_query_id")
    _create_attempts()
    op.execute(FIRST_ATTEMPTS)
    op.drop_constraint(op.f("ck_payouts_message_hash"), "payouts")
    op.drop_constraint(op.f("ck_payouts_signed"), "payouts")
    op.drop_column("payouts", "signed")
    op.drop_column("payouts", "message_hash")
    op.drop_column("payouts", "signed_at")
    op.drop_constraint(op.f("uq_payouts_rail_query_id_created_at"), "payouts")
    op.alter_column("payouts", "query_id", new_column_name="replay_number")
    op.create_unique_constraint(
        op.f("uq_payouts_account_replay_number_created_at"),
        "payouts",
        ["account", "replay_number", "created_at"],
    )
    op.alter_column("payouts", "expires_at", nullable=True)
    op.add_column("payouts", sa.Column("since_height", sa.BigInteger(), nullable=True))
    op.create_index(
        "uq_payouts_nonce",
        "payouts",
        ["account", "replay_number"],
        unique=True,
        postgresql_where=sa.text("expires_at IS NULL"),
    )
    _create_coins_and_moves()
    _create_foreign_sends()


def downgrade() -> None:
    """Back to one version of bytes for each payout; moves of our own are forgotten."""
    op.drop_table("foreign_sends")
    op.drop_table("treasury_move_history")
    op.drop_table("treasury_moves")
    op.drop_table("reserved_coins")
    op.drop_index("uq_payouts_nonce", table_name="payouts")
    op.drop_column("payouts", "since_height")
    op.execute("UPDATE payouts SET expires_at = 'infinity' WHERE expires_at IS NULL")
    op.alter_column("payouts", "expires_at", nullable=False)
    op.drop_constraint(op.f("uq_payouts_account_replay_number_created_at"), "payouts")
    op.alter_column("payouts", "replay_number", new_column_name="query_id")
    op.create_unique_constraint(
        op.f("uq_payouts_rail_query_id_created_at"), "payouts", ["rail", "query_id", "created_at"]
    )
    op.add_column("payouts", sa.Column("signed", sa.LargeBinary(), nullable=True))
    op.add_column("payouts", sa.Column("message_hash", sa.Text(), nullable=True))
    op.add_column("payouts", sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(SIGNED_AGAIN)
    op.create_check_constraint(
        op.f("ck_payouts_signed"), "payouts", "(signed IS NULL) = (signed_at IS NULL)"
    )
    op.create_check_constraint(
        op.f("ck_payouts_message_hash"), "payouts", "(signed IS NULL) = (message_hash IS NULL)"
    )
    op.drop_table("payout_attempts")
    op.add_column(
        "rails",
        sa.Column("last_query_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.execute(NUMBERS_OF_RAILS)
    op.drop_table("account_numbers")


def _create_attempts() -> None:
    op.create_table(
        "payout_attempts",
        sa.Column("payout_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("plan", postgresql.JSONB(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=True),
        sa.Column("tx_hash", sa.Text(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("number > 0", name=op.f("ck_payout_attempts_number")),
        sa.CheckConstraint(
            "(signed IS NULL) = (signed_at IS NULL)", name=op.f("ck_payout_attempts_signed")
        ),
        sa.CheckConstraint(
            "(signed IS NULL) = (tx_hash IS NULL)", name=op.f("ck_payout_attempts_tx_hash")
        ),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payouts.id"], name=op.f("fk_payout_attempts_payout_id_payouts")
        ),
        sa.PrimaryKeyConstraint("payout_id", "number", name=op.f("pk_payout_attempts")),
    )
    op.create_index("ix_payout_attempts_tx_hash", "payout_attempts", ["tx_hash"])
    op.create_index(
        "ix_payout_attempts_unsigned",
        "payout_attempts",
        ["payout_id"],
        unique=True,
        postgresql_where=sa.text("signed IS NULL"),
    )


def _create_coins_and_moves() -> None:
    op.create_table(
        "reserved_coins",
        sa.Column("payout_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("outpoint", sa.Text(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payouts.id"], name=op.f("fk_reserved_coins_payout_id_payouts")
        ),
        sa.PrimaryKeyConstraint("payout_id", "outpoint", name=op.f("pk_reserved_coins")),
    )
    op.create_index(
        "uq_reserved_coins_held",
        "reserved_coins",
        ["rail", "outpoint"],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "treasury_moves",
        sa.Column("payout_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=True),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('sweep', 'fuel', 'cold', 'consolidation')",
            name=op.f("ck_treasury_moves_kind"),
        ),
        sa.CheckConstraint(
            "status IN ('assigned', 'signed', 'broadcast', 'done', 'dead')",
            name=op.f("ck_treasury_moves_status"),
        ),
        sa.CheckConstraint("units >= 0", name=op.f("ck_treasury_moves_units")),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payouts.id"], name=op.f("fk_treasury_moves_payout_id_payouts")
        ),
        sa.PrimaryKeyConstraint("payout_id", name=op.f("pk_treasury_moves")),
    )
    op.create_index("ix_treasury_moves_rail", "treasury_moves", ["rail", "payout_id"])
    op.create_index(
        "uq_treasury_moves_living",
        "treasury_moves",
        ["rail", "kind", "source"],
        unique=True,
        postgresql_where=sa.text("status IN ('assigned', 'signed', 'broadcast')"),
    )
    op.create_table(
        "treasury_move_history",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("payout_id", sa.BigInteger(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["payout_id"],
            ["treasury_moves.payout_id"],
            name=op.f("fk_treasury_move_history_payout_id_treasury_moves"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_treasury_move_history")),
    )
    op.create_index(
        "ix_treasury_move_history_payout_id", "treasury_move_history", ["payout_id", "id"]
    )


def _create_foreign_sends() -> None:
    op.create_table(
        "foreign_sends",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(acknowledged_by IS NULL) = (acknowledged_at IS NULL)",
            name=op.f("ck_foreign_sends_acknowledged"),
        ),
        sa.PrimaryKeyConstraint("account", "tx_hash", name=op.f("pk_foreign_sends")),
    )
    op.create_index(
        "ix_foreign_sends_waiting",
        "foreign_sends",
        ["account"],
        postgresql_where=sa.text("acknowledged_at IS NULL"),
    )
