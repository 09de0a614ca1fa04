"""Rows of betting: seed pairs, rounds, game terms, open exposure, signatures of receipts."""

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
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON
from sqlalchemy.orm import Mapped, mapped_column

from casino.db import Base


class SeedPairRow(Base):
    """A server seed and the client seed beside it.

    `next` is committed to before its client seed is known; `active` draws rounds, `used` counts
    the nonces taken; `revealed` is over and its server seed is public. `receipt_head` is the hash
    of the player's newest receipt, carried from pair to pair.
    """

    __tablename__ = "seed_pairs"
    __table_args__ = (
        CheckConstraint("status IN ('next', 'active', 'revealed')", name="status"),
        CheckConstraint("used >= 0", name="used_not_negative"),
        Index("ix_seed_pairs_player", "player_id", "id"),
        Index(
            "uq_seed_pairs_current",
            "player_id",
            "status",
            unique=True,
            postgresql_where=text("status <> 'revealed'"),
        ),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")
    )
    player_id: Mapped[int] = mapped_column(ForeignKey("ledger_players.player_id"))
    status: Mapped[str] = mapped_column(Text)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    commitment: Mapped[str] = mapped_column(Text)
    client_seed: Mapped[str | None] = mapped_column(Text)
    client_seed_by: Mapped[str | None] = mapped_column(Text)
    server_seed: Mapped[str | None] = mapped_column(Text)
    used: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    receipt_head: Mapped[bytes | None] = mapped_column(LargeBinary)
    revealed_at: Mapped[datetime | None]


class RoundRow(Base):
    """One run of a game by one player; its id is the entry id of the command that opened it."""

    __tablename__ = "rounds"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'settled', 'void')", name="status"),
        CheckConstraint("stake > 0 AND payout >= 0", name="amounts"),
        Index("ix_rounds_player", "player_id", "id"),
        Index("ix_rounds_open", "player_id", postgresql_where=text("status = 'open'")),
        {"postgresql_partition_by": "RANGE (id)"},
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    player_id: Mapped[int] = mapped_column(BigInteger)
    game: Mapped[str] = mapped_column(Text)
    algorithm: Mapped[str] = mapped_column(Text)
    asset: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[str] = mapped_column(Text)
    stake: Mapped[int] = mapped_column(BigInteger)
    payout: Mapped[int] = mapped_column(BigInteger)
    choice: Mapped[dict[str, object]] = mapped_column(JSON)
    steps: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    details: Mapped[dict[str, object] | None] = mapped_column(JSON)
    multiplier_n: Mapped[int] = mapped_column(BigInteger)
    multiplier_d: Mapped[int] = mapped_column(BigInteger)
    steps_allowed: Mapped[int | None] = mapped_column(SmallInteger)
    exposure: Mapped[int] = mapped_column(BigInteger)
    seed_pair_id: Mapped[int] = mapped_column(BigInteger)
    seed_nonce: Mapped[int] = mapped_column(BigInteger)
    receipt_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    receipt_before: Mapped[bytes | None] = mapped_column(LargeBinary)
    opened_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class GameTermsRow(Base):
    """Smallest and largest stake of a game in an asset; the newest row is in force."""

    __tablename__ = "game_terms"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    game: Mapped[str] = mapped_column(Text, index=True)
    asset: Mapped[int] = mapped_column(SmallInteger)
    stake_min: Mapped[int] = mapped_column(BigInteger)
    stake_max: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime]


class HouseVersionRow(Base):
    """Moves with every change of switches, rates and stakes: what a batch may keep in memory of
    them is known to be new. Triggers of those tables move it."""

    __tablename__ = "house_version"
    __table_args__ = (CheckConstraint("id = 1", name="one"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)


class ExposureRow(Base):
    """The most that open rounds of an asset may still cost the house together, in units.

    Touched once a batch, and only by batches that open or close rounds of several steps.
    """

    __tablename__ = "house_exposure"

    asset: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    open_units: Mapped[int] = mapped_column(BigInteger)


class ReceiptKeyRow(Base):
    """The public part of a key that has signed for the house; its id is derived from it."""

    __tablename__ = "receipt_keys"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    since: Mapped[datetime]


class ReceiptRootRow(Base):
    """The signed Merkle root over the receipts of a second; each record names the one before."""

    __tablename__ = "receipt_roots"
    __table_args__ = (CheckConstraint("count > 0", name="count"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    second: Mapped[datetime]
    count: Mapped[int] = mapped_column(Integer)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    previous_root: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("receipt_keys.id"))
    signature: Mapped[bytes] = mapped_column(LargeBinary)


class ReceiptTreeRow(Base):
    """The tree under a root, level by level from the leaves: the paths of all its receipts.

    Paths share most of their nodes, so the tree once takes 64 bytes a receipt where the paths one
    by one would take 32 for each level.
    """

    __tablename__ = "receipt_trees"
    __table_args__ = ({"postgresql_partition_by": "RANGE (root_id)"},)

    root_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    nodes: Mapped[bytes] = mapped_column(LargeBinary)


class ReceiptPathRow(Base):
    """Where a round's receipt stands in which tree; a round without a row is not signed yet."""

    __tablename__ = "receipt_paths"
    __table_args__ = ({"postgresql_partition_by": "RANGE (round_id)"},)

    round_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root_id: Mapped[int] = mapped_column(BigInteger)
    leaf: Mapped[int] = mapped_column(Integer)


class ReceiptWaitingRow(Base):
    """A round of several steps that has ended; a trigger on `rounds` writes it with the end."""

    __tablename__ = "receipts_waiting"

    round_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class ReceiptProgressRow(Base):
    """How far the signer is: the next pass looks at ids from `signed_below` on, the next thorough
    one from `swept_below` on; `head` is the hash of the newest root's record. Its lock lets one
    signer work at a time."""

    __tablename__ = "receipt_progress"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    signed_below: Mapped[int] = mapped_column(BigInteger)
    swept_below: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[bytes | None] = mapped_column(LargeBinary)
