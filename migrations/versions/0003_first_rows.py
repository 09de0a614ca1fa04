"""The house's own ledger row, its rails and stakes, and partitions for the months ahead."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from casino.betting.terms import DEFAULTS as STAKES

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MONTHS_AHEAD = 3
# TON, USDT, BTC: what players could hold when this was written.
ASSETS = [1, 2, 3]


def upgrade() -> None:
    """Insert what a new house starts with."""
    connection = op.get_bind()
    connection.execute(sa.text("INSERT INTO ledger_players (player_id) VALUES (0)"))
    connection.execute(
        sa.text(
            "INSERT INTO house_exposure (asset, open_units) SELECT unnest(:codes), 0"
        ).bindparams(sa.bindparam("codes", ASSETS, sa.ARRAY(sa.SmallInteger)))
    )
    for (game, asset), stakes in STAKES.items():
        connection.execute(
            sa.text(
                "INSERT INTO game_terms (game, asset, stake_min, stake_max, actor, since)"
                " VALUES (:game, :asset, :low, :high, 'system', now())"
            ).bindparams(game=game, asset=asset.code, low=stakes.low, high=stakes.high)
        )
    connection.execute(
        sa.text(
            "SELECT make_month((date_trunc('month', now() AT TIME ZONE 'UTC')"
            " + n * interval '1 month')::date) FROM generate_series(-1, :ahead) n"
        ).bindparams(ahead=MONTHS_AHEAD)
    )


def downgrade() -> None:
    """Take the first rows out; partitions go with their tables."""
    for table in ("game_terms", "house_exposure", "ledger_players"):
        op.execute(f"DELETE FROM {table}")  # noqa: S608
