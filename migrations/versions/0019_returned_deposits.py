"""Held deposits that staff send back: the withdrawal that does it names its deposit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; no return is known yet."""
    op.add_column("withdrawals", sa.Column("deposit_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_withdrawals_deposit_id_deposits"),
        "withdrawals",
        "deposits",
        ["deposit_id"],
        ["id"],
    )
    op.create_index(
        "ix_withdrawals_deposit_id",
        "withdrawals",
        ["deposit_id"],
        unique=True,
        postgresql_where=sa.text("status NOT IN ('rejected', 'cancelled', 'refunded')"),
    )


def downgrade() -> None:
    """Drop it: returns under way go on as withdrawals, and given back they are the player's cash."""
    op.drop_index("ix_withdrawals_deposit_id", "withdrawals")
    op.drop_constraint(op.f("fk_withdrawals_deposit_id_deposits"), "withdrawals")
    op.drop_column("withdrawals", "deposit_id")
