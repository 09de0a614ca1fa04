"""Marks of the book: sums of all transfers up to an entry, for proofs and detached months."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the step."""
    op.create_table(
        "ledger_marks",
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("next_id()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("upto_entry_id", sa.BigInteger(), nullable=False),
        sa.Column("strays", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_marks")),
        sa.UniqueConstraint("name", name=op.f("uq_ledger_marks_name")),
    )
    op.create_table(
        "ledger_sums",
        sa.Column("mark_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("player_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("asset", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("debit_account", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("credit_account", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mark_id"], ["ledger_marks.id"], name=op.f("fk_ledger_sums_mark_id_ledger_marks")
        ),
        sa.PrimaryKeyConstraint(
            "mark_id",
            "player_id",
            "asset",
            "kind",
            "debit_account",
            "credit_account",
            name=op.f("pk_ledger_sums"),
        ),
    )
    # Nothing is detached yet: the book opens at zero.
    op.execute(
        "INSERT INTO ledger_marks (name, upto_entry_id, made_at) VALUES ('opening', 0, now())"
    )


def downgrade() -> None:
    """Take the step back."""
    op.drop_table("ledger_sums")
    op.drop_table("ledger_marks")
