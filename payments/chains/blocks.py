"""What a chain that is followed block by block promises to its watcher (EVM, Bitcoin)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence
    from datetime import datetime

    from payments.chains.base import Outcome


@dataclass(frozen=True, slots=True)
class Header:
    """A block by its place and its hash; `parent` is what makes a chain of them."""

    height: int
    hash: str
    parent: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Tip:
    """The newest block that the node knows, and the height up to which nothing changes any more.

    `final_hash` is the block of that height, where the node names it: finality then counts only
    for a chain with that very block."""

    head: Header
    final_height: int
    final_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """Coins that a block brought to one of our addresses.

    `business_key` is the same wherever and however often the transaction is mined, and different
    for each of several payments inside one; `units` are the chain's own smallest units.
    """

    business_key: str
    tx_hash: str
    address: str
    sender: str
    units: int
    height: int
    block_hash: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Unmined:
    """A payment to one of our addresses that waits for its first block: a promise to show, never
    to credit. `business_key` is the one that it will have in a block."""

    business_key: str
    tx_hash: str
    address: str
    units: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waited at a node all the while that `top_hash` was its newest block.

    `tx_hashes` is everything that waits there, whoever it pays: what is not among them waits no
    more. `payments` may lack some of it for as long as a new mempool is read."""

    top_hash: str
    payments: tuple[Unmined, ...]
    tx_hashes: frozenset[str]


class Watched(Protocol):
    """Our addresses; a set of texts is one."""

    def __contains__(self, address: object, /) -> bool:
        """Whether an address, in the chain's own form, is ours."""
        ...

    def __len__(self) -> int:
        """How many there are."""
        ...

    def update(self, addresses: Iterable[str], /) -> None:
        """Watch more of them."""
        ...


@dataclass(frozen=True, slots=True)
class Landed:
    """Where a transaction stands in the chain as one node tells it; `succeeded` is False for one
    that was mined and did nothing but pay its fee."""

    tx_hash: str
    height: int
    block_hash: str
    succeeded: bool
    fee_units: int


class BlockChain(Protocol):
    """A chain of blocks. Every method may raise OutsideUnavailable: then nothing is known.

    All answers of one call come from one node. A block is asked for by its hash, so that a node
    that lags says that it does not know it, never that it is empty.
    """

    @property
    def name(self) -> str:
        """The chain's name in tables, logs and metrics."""
        ...

    async def tip(self) -> Tip:
        """The newest block and the newest final height."""
        ...

    async def headers(self, first: int, last: int) -> Sequence[Header]:
        """The headers of heights `first` .. `last`, linked by their parents; fewer when the node's
        chain ends before, OutsideUnavailable when they do not link."""
        ...

    async def incoming(
        self, headers: Sequence[Header], watched: Container[str]
    ) -> Sequence[Incoming]:
        """What these blocks brought to watched addresses, in the order of the chain."""
        ...

    async def landed(self, tx_hash: str) -> Landed | None:
        """Where a transaction was mined; None while the node knows of no such block, which proves
        nothing."""
        ...

    async def broadcast(self, signed: bytes) -> Outcome:
        """Hand stored bytes to the network. SUCCEEDED: a node took or already has them; FAILED: a
        node refused them, which proves nothing about earlier sends; UNKNOWN: no clear answer."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


@runtime_checkable
class HasMempool(Protocol):
    """A chain that also shows what waits for its first block, where the network tells everybody."""

    async def waiting(self, watched: Container[str]) -> Waiting:
        """What waits for watched addresses. An address has to be watched before anybody can know
        it: transactions are looked at once.

        Raises OutsideUnavailable when nothing is known, also because a block came meanwhile."""
        ...
