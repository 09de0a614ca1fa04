"""How much hot wallets shall hold, and how they stand by that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; without a row a hot wallet is left alone."""
    op.create_table(
        "hot_thresholds",
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("low_units", sa.BigInteger(), nullable=False),
        sa.Column("keep_units", sa.BigInteger(), nullable=False),
        sa.Column("high_units", sa.BigInteger(), nullable=False),
        sa.Column("cold_address", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "low_units >= 0 AND low_units < keep_units AND keep_units < high_units",
            name=op.f("ck_hot_thresholds_order"),
        ),
        sa.PrimaryKeyConstraint("rail", name=op.f("pk_hot_thresholds")),
    )
    op.create_table(
        "hot_levels",
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("owed_units", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("low", sa.Boolean(), nullable=False),
        sa.Column("high", sa.Boolean(), nullable=False),
        sa.CheckConstraint("units >= 0 AND owed_units >= 0", name=op.f("ck_hot_levels_units")),
        sa.PrimaryKeyConstraint("rail", name=op.f("pk_hot_levels")),
    )


def downgrade() -> None:
    """Drop them; what is in cold storage stays in the book."""
    op.drop_table("hot_levels")
    op.drop_table("hot_thresholds")
