"""Reads from Bitcoin's blocks what they did to our coins: deposits, change, and who spent them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from casino.cashier import address_pool, coins, numbers
from casino.cashier.coins import CoinMoves, CoinSpend, OwnCoin
from payments.chains.btc_addresses import EXTERNAL_BRANCH, INTERNAL_BRANCH, address_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from casino.db import Database
    from payments.chains.blocks import Header, Incoming, Watched
    from payments.chains.btc import BtcChain, Moved, OwnOutput
    from payments.chains.btc_addresses import AccountKey

CHANGE_AHEAD = 200
"""So many places of our change are watched beyond the last one that we remember: after an old copy
of the database was restored, the chain has seen more of them than we have."""


@dataclass(slots=True)
class CoinKeeper:
    """The coins of one account: players' deposit addresses and our change."""

    chain: BtcChain
    account: AccountKey
    rail: str
    _change: dict[bytes, int] = field(default_factory=dict)

    @property
    def hot_wallet(self) -> str:
        """The first place of the internal branch: payouts name it as their account, and the owner
        may send his capital there."""
        return self.account.change_address(0)

    async def read(
        self, database: Database, headers: Sequence[Header], watched: Watched
    ) -> tuple[Sequence[Incoming], CoinMoves]:
        """What these blocks brought and did; see `follower.CoinSource`."""
        if not headers:
            return (), CoinMoves()
        below = headers[0].height - 1
        async with database.transaction() as session:
            last = await numbers.last(session, account=self.hot_wallet)
            # What blocks above it spent is unspent again if these blocks replace them.
            there = await coins.unspent_at(session, rail=self.rail, height=below)
        known = [one.outpoint for one in there]
        self._watch_change(last)
        while True:
            moved = await self.chain.moved(
                headers, watched=watched, own=self._change, outpoints=known
            )
            highest = max((self._change.get(one.script, 0) for one in moved.made), default=0)
            if highest <= len(self._change) - CHANGE_AHEAD // 2:
                break
            self._watch_change(highest)
        return moved.incoming, await self._moves(database, moved)

    async def _moves(self, database: Database, moved: Moved) -> CoinMoves:
        addresses = {
            one.script: address_of(one.script, self.account.network) or ""
            for one in moved.made
            if one.script not in self._change
        }
        async with database.transaction() as session:
            found = await address_pool.numbers(
                session, rail=self.rail, addresses=list(addresses.values())
            )
        made = []
        for one in moved.made:
            if one.script in self._change:
                made.append(_coin(one, INTERNAL_BRANCH, self._change[one.script]))
            else:
                made.append(_coin(one, EXTERNAL_BRANCH, found[addresses[one.script]]))
        spends = [
            CoinSpend(
                one.outpoint,
                one.txid,
                one.height,
                one.block_hash,
                tuple(
                    (address_of(output.script, self.account.network) or "", output.units)
                    for output in one.outputs
                ),
            )
            for one in moved.spends
        ]
        return CoinMoves(made, spends)

    def _watch_change(self, last: int) -> None:
        for index in range(len(self._change), max(last, 0) + CHANGE_AHEAD + 1):
            self._change[self.account.script(INTERNAL_BRANCH, index)] = index


def _coin(one: OwnOutput, branch: int, number: int) -> OwnCoin:
    return OwnCoin(
        outpoint=one.outpoint,
        units=one.units,
        branch=branch,
        number=number,
        parent=one.parent,
        height=one.height,
        block_hash=one.block_hash,
    )
