"""What staff settle: foreign sends, unclear payments, cold storage by hand; the signer's budgets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

STATUSES = ("seen", "waiting", "resolved", "adopted", "orphaned")
NEW_STATUSES = ("arrived", "from_cold")


def upgrade() -> None:
    """Create the tables; addresses and moves of cold storage that are known are taken over."""
    _create_foreign()
    _create_unclear()
    _create_cold()
    op.create_table(
        "signer_spends",
        sa.Column("payout_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("budget", sa.Text(), nullable=False),
        sa.Column("units", sa.Numeric(30, 0), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("units > 0", name=op.f("ck_signer_spends_units")),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payouts.id"], name=op.f("fk_signer_spends_payout_id_payouts")
        ),
        sa.PrimaryKeyConstraint("payout_id", "number", name=op.f("pk_signer_spends")),
    )
    op.create_index("ix_signer_spends_budget", "signer_spends", ["budget", "at"])
    op.create_index("ix_deposit_addresses_shown", "deposit_addresses", ["shown"])
    op.create_index("ix_unclaimed_transfers_tx_hash", "unclaimed_transfers", ["tx_hash"])
    _allow((*STATUSES, *NEW_STATUSES))


def downgrade() -> None:
    """Drop them; what was booked stays in the book."""
    # What only arrived is in no book; what came from cold storage is settled for good.
    op.execute("DELETE FROM unclaimed_transfers WHERE status = 'arrived'")
    op.execute("UPDATE unclaimed_transfers SET status = 'adopted' WHERE status = 'from_cold'")
    _allow(STATUSES)
    op.drop_index("ix_unclaimed_transfers_tx_hash", "unclaimed_transfers")
    op.drop_index("ix_deposit_addresses_shown", "deposit_addresses")
    for table in (
        "signer_spends",
        "cold_bookings",
        "cold_addresses",
        "unclear_payments",
        "foreign_votes",
        "foreign_payments",
    ):
        op.drop_table(table)


def _allow(statuses: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_unclaimed_transfers_status"), "unclaimed_transfers")
    listed = ", ".join(f"'{one}'" for one in statuses)
    op.create_check_constraint(
        op.f("ck_unclaimed_transfers_status"), "unclaimed_transfers", f"status IN ({listed})"
    )


def _create_foreign() -> None:
    op.create_table(
        "foreign_payments",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("withdrawal_id", sa.BigInteger(), nullable=True),
        sa.Column("booked_by", sa.Text(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "what IN ('withdrawal', 'cold', 'loss')", name=op.f("ck_foreign_payments_what")
        ),
        sa.CheckConstraint(
            "(what = 'withdrawal') = (withdrawal_id IS NOT NULL)",
            name=op.f("ck_foreign_payments_withdrawal"),
        ),
        sa.CheckConstraint("units > 0", name=op.f("ck_foreign_payments_units")),
        sa.ForeignKeyConstraint(
            ["account", "tx_hash"],
            ["foreign_sends.account", "foreign_sends.tx_hash"],
            name="fk_foreign_payments_foreign_sends",
        ),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"],
            ["withdrawals.id"],
            name=op.f("fk_foreign_payments_withdrawal_id_withdrawals"),
        ),
        sa.PrimaryKeyConstraint("account", "tx_hash", "position", name=op.f("pk_foreign_payments")),
        sa.UniqueConstraint("withdrawal_id", name=op.f("uq_foreign_payments_withdrawal_id")),
    )
    op.create_table(
        "foreign_votes",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("withdrawal_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account", "tx_hash"],
            ["foreign_sends.account", "foreign_sends.tx_hash"],
            name="fk_foreign_votes_foreign_sends",
        ),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"],
            ["withdrawals.id"],
            name=op.f("fk_foreign_votes_withdrawal_id_withdrawals"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["staff_members.id"],
            name=op.f("fk_foreign_votes_member_id_staff_members"),
        ),
        sa.PrimaryKeyConstraint(
            "account",
            "tx_hash",
            "position",
            "withdrawal_id",
            "member_id",
            name=op.f("pk_foreign_votes"),
        ),
    )
    op.create_index(op.f("ix_foreign_votes_withdrawal_id"), "foreign_votes", ["withdrawal_id"])
    op.create_index(op.f("ix_foreign_votes_member_id"), "foreign_votes", ["member_id"])


def _create_unclear() -> None:
    op.create_table(
        "unclear_payments",
        sa.Column("payout_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("withdrawal_id", sa.BigInteger(), nullable=True),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("wanted_units", sa.BigInteger(), nullable=False),
        sa.Column("arrived_units", sa.BigInteger(), nullable=False),
        sa.Column("left_units", sa.BigInteger(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "wanted_units > 0 AND arrived_units >= 0 AND left_units >= 0",
            name=op.f("ck_unclear_payments_units"),
        ),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'made_good', 'not_paid')",
            name=op.f("ck_unclear_payments_outcome"),
        ),
        sa.CheckConstraint(
            "(outcome IS NULL) = (decided_by IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_unclear_payments_decided"),
        ),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payouts.id"], name=op.f("fk_unclear_payments_payout_id_payouts")
        ),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"],
            ["withdrawals.id"],
            name=op.f("fk_unclear_payments_withdrawal_id_withdrawals"),
        ),
        sa.PrimaryKeyConstraint("payout_id", name=op.f("pk_unclear_payments")),
    )
    op.create_index(
        op.f("ix_unclear_payments_withdrawal_id"), "unclear_payments", ["withdrawal_id"]
    )
    op.create_index(
        "ix_unclear_payments_open",
        "unclear_payments",
        ["payout_id"],
        postgresql_where=sa.text("outcome IS NULL"),
    )


def _create_cold() -> None:
    op.create_table(
        "cold_addresses",
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("rail", "address", name=op.f("pk_cold_addresses")),
    )
    op.create_table(
        "cold_bookings",
        sa.Column(
            "id",
            sa.BigInteger(),
            autoincrement=False,
            server_default=sa.text("next_id()"),
            nullable=False,
        ),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("booked_by", sa.Text(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("way IN ('to_cold', 'from_cold')", name=op.f("ck_cold_bookings_way")),
        sa.CheckConstraint("units > 0", name=op.f("ck_cold_bookings_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cold_bookings")),
        sa.UniqueConstraint(
            "rail", "way", "reference", name=op.f("uq_cold_bookings_rail_way_reference")
        ),
    )
    op.create_index("ix_cold_bookings_latest", "cold_bookings", ["rail", "id"])
    op.execute(
        "INSERT INTO cold_addresses (rail, address, known_at)"
        " SELECT rail, cold_address, changed_at FROM hot_thresholds"
        " UNION SELECT rail, destination, now() FROM treasury_moves"
        " WHERE kind = 'cold' AND status = 'done' ON CONFLICT DO NOTHING"
    )
    op.execute(
        "INSERT INTO cold_bookings (rail, way, reference, units, tx_hash, booked_by, booked_at)"
        " SELECT rail, 'to_cold', payout_id::text, units, tx_hash, 'system', ended_at"
        " FROM treasury_moves WHERE kind = 'cold' AND status = 'done' ORDER BY payout_id"
    )
