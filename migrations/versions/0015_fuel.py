"""Fuel of networks: what transactions burnt, remainders; nonces looked at; notices to staff."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "payout_notices",
        sa.Column("subject_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "kind", name=op.f("pk_payout_notices")),
    )
    op.create_table(
        "nonce_marks",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_nonce_marks")),
    )
    op.create_table(
        "fuel_remainders",
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("remainder", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "remainder >= 0 AND remainder < 1000000000",
            name=op.f("ck_fuel_remainders_remainder"),
        ),
        sa.PrimaryKeyConstraint("rail", name=op.f("pk_fuel_remainders")),
    )
    op.create_table(
        "gas_charges",
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.Numeric(30, 0), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("parts >= 0", name=op.f("ck_gas_charges_parts")),
        sa.PrimaryKeyConstraint("rail", "tx_hash", name=op.f("pk_gas_charges")),
    )
    op.create_index("ix_gas_charges_height", "gas_charges", ["rail", "height"])


def downgrade() -> None:
    """Drop them; what was booked stays in the book, remainders below one unit are lost."""
    op.drop_table("gas_charges")
    op.drop_table("fuel_remainders")
    op.drop_table("nonce_marks")
    op.drop_table("payout_notices")
