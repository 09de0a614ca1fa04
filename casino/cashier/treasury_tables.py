"""Rows of hot and cold: how much a hot wallet shall hold, and what went to cold storage or back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from casino.db import Base


class HotThresholdsRow(Base):
    """What people want a rail's hot wallet to hold, in units of the rail's asset; a rail without a
    row is left alone."""

    __tablename__ = "hot_thresholds"
    __table_args__ = (
        CheckConstraint(
            "low_units >= 0 AND low_units < keep_units AND keep_units < high_units", name="order"
        ),
    )

    rail: Mapped[str] = mapped_column(Text, primary_key=True)
    low_units: Mapped[int] = mapped_column(BigInteger)
    keep_units: Mapped[int] = mapped_column(BigInteger)
    high_units: Mapped[int] = mapped_column(BigInteger)
    cold_address: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime]


class HotLevelRow(Base):
    """How a rail's hot wallet stood at the last final block that was compared, and what follows
    from it until it is well again."""

    __tablename__ = "hot_levels"
    __table_args__ = (CheckConstraint("units >= 0 AND owed_units >= 0", name="units"),)

    rail: Mapped[str] = mapped_column(Text, primary_key=True)
    # The hot wallet alone, without coins at deposit addresses that have to be swept first.
    units: Mapped[int] = mapped_column(BigInteger)
    owed_units: Mapped[int] = mapped_column(BigInteger)
    block: Mapped[int] = mapped_column(BigInteger)
    read_at: Mapped[datetime]
    # Staff were asked to top up, and have not been told yet that it is done.
    low: Mapped[bool]
    # What is above was asked for, of the signer or of staff; nothing more is until that is over.
    high: Mapped[bool]


class ColdAddressRow(Base):
    """An address of cold storage that the house has or had; one of ours until people have it
    forgotten."""

    __tablename__ = "cold_addresses"

    rail: Mapped[str] = mapped_column(Text, primary_key=True)
    # Canonical text, as withdrawals have it.
    address: Mapped[str] = mapped_column(Text, primary_key=True)
    known_at: Mapped[datetime]


class ColdBookingRow(Base):
    """Coins that went to cold storage or came back, as they were booked; never changed."""

    __tablename__ = "cold_bookings"
    __table_args__ = (
        CheckConstraint("way IN ('to_cold', 'from_cold')", name="way"),
        CheckConstraint("units > 0", name="units"),
        Index("ix_cold_bookings_latest", "rail", "id"),
        UniqueConstraint("rail", "way", "reference"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")
    )
    rail: Mapped[str] = mapped_column(Text)
    way: Mapped[str] = mapped_column(Text)
    # One for each transfer on the chain.
    reference: Mapped[str] = mapped_column(Text)
    units: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[str] = mapped_column(Text)
    booked_by: Mapped[str] = mapped_column(Text)
    booked_at: Mapped[datetime]
