"""Rows about where players are paid to: uses, saved addresses, and who is paid to those only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from casino.db import Base
from casino.players.tables import PlayerRow

ZERO = text("0")


class AddressUseRow(Base):
    """A destination that a player was paid to, for address books and risk facts."""

    __tablename__ = "address_uses"
    __table_args__ = (Index("ix_address_uses_player_id", "player_id"),)

    rail: Mapped[str] = mapped_column(Text, primary_key=True)
    destination: Mapped[str] = mapped_column(Text, primary_key=True)
    player_id: Mapped[int] = mapped_column(
        ForeignKey(PlayerRow.id), primary_key=True, autoincrement=False
    )
    requests: Mapped[int] = mapped_column(server_default=ZERO)
    payments: Mapped[int] = mapped_column(server_default=ZERO)
    # How many of the requests carried a comment.
    memos: Mapped[int] = mapped_column(server_default=ZERO)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]


class SavedAddressRow(Base):
    """An address that a player keeps under a name of his own."""

    __tablename__ = "saved_addresses"
    __table_args__ = (
        UniqueConstraint("player_id", "rail", "destination"),
        CheckConstraint("char_length(label) BETWEEN 1 AND 40", name="label"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")
    )
    player_id: Mapped[int] = mapped_column(ForeignKey(PlayerRow.id))
    rail: Mapped[str] = mapped_column(Text)
    destination: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text)
    saved_at: Mapped[datetime]


class SavedOnlyRow(Base):
    """That a player is paid to saved addresses only, from `since` on, before `until` if set."""

    __tablename__ = "saved_only"
    __table_args__ = (CheckConstraint("until > since", name="until"),)

    player_id: Mapped[int] = mapped_column(
        ForeignKey(PlayerRow.id), primary_key=True, autoincrement=False
    )
    since: Mapped[datetime]
    until: Mapped[datetime | None]
