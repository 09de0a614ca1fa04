"""A number that moves whenever what is the same for all bets changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("flags", "rates", "game_terms")

MOVE = """
CREATE FUNCTION move_house_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE house_version SET version = version + 1;
  RETURN NULL;
END
$$
"""


def upgrade() -> None:
    """Create the number and what moves it."""
    op.create_table(
        "house_version",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_house_version_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_house_version")),
    )
    op.execute("INSERT INTO house_version VALUES (1, 1)")
    op.execute(MOVE)
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER move_house_version AFTER INSERT OR UPDATE OR DELETE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION move_house_version()"
        )


def downgrade() -> None:
    """Drop them."""
    for table in TABLES:
        op.execute(f"DROP TRIGGER move_house_version ON {table}")
    op.execute("DROP FUNCTION move_house_version()")
    op.drop_table("house_version")
