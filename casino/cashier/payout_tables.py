"""Rows of what leaves our accounts: payouts, their signed attempts, members, moves, and fuel."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from casino.cashier.tables import WithdrawalRow
from casino.db import Base

NEXT_ID = text("next_id()")


class AccountNumberRow(Base):
    """The last replay number that an account of ours was given; locked by whoever takes the next.

    Accounts are shared by rails: coins and jettons leave the same wallet on TON."""

    __tablename__ = "account_numbers"

    account: Mapped[str] = mapped_column(Text, primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class PayoutRow(Base):
    """What leaves an account of ours under one replay key, which is committed before anything is
    signed: a batch of withdrawals, or a move of our own.

    `replay_number` is a query id on TON, a nonce on EVM chains, and a plain count on Bitcoin, where
    the inputs are the key."""

    __tablename__ = "payouts"
    __table_args__ = (
        UniqueConstraint("account", "replay_number", "created_at"),
        CheckConstraint("expires_at > created_at", name="lifetime"),
        # What never runs out is used once in the life of an account.
        Index(
            "uq_payouts_nonce",
            "account",
            "replay_number",
            unique=True,
            postgresql_where=text("expires_at IS NULL"),
        ),
        Index("ix_payouts_open", "rail", "id", postgresql_where=text("closed_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    rail: Mapped[str] = mapped_column(Text)
    account: Mapped[str] = mapped_column(Text)
    replay_number: Mapped[int] = mapped_column(BigInteger)
    # Chain time. Where signed bytes run out, both moments stand in them.
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    # A final height at which the replay key was certainly unused: where searching blocks begins.
    since_height: Mapped[int | None] = mapped_column(BigInteger)
    claimed_at: Mapped[datetime]
    broadcast_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class PayoutAttemptRow(Base):
    """One version of a payout's bytes: planned, then signed, then sent. All versions of a payout
    share its replay key, so that at most one of them can ever land."""

    __tablename__ = "payout_attempts"
    __table_args__ = (
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("(signed IS NULL) = (signed_at IS NULL)", name="signed"),
        CheckConstraint("(signed IS NULL) = (tx_hash IS NULL)", name="tx_hash"),
        Index("ix_payout_attempts_tx_hash", "tx_hash"),
        Index(
            "ix_payout_attempts_unsigned",
            "payout_id",
            unique=True,
            postgresql_where=text("signed IS NULL"),
        ),
    )

    payout_id: Mapped[int] = mapped_column(
        ForeignKey("payouts.id"), primary_key=True, autoincrement=False
    )
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    # What the signer needs besides the orders: fees, inputs. Of the sender's choosing, so the
    # signer holds it against limits of its own.
    plan: Mapped[dict[str, object]] = mapped_column(JSONB)
    planned_at: Mapped[datetime]
    signed: Mapped[bytes | None] = mapped_column(LargeBinary)
    # By what the bytes are found on the chain.
    tx_hash: Mapped[str | None] = mapped_column(Text)
    signed_at: Mapped[datetime | None]


class ReservedCoinRow(Base):
    """An unspent output that a payout is going to spend; no other payout may."""

    __tablename__ = "reserved_coins"
    __table_args__ = (
        Index(
            "uq_reserved_coins_held",
            "rail",
            "outpoint",
            unique=True,
            postgresql_where=text("released_at IS NULL"),
        ),
    )

    payout_id: Mapped[int] = mapped_column(
        ForeignKey("payouts.id"), primary_key=True, autoincrement=False
    )
    outpoint: Mapped[str] = mapped_column(Text, primary_key=True)
    rail: Mapped[str] = mapped_column(Text)
    released_at: Mapped[datetime | None]


class OwnCoinRow(Base):
    """An output of ours on a chain where coins are outputs, as the followed blocks made and spent
    it; changes with the blocks, in their transaction."""

    __tablename__ = "own_coins"
    __table_args__ = (
        CheckConstraint("units > 0", name="units"),
        CheckConstraint(
            "(spent_by IS NULL) = (spent_height IS NULL)"
            " AND (spent_by IS NULL) = (spent_hash IS NULL)",
            name="spent",
        ),
        Index("ix_own_coins_height", "rail", "height"),
        Index("ix_own_coins_unspent", "rail", postgresql_where=text("spent_by IS NULL")),
        Index("ix_own_coins_spent_height", "rail", "spent_height"),
    )

    rail: Mapped[str] = mapped_column(Text, primary_key=True)
    outpoint: Mapped[str] = mapped_column(Text, primary_key=True)
    # The chain's own smallest units.
    units: Mapped[int] = mapped_column(BigInteger)
    # The way to its key; branch 1 is our own change.
    branch: Mapped[int] = mapped_column(SmallInteger)
    number: Mapped[int] = mapped_column(BigInteger)
    # The transaction that made it, without witnesses: what proves `units` to the signer.
    parent: Mapped[bytes] = mapped_column(LargeBinary)
    height: Mapped[int] = mapped_column(BigInteger)
    block_hash: Mapped[str] = mapped_column(Text)
    spent_by: Mapped[str | None] = mapped_column(Text)
    spent_height: Mapped[int | None] = mapped_column(BigInteger)
    spent_hash: Mapped[str | None] = mapped_column(Text)


class PayoutMemberRow(Base):
    """One payment inside a payout and how it ended."""

    __tablename__ = "payout_members"
    __table_args__ = (
        CheckConstraint("outcome IN ('pending', 'paid', 'dead')", name="outcome"),
        # A withdrawal is in one living payout at most, and is paid once.
        Index(
            "uq_payout_members_living",
            "withdrawal_id",
            unique=True,
            postgresql_where=text("outcome IN ('pending', 'paid')"),
        ),
        Index("ix_payout_members_withdrawal_id", "withdrawal_id"),
    )

    payout_id: Mapped[int] = mapped_column(
        ForeignKey("payouts.id"), primary_key=True, autoincrement=False
    )
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    withdrawal_id: Mapped[int] = mapped_column(ForeignKey(WithdrawalRow.id))
    outcome: Mapped[str] = mapped_column(Text)
    tx_hash: Mapped[str | None] = mapped_column(Text)
    proof: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None]


class MoveRow(Base):
    """A move of our own coins, alone in its payout: from a deposit address to the hot wallet,
    from there to cold storage, fuel for an account, many coins into one, or the change of a
    waiting payout to a place of ours, for the fee of both."""

    __tablename__ = "treasury_moves"
    __table_args__ = (
        CheckConstraint("kind IN ('sweep', 'fuel', 'cold', 'consolidation', 'child')", name="kind"),
        CheckConstraint(
            "status IN ('assigned', 'signed', 'broadcast', 'done', 'dead')", name="status"
        ),
        CheckConstraint("units >= 0", name="units"),
        # One at a time from a place: the next is decided by what the last one left.
        Index(
            "uq_treasury_moves_living",
            "rail",
            "kind",
            "source",
            unique=True,
            postgresql_where=text("status IN ('assigned', 'signed', 'broadcast')"),
        ),
        Index("ix_treasury_moves_rail", "rail", "payout_id"),
    )

    payout_id: Mapped[int] = mapped_column(
        ForeignKey("payouts.id"), primary_key=True, autoincrement=False
    )
    rail: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    destination: Mapped[str] = mapped_column(Text)
    # In the rail's units, fuel in those of the network's coin; what is expected to move.
    units: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(Text)
    tx_hash: Mapped[str | None] = mapped_column(Text)
    proof: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None]


class MoveHistoryRow(Base):
    """One move of a treasury move's status; never changed."""

    __tablename__ = "treasury_move_history"
    __table_args__ = (Index("ix_treasury_move_history_payout_id", "payout_id", "id"),)

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    payout_id: Mapped[int] = mapped_column(ForeignKey("treasury_moves.payout_id"))
    from_status: Mapped[str | None] = mapped_column(Text)
    to_status: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class ForeignSendRow(Base):
    """Something that left an account of ours and that no payout explains: somebody else has its
    key, or our memory is older than the chain's. Payouts of the account's rails wait until staff
    have said what it was."""

    __tablename__ = "foreign_sends"
    __table_args__ = (
        CheckConstraint(
            "(acknowledged_by IS NULL) = (acknowledged_at IS NULL)", name="acknowledged"
        ),
        Index(
            "ix_foreign_sends_waiting",
            "account",
            postgresql_where=text("acknowledged_at IS NULL"),
        ),
    )

    account: Mapped[str] = mapped_column(Text, primary_key=True)
    tx_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    rail: Mapped[str] = mapped_column(Text)
    evidence: Mapped[dict[str, object]] = mapped_column(JSONB)
    seen_at: Mapped[datetime]
    acknowledged_by: Mapped[str | None] = mapped_column(Text)
    acknowledged_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(Text)


class SignedOrderRow(Base):
    """The signer's own journal: which order it put into which payout; written with the bytes."""

    __tablename__ = "signed_orders"

    withdrawal_id: Mapped[int] = mapped_column(
        ForeignKey(WithdrawalRow.id), primary_key=True, autoincrement=False
    )
    payout_id: Mapped[int] = mapped_column(
        ForeignKey("payouts.id"), primary_key=True, autoincrement=False, index=True
    )
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    units: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(index=True)


class SignerSpendRow(Base):
    """The signer's own journal of what it has promised to networks: fees, gas, fuel; written with
    the bytes, so that a restart forgets nothing of a day's budget."""

    __tablename__ = "signer_spends"
    __table_args__ = (
        CheckConstraint("units > 0", name="units"),
        Index("ix_signer_spends_budget", "budget", "at"),
    )

    payout_id: Mapped[int] = mapped_column(
        ForeignKey("payouts.id"), primary_key=True, autoincrement=False
    )
    # The version's.
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    budget: Mapped[str] = mapped_column(Text)
    # In the smallest parts of the network's coin: wei do not fit 64 bits.
    units: Mapped[int] = mapped_column(Numeric(30, 0, asdecimal=True))
    at: Mapped[datetime]


class PayoutNoticeRow(Base):
    """What staff were told of a payout or a withdrawal on its way, so that they hear it once."""

    __tablename__ = "payout_notices"

    subject_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime]


class NonceMarkRow(Base):
    """How far the nonces that an account has used were looked at: each below `upto` belongs to a
    payout of ours or was noted as a foreign send."""

    __tablename__ = "nonce_marks"

    account: Mapped[str] = mapped_column(Text, primary_key=True)
    upto: Mapped[int] = mapped_column(BigInteger)
    moved_at: Mapped[datetime]


class FuelRow(Base):
    """What the book cannot hold of a network's coin: the parts below one unit of its asset."""

    __tablename__ = "fuel_remainders"
    __table_args__ = (
        CheckConstraint("remainder >= 0 AND remainder < 1000000000", name="remainder"),
    )

    rail: Mapped[str] = mapped_column(Text, primary_key=True)
    remainder: Mapped[int] = mapped_column(BigInteger)


class GasChargeRow(Base):
    """What one final transaction of ours burnt, in the smallest parts of the network's coin;
    booked with this row, so once."""

    __tablename__ = "gas_charges"
    __table_args__ = (
        CheckConstraint("parts >= 0", name="parts"),
        Index("ix_gas_charges_height", "rail", "height"),
    )

    rail: Mapped[str] = mapped_column(Text, primary_key=True)
    tx_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    height: Mapped[int] = mapped_column(BigInteger)
    parts: Mapped[int] = mapped_column(Numeric(30, 0, asdecimal=True))
    at: Mapped[datetime]
