"""Rows about chains: where reading stands, last blocks, balances, addresses, strange tokens."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Numeric,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from casino.db import Base
from casino.players.tables import PlayerRow


class ChainCursorRow(Base):
    """Where reading an account of ours stopped; moves in the transaction that books the page."""

    __tablename__ = "chain_cursors"

    chain: Mapped[str] = mapped_column(Text, primary_key=True)
    account: Mapped[str] = mapped_column(Text, primary_key=True)
    lt: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[str] = mapped_column(Text)
    block: Mapped[int] = mapped_column(BigInteger)
    moved_at: Mapped[datetime]


class ChainBlockRow(Base):
    """One of the last blocks of a chain that is followed; the newest says how far it was read."""

    __tablename__ = "chain_blocks"

    chain: Mapped[str] = mapped_column(Text, primary_key=True)
    height: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(Text)
    parent: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class ChainProgressRow(Base):
    """How far a followed chain is final for us, and why following it halted, if it did."""

    __tablename__ = "chain_progress"

    chain: Mapped[str] = mapped_column(Text, primary_key=True)
    final_height: Mapped[int] = mapped_column(BigInteger)
    # What staff were told; None while all is well.
    halted: Mapped[str | None] = mapped_column(Text)
    moved_at: Mapped[datetime]


class ChainBalanceRow(Base):
    """What a rail's hot wallet held on chain at a final block, and how far the book was off."""

    __tablename__ = "chain_balances"

    rail: Mapped[str] = mapped_column(Text, primary_key=True)
    units: Mapped[int] = mapped_column(BigInteger)
    book_units: Mapped[int] = mapped_column(BigInteger)
    block: Mapped[int] = mapped_column(BigInteger)
    read_at: Mapped[datetime]
    # The difference that staff were last told of; None while all is well.
    alerted_units: Mapped[int | None] = mapped_column(BigInteger)


class NetworkFeeRow(Base):
    """What a payment on a rail costs the house on its network now, in the rail's asset."""

    __tablename__ = "network_fees"
    __table_args__ = (CheckConstraint("units >= 0", name="units"),)

    rail: Mapped[str] = mapped_column(Text, primary_key=True)
    units: Mapped[int] = mapped_column(BigInteger)
    read_at: Mapped[datetime]


class DepositAddressRow(Base):
    """An address derived ahead; once a player's it stays his, which a trigger sees to as well.

    `number` is its derivation index, `address` the form that programs compare, `shown` the one
    that people copy.
    """

    __tablename__ = "deposit_addresses"
    __table_args__ = (
        UniqueConstraint("rail", "address"),
        UniqueConstraint("player_id", "rail"),
        CheckConstraint("(player_id IS NULL) = (assigned_at IS NULL)", name="assigned"),
        Index(
            "ix_deposit_addresses_free",
            "rail",
            "number",
            postgresql_where=text("player_id IS NULL"),
        ),
        Index("ix_deposit_addresses_shown", "shown"),
    )

    rail: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    address: Mapped[str] = mapped_column(Text)
    shown: Mapped[str] = mapped_column(Text)
    player_id: Mapped[int | None] = mapped_column(ForeignKey(PlayerRow.id))
    made_at: Mapped[datetime]
    assigned_at: Mapped[datetime | None]


class WithdrawalFreezeRow(Base):
    """Why a player's withdrawals wait for staff: a deposit of his that was credited and undone."""

    __tablename__ = "withdrawal_freezes"
    __table_args__ = (CheckConstraint("(lifted_by IS NULL) = (lifted_at IS NULL)", name="lifted"),)

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")
    )
    player_id: Mapped[int] = mapped_column(ForeignKey(PlayerRow.id), index=True)
    deposit_id: Mapped[int] = mapped_column(ForeignKey("deposits.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    frozen_at: Mapped[datetime]
    lifted_by: Mapped[str | None] = mapped_column(Text)
    lifted_at: Mapped[datetime | None]


class ChainAccountRow(Base):
    """Which account of a chain holds what an owner of ours gets, as the chain once told; never
    another one. On a chain of coins it is the owner himself."""

    __tablename__ = "chain_accounts"
    __table_args__ = (UniqueConstraint("chain", "account"),)

    chain: Mapped[str] = mapped_column(Text, primary_key=True)
    owner: Mapped[str] = mapped_column(Text, primary_key=True)
    account: Mapped[str] = mapped_column(Text)
    located_at: Mapped[datetime]
    # Since when it is closed for unpaid rent, as staff were told; None while all is well.
    frozen_at: Mapped[datetime | None]


class TokenCaseRow(Base):
    """Tokens that the house does not take, sent to an account of ours; a person decides."""

    __tablename__ = "token_cases"
    __table_args__ = (
        UniqueConstraint("chain", "business_key"),
        CheckConstraint("units > 0", name="units"),
        CheckConstraint("status IN ('open', 'resolved')", name="status"),
        CheckConstraint(
            "(status = 'resolved') = (note IS NOT NULL AND resolved_by IS NOT NULL"
            " AND resolved_at IS NOT NULL)",
            name="resolved",
        ),
        Index("ix_token_cases_status", "status", "id"),
        Index("ix_token_cases_player_id", "player_id"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")
    )
    chain: Mapped[str] = mapped_column(Text)
    business_key: Mapped[str] = mapped_column(Text)
    token: Mapped[str] = mapped_column(Text)
    # Whether the token's own contract says that this account of ours holds it.
    vouched: Mapped[bool]
    account: Mapped[str] = mapped_column(Text)
    # In the token's own smallest units, whose decimals nobody here knows; None: not told.
    units: Mapped[Decimal | None] = mapped_column(Numeric(78, 0))
    tx_hash: Mapped[str] = mapped_column(Text)
    sender: Mapped[str] = mapped_column(Text)
    comment: Mapped[str | None] = mapped_column(Text)
    player_id: Mapped[int | None] = mapped_column(ForeignKey(PlayerRow.id))
    block: Mapped[int] = mapped_column(BigInteger)
    sent_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(Text, server_default=text("'open'"))
    note: Mapped[str | None] = mapped_column(Text)
    resolved_by: Mapped[str | None] = mapped_column(Text)
    resolved_at: Mapped[datetime | None]


class TokenDayRow(Base):
    """How many transfers of a token became cases on a day, and how many were only counted. The
    empty token stands for all that came after the chain's day was full."""

    __tablename__ = "token_days"
    __table_args__ = (CheckConstraint("kept >= 0 AND beyond >= 0", name="counts"),)

    chain: Mapped[str] = mapped_column(Text, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    token: Mapped[str] = mapped_column(Text, primary_key=True)
    kept: Mapped[int] = mapped_column(server_default=text("0"))
    beyond: Mapped[int] = mapped_column(server_default=text("0"))
