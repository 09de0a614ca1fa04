"""What every chain promises to the watcher and the sender."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import msgspec

from casino.errors import OutsideUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from casino.cashier.strangers import StrangeTransfer
    from casino.money import Asset


class AccountFrozen(OutsideUnavailable):
    """An account is closed for unpaid rent: what it holds is there, but nobody can move or count
    it until somebody pays."""


class Outcome(StrEnum):
    """What is known of an effect in the outside world; UNKNOWN unless there is proof."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The newest final block that the chain's index has read."""

    block: int
    at: datetime


class Position(msgspec.Struct, frozen=True, gc=False):
    """Where reading an account stopped: everything up to this transaction was seen."""

    lt: int = 0
    tx_hash: str = ""


class ChainTransfer(msgspec.Struct, frozen=True, gc=False):
    """Coins that came to one of our accounts and stayed there."""

    business_key: str
    """Unique for ever on this chain; one credit at most."""
    tx_hash: str
    account: str
    sender: str
    comment: str | None
    """The text that came with it; None when there is none or it is not text."""
    units: int
    block: int
    at: datetime
    fuel: bool = False
    """It says that it moves our own coins, which is to be believed from our own account alone."""


class NetworkFee(msgspec.Struct, frozen=True, gc=False):
    """What one transaction of our account cost, in the coin that the network is paid with.

    That coin need not be what the rail moves: a jetton travels on coins of TON. `units` are below
    zero when more came back from earlier ways than this transaction cost."""

    reference: str
    asset: Asset
    units: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """One payment that a message from outside asks for, to an account in raw form: units of coins,
    or of the jetton that the account `through` holds for us."""

    to: str
    units: int
    through: str = ""


@dataclass(frozen=True, slots=True)
class Carrier:
    """A message from outside, signed with an account's key, that the account has obeyed."""

    message_hash: str
    """By which the bytes are known that somebody sent."""
    tx_hash: str
    at: datetime
    sends: tuple[Sent, ...]
    """Whom it pays, as far as that can be read."""
    number: int | None = None
    """The replay number that it has used up, where the account's kind has one."""


@dataclass(frozen=True, slots=True)
class Page:
    """What happened to an account, in order and without a gap, after a position."""

    transfers: tuple[ChainTransfer, ...]
    fees: tuple[NetworkFee, ...]
    position: Position
    more: bool
    """True when further transactions up to the same head wait for the next page."""
    carriers: tuple[Carrier, ...] = ()
    """What somebody with the account's key made it do."""
    strangers: tuple[StrangeTransfer, ...] = ()
    """Tokens that the house does not take, as far as the account was told of them."""


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account as of a final block."""

    units: int
    lt: int
    """The account's last transaction; 0 if it has none."""
    active: bool
    block: int
    at: datetime
    frozen: bool = False
    """Closed for unpaid rent: what it holds is there, but cannot be moved or counted."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One of many accounts as the index tells of them together."""

    lt: int
    """The account's last transaction."""
    units: int | None
    """What it held after that one; None where the index tells of another moment."""
    frozen: bool


@dataclass(frozen=True, slots=True)
class PayoutMember:
    """One payment inside a payout."""

    withdrawal_id: int
    destination: str
    units: int
    memo: str
    fuel: bool = False
    """Coins for an address of our own, marked as such."""


@dataclass(frozen=True, slots=True)
class SentPayout:
    """A payout whose signed bytes exist, as the chain adapter needs it to be found."""

    payout_id: int
    account: str
    signed: bytes
    query_id: int
    created_at: datetime
    expires_at: datetime
    members: tuple[PayoutMember, ...]


@dataclass(frozen=True, slots=True)
class Landed:
    """What a final transaction of ours moved, in units: to the recipient, and from our account."""

    height: int
    arrived_units: int
    left_units: int


@dataclass(frozen=True, slots=True)
class MemberVerdict:
    """What final chain data says of one payment; SUCCEEDED and FAILED carry their evidence."""

    withdrawal_id: int
    outcome: Outcome
    tx_hash: str = ""
    proof: str = ""
    retriable: bool = False
    """Of a failure: the same payment may well succeed in another payout."""
    landed: Landed | None = None
    """Of an UNKNOWN that will never be anything else: it is final, and the amount is another."""
    lost_units: int = 0
    """Of a failure: what the way out and back took of the payout's own units, beyond the fees of
    our own transactions."""


@dataclass(frozen=True, slots=True)
class GasBurnt:
    """What a final transaction of ours burnt, in the smallest parts of the network's coin, where
    that is another coin than the rail's and its parts are smaller than our units."""

    tx_hash: str
    height: int
    parts: int


@dataclass(frozen=True, slots=True)
class PayoutVerdict:
    """What final chain data says of a whole payout."""

    seen: bool
    """The network shows the carrier: in a final block, or, where that takes long, on its way."""
    tx_hash: str
    """The carrier's transaction, if it was seen."""
    members: tuple[MemberVerdict, ...]
    fees: tuple[NetworkFee, ...] = ()
    """What final transactions of the payout cost, where no page of the account tells."""
    stranger: str = ""
    """The final transaction that took the replay key and is none of ours."""
    evidence: Mapping[str, object] = field(default_factory=dict)
    """What is known of the stranger."""
    burnt: GasBurnt | None = None
    """The same where the network is paid in a coin of its own."""


class Chain(Protocol):
    """A network. Every method may raise OutsideUnavailable: then nothing is known."""

    @property
    def name(self) -> str:
        """The chain's name in tables, logs and metrics."""
        ...

    async def head(self) -> ChainHead:
        """The newest final block."""
        ...

    async def page(self, account: str, *, after: Position, head: ChainHead, limit: int) -> Page:
        """What happened to `account` after a position, up to `head`; never with a gap."""
        ...

    async def locate(self, owner: str) -> str:
        """The account that holds what is sent to `owner`, an address as people know it in raw
        form: the owner himself for coins, his jetton wallet for jettons."""
        ...

    def learn(self, owner: str, account: str) -> None:
        """Take over what `locate` once told, so that the network need not be asked again."""
        ...

    async def account(self, account: str) -> AccountState:
        """Balance and last transaction of an account, AccountFrozen when they cannot be told."""
        ...

    async def glimpse(self, accounts: Sequence[str]) -> Mapping[str, Glimpse]:
        """Many accounts in few questions, as of the index, which may be ahead of `head`; accounts
        that it has never heard of are left out."""
        ...

    async def broadcast(self, signed: bytes) -> Outcome:
        """Hand stored bytes to the network. SUCCEEDED: a node took them; FAILED: a node refused
        them, which proves nothing about earlier sends; UNKNOWN: no clear answer."""
        ...

    async def judge(self, payout: SentPayout, *, head: ChainHead) -> PayoutVerdict:
        """Judge every member by final chain data. A member is FAILED only with proof that its
        bytes can never pay it."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
