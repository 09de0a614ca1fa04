"""What an aggregator is: the Protocol that dialects implement, and the values they exchange.

A dialect only reads, checks, converts and words things. It moves no money, asks no database and
keeps no state: `games.aggregators.wallet` settles what it has read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

from casino.errors import CasinoError, OutsideError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from casino.ids import EntryId
    from casino.money import Asset
    from games.aggregators.catalogue import OutsideGame
    from games.aggregators.http import OutsideHttp


class BadCall(OutsideError):
    """A signed call that makes no sense: not its format, a wrong amount; data: reason."""

    code = "error.bad_call"


class UnknownCall(BadCall):
    """The dialect has no call of this name, or we do not offer it; data: call."""

    code = "error.unknown_call"


class UnknownCurrency(BadCall):
    """A currency that we have not agreed on with the aggregator; data: currency."""

    code = "error.unknown_currency"


class MoveKind(StrEnum):
    """What a wallet call does to the player's money."""

    DEBIT = "debit"
    CREDIT = "credit"
    ROLLBACK = "rollback"


class Move(msgspec.Struct, frozen=True, gc=False):
    """One move of a call; `reference` is the aggregator's transaction id, `units` are ours.

    A rollback names the debit that it takes back as `target` and has no units of its own.
    """

    kind: MoveKind
    reference: str
    units: int = 0
    target: str = ""


class Incoming(msgspec.Struct, frozen=True):
    """A call as it arrived: the last part of its address, its headers, its bytes."""

    call: str
    headers: Mapping[str, str]
    body: bytes


class WalletCall(msgspec.Struct, frozen=True):
    """A call that was read and believed; without moves it asks for the balance.

    `player` is our public id of the player, as the aggregator repeats it. `currency` is the
    aggregator's name for `asset`.
    """

    player: str
    asset: Asset
    currency: str
    round_reference: str
    moves: tuple[Move, ...]


class Settled(msgspec.Struct, frozen=True, gc=False):
    """A move that was taken in: the entry it led to, None if it came after its own rollback.

    `moved` is false where nothing was there to be moved: the rollback of a debit that we never saw
    or that was taken back before, and the debit that follows such a rollback.
    """

    reference: str
    entry_id: EntryId | None
    moved: bool


class Settlement(msgspec.Struct, frozen=True):
    """What to answer when a call went through; `balance` is the player's cash in units, now."""

    balance: int
    settled: tuple[Settled, ...] = ()


class Refused(msgspec.Struct, frozen=True):
    """What to answer when it did not; `balance` in units where it is known."""

    error: CasinoError
    balance: int | None = None


Verdict: TypeAlias = Settlement | Refused


class Reply(msgspec.Struct, frozen=True, gc=False):
    """An answer in the aggregator's dialect: JSON bytes and their HTTP status."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Who opens which game: everything an aggregator is told about a player.

    `player` is our public id, `balance` his cash in units of `asset`, `ip` his address.
    """

    game: OutsideGame
    player: str
    asset: Asset
    balance: int
    language: str
    ip: str
    return_url: str


class Aggregator(Protocol):
    """One aggregator as it was agreed on: its keys, its currencies, its games."""

    @property
    def name(self) -> str:
        """What it is called in addresses, switches and keys."""
        ...

    @property
    def games(self) -> tuple[OutsideGame, ...]:
        """What our players may open."""
        ...

    @property
    def frame_origins(self) -> tuple[str, ...]:
        """Where its games are served from: our page frames these origins and no others."""
        ...

    def read_call(self, incoming: Incoming) -> WalletCall:
        """Check the signature over the bytes, then read them.

        Raises BadSignature before anything is parsed, then BadCall, UnknownCall, UnknownCurrency,
        or BadAmount for an amount that is negative or more than 64 bits hold."""
        ...

    def answer(self, call: WalletCall | None, verdict: Verdict) -> Reply:
        """Word a verdict; `call` is None when the call itself could not be read."""
        ...

    async def launch_url(self, http: OutsideHttp, launch: Launch) -> str:
        """The address to frame; raises OutsideUnavailable, OutsideRefused or UnknownCurrency."""
        ...
