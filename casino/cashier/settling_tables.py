"""Rows of what people settle: whom foreign sends paid, and payments mined with another amount."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from casino.cashier.tables import WithdrawalRow
from casino.db import Base
from casino.staff.tables import MemberRow

OF_A_SEND = ["account", "tx_hash"]
FOREIGN_SEND = ["foreign_sends.account", "foreign_sends.tx_hash"]


class ForeignPaymentRow(Base):
    """What one payment of a foreign send was, as people have said and the book has it: a
    withdrawal of ours, a move to cold storage, or a loss; said once."""

    __tablename__ = "foreign_payments"
    __table_args__ = (
        ForeignKeyConstraint(OF_A_SEND, FOREIGN_SEND, name="fk_foreign_payments_foreign_sends"),
        # A withdrawal is paid once, whatever paid it.
        UniqueConstraint("withdrawal_id"),
        CheckConstraint("what IN ('withdrawal', 'cold', 'loss')", name="what"),
        CheckConstraint("(what = 'withdrawal') = (withdrawal_id IS NOT NULL)", name="withdrawal"),
        CheckConstraint("units > 0", name="units"),
    )

    account: Mapped[str] = mapped_column(Text, primary_key=True)
    tx_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    # Its place among the payments that the evidence tells of.
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    what: Mapped[str] = mapped_column(Text)
    rail: Mapped[str] = mapped_column(Text)
    units: Mapped[int] = mapped_column(BigInteger)
    withdrawal_id: Mapped[int | None] = mapped_column(ForeignKey(WithdrawalRow.id))
    booked_by: Mapped[str] = mapped_column(Text)
    booked_at: Mapped[datetime]
    note: Mapped[str | None] = mapped_column(Text)


class ForeignVoteRow(Base):
    """One person's word that a payment of a foreign send was a certain withdrawal."""

    __tablename__ = "foreign_votes"
    __table_args__ = (
        ForeignKeyConstraint(OF_A_SEND, FOREIGN_SEND, name="fk_foreign_votes_foreign_sends"),
    )

    account: Mapped[str] = mapped_column(Text, primary_key=True)
    tx_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    withdrawal_id: Mapped[int] = mapped_column(
        ForeignKey(WithdrawalRow.id), primary_key=True, autoincrement=False, index=True
    )
    member_id: Mapped[int] = mapped_column(
        ForeignKey(MemberRow.id), primary_key=True, autoincrement=False, index=True
    )
    at: Mapped[datetime]


class UnclearPaymentRow(Base):
    """A payout that is final on its chain and did not move the amount that it should have, with
    what it moved; people decide once."""

    __tablename__ = "unclear_payments"
    __table_args__ = (
        CheckConstraint(
            "wanted_units > 0 AND arrived_units >= 0 AND left_units >= 0", name="units"
        ),
        CheckConstraint("outcome IN ('accepted', 'made_good', 'not_paid')", name="outcome"),
        CheckConstraint(
            "(outcome IS NULL) = (decided_by IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name="decided",
        ),
        Index("ix_unclear_payments_open", "payout_id", postgresql_where=text("outcome IS NULL")),
    )

    payout_id: Mapped[int] = mapped_column(
        ForeignKey("payouts.id"), primary_key=True, autoincrement=False
    )
    rail: Mapped[str] = mapped_column(Text)
    # None for a move of our own coins.
    withdrawal_id: Mapped[int | None] = mapped_column(ForeignKey(WithdrawalRow.id), index=True)
    tx_hash: Mapped[str] = mapped_column(Text)
    block: Mapped[int] = mapped_column(BigInteger)
    wanted_units: Mapped[int] = mapped_column(BigInteger)
    # What the recipient has got, and what our account has lost.
    arrived_units: Mapped[int] = mapped_column(BigInteger)
    left_units: Mapped[int] = mapped_column(BigInteger)
    noted_at: Mapped[datetime]
    outcome: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None]
