"""Live balances of the house, a row for each server process."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

FILL = """
INSERT INTO house_lanes (backend, account, asset, balance)
SELECT 0, v.account, t.asset, sum(v.units)::bigint
FROM transfers t
CROSS JOIN LATERAL (VALUES (t.credit_account, t.amount), (t.debit_account, -t.amount))
    v(account, units)
WHERE v.account > 5 GROUP BY 2, 3
"""


def upgrade() -> None:
    """Create the rows and fill them from the transfers."""
    op.create_table(
        "house_lanes",
        sa.Column("backend", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("asset", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("backend", "account", "asset", name=op.f("pk_house_lanes")),
        postgresql_with={"fillfactor": "50"},
    )
    op.execute(FILL)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("house_lanes")
