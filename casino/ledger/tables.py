"""Rows of the book: player locks, wallets, transfers, idempotency keys, roll-ups, marks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from casino.db import Base


class LedgerPlayer(Base):
    """The row that every command on a player's money, limits, status or seeds locks first."""

    __tablename__ = "ledger_players"

    player_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class WalletRow(Base):
    """What a player has in one asset; proven against the transfers by reconcile."""

    __tablename__ = "wallets"
    __table_args__ = (
        CheckConstraint("cash >= 0", name="cash_not_negative"),
        CheckConstraint("bonus >= 0", name="bonus_not_negative"),
        CheckConstraint("reserved >= 0", name="reserved_not_negative"),
        CheckConstraint("held >= 0", name="held_not_negative"),
        CheckConstraint("deficit >= 0", name="deficit_not_negative"),
        CheckConstraint("not_final >= 0", name="not_final_not_negative"),
        # No index on a changing column, and room on each page: updates stay heap-only.
        {"postgresql_with": {"fillfactor": "60"}},
    )

    player_id: Mapped[int] = mapped_column(
        ForeignKey("ledger_players.player_id"), primary_key=True, autoincrement=False
    )
    asset: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    cash: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    bonus: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    reserved: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    held: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    deficit: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    not_final: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class TransferRow(Base):
    """One balanced debit/credit pair; immutable. Rows of one command share its entry id."""

    __tablename__ = "transfers"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("debit_account <> credit_account", name="two_accounts"),
        Index("ix_transfers_player", "player_id", "entry_id"),
        # A bet's own entry is its subject: only the others need finding.
        Index(
            "ix_transfers_subject",
            "subject_id",
            postgresql_where=text("subject_id <> entry_id"),
        ),
        {"postgresql_partition_by": "RANGE (entry_id)"},
    )

    entry_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    leg: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    asset: Mapped[int] = mapped_column(SmallInteger)
    kind: Mapped[int] = mapped_column(SmallInteger)
    debit_account: Mapped[int] = mapped_column(SmallInteger)
    credit_account: Mapped[int] = mapped_column(SmallInteger)
    player_id: Mapped[int | None] = mapped_column(BigInteger)
    amount: Mapped[int] = mapped_column(BigInteger)
    subject_id: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class BetKeyRow(Base):
    """Idempotency key of a bet-like command; kept two months, then refused by its timestamp.

    `entry_id` is 0 in no row; a tombstone (a rollback that came before its debit) has no transfers
    under its entry id. Each partition has a unique index on (scope, reference) of its own.
    """

    __tablename__ = "bet_keys"
    __table_args__ = ({"postgresql_partition_by": "RANGE (entry_id)"},)

    scope: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    entry_id: Mapped[int] = mapped_column(BigInteger)
    player_id: Mapped[int] = mapped_column(BigInteger)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)

    # No key of the database's own: the index of each partition is the one that is used.
    __mapper_args__ = {"primary_key": [scope, reference, entry_id]}  # noqa: RUF012 - its name


class MoneyKeyRow(Base):
    """Idempotency key of money coming in or going out; kept for ever."""

    __tablename__ = "money_keys"
    __table_args__ = (UniqueConstraint("scope", "reference"),)

    entry_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    scope: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    player_id: Mapped[int | None] = mapped_column(BigInteger)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)


class HouseLaneRow(Base):
    """The live balance of a house or external account: the sum over all rows of the account.

    Each server process moves rows of its own, so that no batch waits for another; the worker folds
    rows of processes that are gone into backend 0.
    """

    __tablename__ = "house_lanes"
    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)

    backend: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    account: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    asset: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    balance: Mapped[int] = mapped_column(BigInteger)


class HouseRollup(Base):
    """Balance of a house or external account up to an entry id; moved on by the worker."""

    __tablename__ = "house_rollups"

    account: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    asset: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    upto_entry_id: Mapped[int] = mapped_column(BigInteger)
    balance: Mapped[int] = mapped_column(BigInteger)


class MarkRow(Base):
    """A moment of the book: every transfer up to `upto_entry_id` stands summed in its sums.

    `opening` stands for the months that were detached, `proven` for what the worker has proven;
    others belong to a proof under way.
    """

    __tablename__ = "ledger_marks"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")
    )
    name: Mapped[str] = mapped_column(Text)
    upto_entry_id: Mapped[int] = mapped_column(BigInteger)
    # Entries without a key among those that it stands for.
    strays: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    made_at: Mapped[datetime]


class SumRow(Base):
    """What a mark's transfers of one player, kind and pair of accounts come to; player 0 is the
    house."""

    __tablename__ = "ledger_sums"

    mark_id: Mapped[int] = mapped_column(
        ForeignKey("ledger_marks.id"), primary_key=True, autoincrement=False
    )
    player_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    asset: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    kind: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    debit_account: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    credit_account: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    units: Mapped[int] = mapped_column(BigInteger)


class AlertRow(Base):
    """What staff were last told of a proof: its faults, or None that it is sound again."""

    __tablename__ = "ledger_alerts"

    proof: Mapped[str] = mapped_column(Text, primary_key=True)
    content: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    told_at: Mapped[datetime]
