"""Rows of staff: who decides, in which roles, and the cards in their chats."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from casino.db import Base


class MemberRow(Base):
    """A member of staff; a removed one keeps the row, since the audit log names it."""

    __tablename__ = "staff_members"
    __table_args__ = (
        UniqueConstraint("telegram_id"),
        CheckConstraint("telegram_id > 0", name="telegram_id"),
        CheckConstraint(
            "roles <@ ARRAY['owner', 'payments', 'kyc', 'support', 'auditor']", name="roles"
        ),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")
    )
    telegram_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(Text)
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class ChatRow(Base):
    """A member's private chat with the operators' bot: its language, and whether it is open."""

    __tablename__ = "staff_chats"

    member_id: Mapped[int] = mapped_column(
        ForeignKey("staff_members.id"), primary_key=True, autoincrement=False
    )
    language: Mapped[str] = mapped_column(Text)
    closed_at: Mapped[datetime | None]


class CardRow(Base):
    """A message about something to decide, so that it can be brought up to date or taken away."""

    __tablename__ = "staff_cards"
    __table_args__ = (
        UniqueConstraint("chat_id", "message_id"),
        CheckConstraint("kind IN ('card', 'picture')", name="kind"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")
    )
    subject: Mapped[str] = mapped_column(Text, index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("staff_members.id"), index=True)
    chat_id: Mapped[int] = mapped_column(BigInteger)
    message_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    # The outbox effect that sent it; a repeated delivery skips whoever has it already.
    effect_id: Mapped[int | None] = mapped_column(BigInteger)
    sent_at: Mapped[datetime]
