"""Bets in fewer bytes: one index on keys, none on what an entry says of itself, JSON as text."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COLUMNS = ("choice", "details")


def upgrade() -> None:
    """Make them lean."""
    op.drop_constraint("pk_bet_keys", "bet_keys")
    op.drop_index("ix_transfers_subject", "transfers")
    op.create_index(
        "ix_transfers_subject",
        "transfers",
        ["subject_id"],
        postgresql_where=sa.text("subject_id <> entry_id"),
    )
    for column in COLUMNS:
        op.alter_column(
            "rounds", column, type_=postgresql.JSON(), postgresql_using=f"{column}::text::json"
        )


def downgrade() -> None:
    """Make them as they were."""
    for column in COLUMNS:
        op.alter_column(
            "rounds", column, type_=postgresql.JSONB(), postgresql_using=f"{column}::jsonb"
        )
    op.drop_index("ix_transfers_subject", "transfers")
    op.create_index("ix_transfers_subject", "transfers", ["subject_id"])
    op.create_primary_key("pk_bet_keys", "bet_keys", ["scope", "reference", "entry_id"])
