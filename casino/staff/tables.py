"""Rows of staff: who decides, and in which roles."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Text, UniqueConstraint, text
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
