"""Bitcoin: deposits that wait for their first block, and stakes in the asset."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BTC = 3
STAKES = (("dice", 20_000, 500_000_000), ("mines", 20_000, 250_000_000))
ADD_STAKES = """
INSERT INTO game_terms (game, asset, stake_min, stake_max, actor, since)
SELECT :game, :asset, :low, :high, 'system', now()
WHERE NOT EXISTS (SELECT 1 FROM game_terms WHERE game = :game AND asset = :asset)
"""
# The release before knows only deposits in blocks; one that is gone may come back with a block.
OUT_OF_THE_WAY = "UPDATE deposits SET block = 0, status = 'orphaned' WHERE block IS NULL"


def upgrade() -> None:
    """Let a deposit stand in no block yet, as long as nothing of it is booked."""
    op.alter_column("deposits", "block", existing_type=sa.BigInteger(), nullable=True)
    op.create_check_constraint(
        op.f("ck_deposits_in_a_block"),
        "deposits",
        "block IS NOT NULL OR status IN ('seen', 'orphaned')",
    )
    for game, low, high in STAKES:
        op.execute(sa.text(ADD_STAKES).bindparams(game=game, asset=BTC, low=low, high=high))


def downgrade() -> None:
    """Put aside what waits for its first block. The stakes stay: the house may have changed them."""
    op.drop_constraint(op.f("ck_deposits_in_a_block"), "deposits", type_="check")
    op.execute(OUT_OF_THE_WAY)
    op.alter_column("deposits", "block", existing_type=sa.BigInteger(), nullable=False)
