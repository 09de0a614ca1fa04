"""Our coins on Bitcoin, and children that pay for a waiting parent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

KINDS = "'sweep', 'fuel', 'cold', 'consolidation'"
CLOSE_CHILDREN = """
UPDATE payouts SET closed_at = coalesce(closed_at, now())
WHERE id IN (SELECT payout_id FROM treasury_moves WHERE kind = 'child')
"""
FORGET_HISTORY = """
DELETE FROM treasury_move_history
WHERE payout_id IN (SELECT payout_id FROM treasury_moves WHERE kind = 'child')
"""
FORGET_CHILDREN = "DELETE FROM treasury_moves WHERE kind = 'child'"


def upgrade() -> None:
    """Remember every output of ours with its block, and who spent it."""
    op.create_table(
        "own_coins",
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("outpoint", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("branch", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("parent", sa.LargeBinary(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.Text(), nullable=False),
        sa.Column("spent_by", sa.Text(), nullable=True),
        sa.Column("spent_height", sa.BigInteger(), nullable=True),
        sa.Column("spent_hash", sa.Text(), nullable=True),
        sa.CheckConstraint("units > 0", name=op.f("ck_own_coins_units")),
        sa.CheckConstraint(
            "(spent_by IS NULL) = (spent_height IS NULL)"
            " AND (spent_by IS NULL) = (spent_hash IS NULL)",
            name=op.f("ck_own_coins_spent"),
        ),
        sa.PrimaryKeyConstraint("rail", "outpoint", name=op.f("pk_own_coins")),
    )
    op.create_index("ix_own_coins_height", "own_coins", ["rail", "height"])
    op.create_index("ix_own_coins_spent_height", "own_coins", ["rail", "spent_height"])
    op.create_index(
        "ix_own_coins_unspent",
        "own_coins",
        ["rail"],
        postgresql_where=sa.text("spent_by IS NULL"),
    )
    _kinds(f"{KINDS}, 'child'")


def downgrade() -> None:
    """Forget the coins and the children: the release before knows neither."""
    for statement in (CLOSE_CHILDREN, FORGET_HISTORY, FORGET_CHILDREN):
        op.execute(statement)
    _kinds(KINDS)
    op.drop_table("own_coins")


def _kinds(kinds: str) -> None:
    name = op.f("ck_treasury_moves_kind")
    op.drop_constraint(name, "treasury_moves", type_="check")
    op.create_check_constraint(name, "treasury_moves", f"kind IN ({kinds})")
