"""What every rail promises to the sender and the settler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from casino.cashier.batches import Payout
    from payments.chains.base import Outcome, PayoutVerdict


class Desk(Protocol):
    """A rail's way out. Methods that talk to a node may raise OutsideUnavailable: then nothing is
    known, and nothing is done."""

    @property
    def rail(self) -> str:
        """The rail that it pays for."""
        ...

    @property
    def chain(self) -> str:
        """The network's name in logs and alerts."""
        ...

    @property
    def blocks_behind_max(self) -> int:
        """How far the watcher may be behind while payouts still leave."""
        ...

    async def behind(self) -> int | None:
        """How many blocks the watcher is behind the node; None while there is no wallet."""
        ...

    async def prepare(self) -> None:
        """Claim what is approved and affordable, and plan versions: the first ones, and further
        ones of what is stuck. Called only while the watcher is current."""
        ...

    async def sendable(self, payout: Payout) -> bool:
        """Whether handing the newest signed version to the network (again) can do any good."""
        ...

    async def broadcast(self, signed: bytes) -> Outcome:
        """Hand stored bytes to the network; see chains.base.Chain."""
        ...

    async def judge(self, payout: Payout) -> PayoutVerdict:
        """Judge every member by final chain data; a move of our own has one verdict, under the
        payout's id. Also asked about payouts of which no bytes exist (yet)."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
