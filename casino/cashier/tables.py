"""Rows of the cashier: rails, terms, tags, deposits, withdrawals."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from casino.db import Base
from casino.players.tables import PlayerRow
from casino.staff.tables import MemberRow

NEXT_ID = text("next_id()")
ZERO = text("0")


class RailRow(Base):
    """A way for coins to come and go; replaces the default of its name in `rails.DEFAULTS`."""

    __tablename__ = "rails"
    __table_args__ = (
        CheckConstraint("deposit_min > 0", name="deposit_min"),
        CheckConstraint("withdrawal_fee >= 0", name="withdrawal_fee"),
        CheckConstraint("withdrawal_min > withdrawal_fee", name="withdrawal_min"),
        CheckConstraint("deposits_by IN ('tag', 'address')", name="deposits_by"),
    )

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    asset: Mapped[int] = mapped_column(SmallInteger)
    chain: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    deposit_min: Mapped[int] = mapped_column(BigInteger)
    withdrawal_min: Mapped[int] = mapped_column(BigInteger)
    withdrawal_fee: Mapped[int] = mapped_column(BigInteger)
    explorer_tx_url: Mapped[str] = mapped_column(Text)
    confirmations_text_key: Mapped[str] = mapped_column(Text)
    deposits_enabled: Mapped[bool]
    withdrawals_enabled: Mapped[bool]
    deposits_by: Mapped[str] = mapped_column(Text, server_default=text("'tag'"))
    network_id: Mapped[str | None] = mapped_column(Text)
    token: Mapped[str | None] = mapped_column(Text)
    tiers: Mapped[list[dict[str, int]]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    # How the fee follows the network's; None: it does not.
    fee_policy: Mapped[dict[str, int] | None] = mapped_column(JSONB(none_as_null=True))
    changed_at: Mapped[datetime]


class TermsRow(Base):
    """Ceilings of the cashier in reference micro-units; the newest row is the one in force."""

    __tablename__ = "cashier_terms"
    __table_args__ = (
        CheckConstraint("level_0_lifetime >= 0 AND level_1_month >= 0", name="ceilings"),
        CheckConstraint("second_person_above >= 0", name="second_person_above"),
        CheckConstraint("order_valid_hours BETWEEN 1 AND 720", name="order_valid_hours"),
        CheckConstraint("address_cool_down_hours BETWEEN 1 AND 720", name="address_cool_down"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    level_0_lifetime: Mapped[int] = mapped_column(BigInteger)
    level_1_month: Mapped[int] = mapped_column(BigInteger)
    second_person_above: Mapped[int] = mapped_column(BigInteger)
    order_valid_hours: Mapped[int] = mapped_column(SmallInteger)
    address_cool_down_hours: Mapped[int] = mapped_column(SmallInteger, server_default=text("24"))
    actor: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime]


class DepositTagRow(Base):
    """The comment that tells one player's deposits from another's; one a player and rail."""

    __tablename__ = "deposit_tags"
    __table_args__ = (UniqueConstraint("player_id", "rail"),)

    tag: Mapped[str] = mapped_column(Text, primary_key=True)
    player_id: Mapped[int] = mapped_column(ForeignKey(PlayerRow.id))
    rail: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class DepositRow(Base):
    """Coins that came for a player, from the first sight on the chain to the credit."""

    __tablename__ = "deposits"
    __table_args__ = (
        UniqueConstraint("rail", "business_key"),
        CheckConstraint("units > 0", name="units"),
        CheckConstraint(
            "status IN ('seen', 'confirming', 'below_minimum', 'credited', 'held', 'returned',"
            " 'orphaned')",
            name="status",
        ),
        # What waits for its first block is shown and never booked.
        CheckConstraint("block IS NOT NULL OR status IN ('seen', 'orphaned')", name="in_a_block"),
        Index("ix_deposits_player_id", "player_id", "id"),
        Index(
            "ix_deposits_waiting",
            "rail",
            "id",
            postgresql_where=text("status IN ('seen', 'confirming')"),
        ),
        Index(
            "ix_deposits_not_final",
            "rail",
            "block",
            postgresql_where=text("final_at IS NULL AND status <> 'orphaned'"),
        ),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    player_id: Mapped[int] = mapped_column(ForeignKey(PlayerRow.id))
    rail: Mapped[str] = mapped_column(Text)
    business_key: Mapped[str] = mapped_column(Text)
    asset: Mapped[int] = mapped_column(SmallInteger)
    units: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[str] = mapped_column(Text)
    account: Mapped[str] = mapped_column(Text)
    sender: Mapped[str] = mapped_column(Text)
    # None while it waits for its first block.
    block: Mapped[int | None] = mapped_column(BigInteger)
    # Empty where the chain shows us final blocks only.
    block_hash: Mapped[str] = mapped_column(Text, server_default=text("''"))
    confirmations: Mapped[int] = mapped_column(server_default=ZERO)
    # How many make it playable; None: only finality does.
    confirmations_wanted: Mapped[int | None]
    sent_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    seen_at: Mapped[datetime]
    credited_at: Mapped[datetime | None]
    final_at: Mapped[datetime | None]
    # How often its credit was taken back; each later credit has a key of its own.
    reversals: Mapped[int] = mapped_column(SmallInteger, server_default=ZERO)
    # Reference value when it was credited, for ceilings and risk facts.
    reference_units: Mapped[int | None] = mapped_column(BigInteger)


class DepositHistoryRow(Base):
    """One move of a deposit's status; never changed."""

    __tablename__ = "deposit_history"
    __table_args__ = (Index("ix_deposit_history_deposit_id", "deposit_id", "id"),)

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    deposit_id: Mapped[int] = mapped_column(ForeignKey("deposits.id"))
    from_status: Mapped[str | None] = mapped_column(Text)
    to_status: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, object]] = mapped_column(JSONB)
    at: Mapped[datetime]


class UnclaimedRow(Base):
    """Coins that came without a tag that we gave out; kept until staff find their owner."""

    __tablename__ = "unclaimed_transfers"
    __table_args__ = (
        UniqueConstraint("rail", "business_key"),
        CheckConstraint("units > 0", name="units"),
        CheckConstraint(
            "status IN ('seen', 'waiting', 'resolved', 'adopted', 'orphaned', 'arrived',"
            " 'from_cold')",
            name="status",
        ),
        CheckConstraint("(status = 'resolved') = (deposit_id IS NOT NULL)", name="resolved"),
        Index("ix_unclaimed_transfers_status", "status", "rail", "id"),
        Index("ix_unclaimed_transfers_tx_hash", "tx_hash"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    rail: Mapped[str] = mapped_column(Text)
    business_key: Mapped[str] = mapped_column(Text)
    asset: Mapped[int] = mapped_column(SmallInteger)
    units: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[str] = mapped_column(Text)
    account: Mapped[str] = mapped_column(Text)
    sender: Mapped[str] = mapped_column(Text)
    comment: Mapped[str | None] = mapped_column(Text)
    block: Mapped[int] = mapped_column(BigInteger)
    block_hash: Mapped[str] = mapped_column(Text, server_default=text("''"))
    confirmations: Mapped[int] = mapped_column(server_default=ZERO)
    final_at: Mapped[datetime | None]
    sent_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    seen_at: Mapped[datetime]
    deposit_id: Mapped[int | None] = mapped_column(ForeignKey("deposits.id"), index=True)
    # What staff found out so far; every version of it is in the audit log.
    note: Mapped[str | None] = mapped_column(Text)
    resolved_by: Mapped[str | None] = mapped_column(Text)
    resolved_at: Mapped[datetime | None]


class QuoteRow(Base):
    """What a player was told that a withdrawal costs; used when a withdrawal names it."""

    __tablename__ = "withdrawal_quotes"
    __table_args__ = (
        CheckConstraint("fee_units >= 0 AND units > fee_units", name="units"),
        CheckConstraint("expires_at > made_at", name="lifetime"),
        Index("ix_withdrawal_quotes_player_id", "player_id", "expires_at"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    player_id: Mapped[int] = mapped_column(ForeignKey(PlayerRow.id))
    rail: Mapped[str] = mapped_column(Text)
    units: Mapped[int] = mapped_column(BigInteger)
    fee_units: Mapped[int] = mapped_column(BigInteger)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class WithdrawalRow(Base):
    """Coins that a player asked for, or a held deposit that staff send back, from the request to
    the final payment."""

    __tablename__ = "withdrawals"
    __table_args__ = (
        UniqueConstraint("player_id", "reference"),
        UniqueConstraint("quote_id"),
        CheckConstraint("units > fee_units AND fee_units >= 0", name="units"),
        CheckConstraint(
            "status IN ('requested', 'in_review', 'approved', 'assigned', 'signed', 'broadcast',"
            " 'confirmed', 'rejected', 'cancelled', 'dead', 'refunded')",
            name="status",
        ),
        CheckConstraint("(order_text IS NULL) = (order_signature IS NULL)", name="order_signed"),
        Index("ix_withdrawals_player_id", "player_id", "id"),
        # A deposit goes back once; a return that came to nothing makes room for another.
        Index(
            "ix_withdrawals_deposit_id",
            "deposit_id",
            unique=True,
            postgresql_where=text("status NOT IN ('rejected', 'cancelled', 'refunded')"),
        ),
        Index(
            "ix_withdrawals_open",
            "rail",
            "status",
            "id",
            postgresql_where=text(
                "status NOT IN ('confirmed', 'rejected', 'cancelled', 'refunded')"
            ),
        ),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    player_id: Mapped[int] = mapped_column(ForeignKey(PlayerRow.id))
    rail: Mapped[str] = mapped_column(Text)
    asset: Mapped[int] = mapped_column(SmallInteger)
    units: Mapped[int] = mapped_column(BigInteger)
    fee_units: Mapped[int] = mapped_column(BigInteger)
    destination: Mapped[str] = mapped_column(Text)
    memo: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    # The held deposit that it sends back; None for what a player asked for.
    deposit_id: Mapped[int | None] = mapped_column(ForeignKey(DepositRow.id))
    # What the player agreed to; none was kept before there were quotes, and returns have none.
    quote_id: Mapped[int | None] = mapped_column(ForeignKey("withdrawal_quotes.id"))
    # Reference value at the request, rounded up; what ceilings add up.
    reference_units: Mapped[int] = mapped_column(BigInteger)
    # Whether the player had never been paid to this address when he asked.
    first_use: Mapped[bool]
    status: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    requested_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    order_text: Mapped[str | None] = mapped_column(Text)
    order_signature: Mapped[bytes | None] = mapped_column(LargeBinary)
    order_expires_at: Mapped[datetime | None]
    # Set when a dead payment may be tried again in a new payout.
    retry_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=ZERO)
    tx_hash: Mapped[str | None] = mapped_column(Text)
    seen_at: Mapped[datetime | None]
    final_at: Mapped[datetime | None]


class WithdrawalHistoryRow(Base):
    """One move of a withdrawal's status; never changed."""

    __tablename__ = "withdrawal_history"
    __table_args__ = (Index("ix_withdrawal_history_withdrawal_id", "withdrawal_id", "id"),)

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    withdrawal_id: Mapped[int] = mapped_column(ForeignKey("withdrawals.id"))
    from_status: Mapped[str | None] = mapped_column(Text)
    to_status: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, object]] = mapped_column(JSONB)
    at: Mapped[datetime]


class ApprovalRow(Base):
    """One person's yes to one withdrawal; goes when its order runs out, the history stays."""

    __tablename__ = "withdrawal_approvals"

    withdrawal_id: Mapped[int] = mapped_column(
        ForeignKey("withdrawals.id"), primary_key=True, autoincrement=False
    )
    member_id: Mapped[int] = mapped_column(
        ForeignKey(MemberRow.id), primary_key=True, autoincrement=False, index=True
    )
    at: Mapped[datetime]
