"""What our database says for a Bitcoin payout: coins that may be spent, scripts to pay, numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from casino.cashier import attempts, blocks, coins, numbers
from casino.cashier.moves import MoveKind
from casino.errors import AddressInvalid
from payments.btc_units import BTC_SCALE
from payments.chains.btc_addresses import INTERNAL_BRANCH, parse
from payments.chains.btc_coins import Coin, Target, dust_limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.batches import Payout
    from casino.cashier.coins import OwnCoin
    from payments.chains.btc_addresses import AccountKey


@dataclass(frozen=True, slots=True)
class BtcBook:
    """The rail's side of the database, for the account whose public key we have."""

    rail: str
    chain: str
    account: AccountKey

    @property
    def hot_wallet(self) -> str:
        """By what payouts name the account; see `CoinKeeper.hot_wallet`."""
        return self.account.change_address(0)

    def script_of(self, branch: int, index: int) -> bytes:
        """Our own script at a branch and an index."""
        return self.account.script(branch, index)

    def targets(self, payout: Payout) -> Sequence[Target]:
        """What a payout pays beyond our own change, in the order of its members: nothing for a move
        of our own, but for cold storage. Raises AddressInvalid, ValueError for units that are no
        whole satoshis."""
        move = payout.move
        if move is not None and move.kind == MoveKind.COLD:
            return [self._target(move.destination, move.units)]
        return [self._target(member.destination, member.units) for member in payout.members]

    def is_payable(self, destination: str, units: int) -> bool:
        """Whether nodes would relay a payment of so many of the book's units."""
        try:
            script = parse(destination, self.account.network)
        except AddressInvalid:
            return False
        satoshis, rest = divmod(units, BTC_SCALE)
        return not rest and satoshis >= dust_limit(script)

    async def spendable(self, session: AsyncSession) -> Mapping[str, Coin]:
        """Coins that a payout may take now, by outpoint: deposits in final blocks and change of
        our own in any block, unless another payout holds them."""
        place = await blocks.read_place(session, chain=self.chain)
        if place is None:
            return {}
        held = await attempts.reserved(session, rail=self.rail)
        return {
            one.outpoint: self._coin(one)
            for one in await coins.unspent(session, rail=self.rail)
            if one.outpoint not in held
            and (one.branch == INTERNAL_BRANCH or one.height <= place.final_height)
        }

    async def parents(self, session: AsyncSession, outpoints: Sequence[str]) -> Mapping[str, bytes]:
        """The transactions that made these coins, by their ids."""
        known = await coins.known(session, rail=self.rail, outpoints=outpoints)
        return {one.outpoint.partition(":")[0]: one.parent for one in known.values()}

    async def next_number(self, session: AsyncSession) -> int:
        """Wait for our turn with the account and take the next place for change: after every one
        that we gave out and, should our memory be older than the chain, every one that the chain
        has seen."""
        last = (await numbers.lock(session, account=self.hot_wallet)).last
        seen = await coins.highest_number(session, rail=self.rail, branch=INTERNAL_BRANCH)
        return max(last, seen, 0) + 1

    def _target(self, destination: str, units: int) -> Target:
        satoshis, rest = divmod(units, BTC_SCALE)
        if rest:
            raise ValueError("a payment that is no whole number of satoshis")
        return Target(satoshis, parse(destination, self.account.network))

    def _coin(self, one: OwnCoin) -> Coin:
        txid, _, vout = one.outpoint.partition(":")
        return Coin(
            txid=txid,
            vout=int(vout),
            units=one.units,
            script=self.account.script(one.branch, one.number),
            branch=one.branch,
            index=one.number,
            height=one.height,
            own_change=one.branch == INTERNAL_BRANCH,
        )
