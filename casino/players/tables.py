"""Rows of players: identity, consents, logins, limits, counters, exclusions, documents."""

from __future__ import annotations

from datetime import date, datetime

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
from sqlalchemy.orm import Mapped, mapped_column

from casino.db import Base

NEXT_ID = text("next_id()")


class PlayerRow(Base):
    """A person who plays. The `excluded_*` and `cooling_off_until` columns cache the longest of
    the exclusions, because every bet reads them."""

    __tablename__ = "players"
    __table_args__ = (
        UniqueConstraint("telegram_id"),
        CheckConstraint("telegram_id > 0", name="telegram_id"),
        CheckConstraint("status IN ('active', 'blocked', 'closed')", name="status"),
        CheckConstraint("kyc_level BETWEEN 0 AND 2", name="kyc_level"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    telegram_id: Mapped[int] = mapped_column(BigInteger)
    first_name: Mapped[str] = mapped_column(Text)
    username: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default=text("'active'"))
    status_reason: Mapped[str | None] = mapped_column(Text)
    kyc_level: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    terms_version: Mapped[str | None] = mapped_column(Text)
    referral: Mapped[str | None] = mapped_column(Text)
    unreachable_since: Mapped[datetime | None]
    cooling_off_until: Mapped[datetime | None]
    excluded_until: Mapped[datetime | None]
    excluded_for_life: Mapped[bool] = mapped_column(server_default=text("false"))
    # Proofs of identity launched up to this moment no longer open a login.
    proofs_refused_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class ConsentRow(Base):
    """One acceptance of one version of the terms, with the statement of age; never changed."""

    __tablename__ = "consents"
    __table_args__ = (
        UniqueConstraint("player_id", "terms_version"),
        CheckConstraint("of_age", name="of_age"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    player_id: Mapped[int] = mapped_column(ForeignKey("players.id"))
    terms_version: Mapped[str] = mapped_column(Text)
    of_age: Mapped[bool]
    language: Mapped[str] = mapped_column(Text)
    accepted_at: Mapped[datetime]


class LoginRow(Base):
    """One bearer token, stored as its SHA-256, and the proof that it was minted from."""

    __tablename__ = "logins"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        Index("ix_logins_proof_hash", "proof_hash"),
        Index("ix_logins_player_id", "player_id", "id"),
        CheckConstraint(
            "ended_by IN ('superseded', 'log_out', 'revoked', 'closed')", name="ended_by"
        ),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    player_id: Mapped[int] = mapped_column(ForeignKey("players.id"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    proof_hash: Mapped[bytes] = mapped_column(LargeBinary)
    proof_at: Mapped[datetime]
    agent: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(Text)


class WsTicketRow(Base):
    """A ticket that opens one WebSocket of a login, stored as its SHA-256."""

    __tablename__ = "ws_tickets"
    __table_args__ = (UniqueConstraint("ticket_hash"),)

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    login_id: Mapped[int] = mapped_column(ForeignKey("logins.id"), index=True)
    ticket_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]


class LimitRow(Base):
    """A player's own limit in reference micro-units, and the looser one that waits, if any.

    `pending_at` set with `pending_units` NULL is a removal that waits.
    """

    __tablename__ = "player_limits"
    __table_args__ = (
        CheckConstraint("kind IN ('deposit', 'loss', 'wager', 'stake')", name="kind"),
        CheckConstraint("limit_window IN ('day', 'week', 'month')", name="limit_window"),
        CheckConstraint("kind <> 'stake' OR limit_window = 'day'", name="stake_window"),
        CheckConstraint("units > 0 AND pending_units > 0", name="units"),
        CheckConstraint("pending_at IS NOT NULL OR pending_units IS NULL", name="pending"),
    )

    player_id: Mapped[int] = mapped_column(ForeignKey("players.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    window: Mapped[str] = mapped_column("limit_window", Text, primary_key=True)
    units: Mapped[int | None] = mapped_column(BigInteger)
    pending_units: Mapped[int | None] = mapped_column(BigInteger)
    pending_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]


class CountersRow(Base):
    """What a player staked, lost and deposited in the windows that were current at the last move.

    Reference micro-units; `*_lost` is stakes minus payouts and negative for a winner. `rate_id`
    is the quotation that the last move was converted with.
    """

    __tablename__ = "player_counters"

    player_id: Mapped[int] = mapped_column(
        ForeignKey("players.id"), primary_key=True, autoincrement=False
    )
    day: Mapped[date]
    day_staked: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    day_lost: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    day_deposited: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    week: Mapped[date]
    week_staked: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    week_lost: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    week_deposited: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    month: Mapped[date]
    month_staked: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    month_lost: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    month_deposited: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    rate_id: Mapped[int | None] = mapped_column(BigInteger)


class ExclusionRow(Base):
    """One time-out or self-exclusion as it was asked for; `until` NULL means for life."""

    __tablename__ = "exclusions"
    __table_args__ = (
        Index("ix_exclusions_player_id", "player_id", "id"),
        CheckConstraint("kind IN ('time_out', 'self_exclusion')", name="kind"),
        CheckConstraint("until IS NOT NULL OR kind = 'self_exclusion'", name="life"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    player_id: Mapped[int] = mapped_column(ForeignKey("players.id"))
    kind: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime]
    until: Mapped[datetime | None]


class AccountChangeRow(Base):
    """A change of an account that a thief would make or profit from; never changed itself."""

    __tablename__ = "account_changes"
    __table_args__ = (Index("ix_account_changes_player_id", "player_id", "at"),)

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    player_id: Mapped[int] = mapped_column(ForeignKey("players.id"))
    kind: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class KycCaseRow(Base):
    """A player's request for a higher level; at most one is pending at a time."""

    __tablename__ = "kyc_cases"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'approved', 'rejected')", name="status"),
        CheckConstraint("requested_level BETWEEN 1 AND 2", name="requested_level"),
        CheckConstraint("(status = 'pending') = (decided_at IS NULL)", name="decided"),
        Index("ix_kyc_cases_player_id", "player_id", "id"),
        Index(
            "uq_kyc_cases_pending",
            "player_id",
            unique=True,
            postgresql_where=text("status = 'pending'"),
        ),
        Index("ix_kyc_cases_queue", "id", postgresql_where=text("status = 'pending'")),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    player_id: Mapped[int] = mapped_column(ForeignKey("players.id"))
    status: Mapped[str] = mapped_column(Text, server_default=text("'pending'"))
    requested_level: Mapped[int] = mapped_column(SmallInteger)
    opened_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)


class KycDocumentRow(Base):
    """A document as sealed bytes; `digest` (SHA-256 of the plain bytes) finds one sent twice."""

    __tablename__ = "kyc_documents"
    __table_args__ = (
        UniqueConstraint("case_id", "kind", "digest"),
        CheckConstraint("mime IN ('image/jpeg', 'image/png', 'application/pdf')", name="mime"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=NEXT_ID
    )
    case_id: Mapped[int] = mapped_column(ForeignKey("kyc_cases.id"))
    kind: Mapped[str] = mapped_column(Text)
    mime: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime]
