"""Rows of support: what a player and staff wrote to each other."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from casino.db import Base
from casino.players.tables import PlayerRow
from casino.staff.tables import MemberRow


class MessageRow(Base):
    """One message; `member_id` names the member of staff who answered, NULL is the player."""

    __tablename__ = "support_messages"
    __table_args__ = (
        Index("ix_support_messages_player_id", "player_id", "id"),
        CheckConstraint("length(body) BETWEEN 1 AND 2000", name="body"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")
    )
    player_id: Mapped[int] = mapped_column(ForeignKey(PlayerRow.id))
    member_id: Mapped[int | None] = mapped_column(ForeignKey(MemberRow.id), index=True)
    body: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime]
