"""Do our coins on Bitcoin add up to the book: as blocks told us, and as the node counts them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from casino.cashier import address_pool, blocks, coins, numbers, thresholds, treasury
from casino.cashier.rails import get_rail
from casino.clock import utc_now
from casino.errors import OutsideError, OutsideUnavailable
from casino.telemetry import hot_wallet_units
from payments.bitcoin_rpc import SOURCE
from payments.btc_units import BTC_SCALE
from payments.chains.btc_addresses import INTERNAL_BRANCH, parse
from payments.chains.btc_unspent import UnspentCoin, unspent
from payments.coin_keeper import CHANGE_AHEAD

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.db import Database
    from payments.bitcoin_rpc import BitcoinRpc
    from payments.chains.blocks import Header
    from payments.chains.btc import BtcChain
    from payments.desks.btc_book import BtcBook

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class BtcReconciler:
    """Compares one rail; the node's own count, which takes minutes on the main network, is asked
    for every `scan_every`."""

    database: Database
    btc: BtcChain
    rpc: BitcoinRpc
    book: BtcBook
    poll_seconds: int
    scan_every: timedelta
    _scanned_at: datetime | None = None

    async def run(self) -> None:
        """Compare until cancelled; a node in trouble is asked again later."""
        structlog.contextvars.bind_contextvars(chain=self.btc.name, rail=self.book.rail)
        while True:
            try:
                await self.step()
            except OutsideError as error:
                log.warning("reconciler.node_in_trouble", error=str(error))
            await asyncio.sleep(self.poll_seconds)

    async def step(self) -> None:
        """Compare by the followed blocks at each new one, by the node's count when it is time."""
        await self.compare()
        now = utc_now()
        if self._scanned_at is None or now - self._scanned_at >= self.scan_every:
            await self.scan()
            self._scanned_at = now

    async def close(self) -> None:
        """Close the connections to the node."""
        await self.btc.close()
        await self.rpc.close()

    async def compare(self) -> int | None:
        """The drift at the newest final block, by the coins that the blocks told us of; None when
        there is nothing to compare, or a payout that landed is not booked as ended yet."""
        async with self.database.transaction() as session:
            await blocks.take_turn(session, chain=self.btc.name)
            place = await blocks.read_place(session, chain=self.btc.name)
            if place is None:
                return None
            height = place.final_height
            rail = self.book.rail
            if await coins.is_unsettled(session, rail=rail, height=height):
                return None
            held = await coins.unspent_units_at(session, rail=rail, height=height)
            return await self._record(session, held, height)

    async def scan(self) -> int | None:
        """The drift at a final block by the node's own count of all coins of ours, which knows
        nothing of what we followed. A difference between the two is logged besides."""
        rail = self.book.rail
        async with self.database.transaction() as session:
            place = await blocks.read_place(session, chain=self.btc.name)
            pool = await address_pool.read_from(session, rail=rail, number=0)
            last = await numbers.last(session, account=self.book.hot_wallet)
            if place is None:
                return None
            height = place.final_height
            known = await coins.unspent_at(session, rail=rail, height=height)
        block = await self._header(height)
        script_of = self.book.script_of
        scripts = [parse(address, self.book.account.network) for _, address in pool]
        scripts += [script_of(INTERNAL_BRANCH, n) for n in range(max(last, 0) + CHANGE_AHEAD)]
        remembered = [
            UnspentCoin(one.outpoint, one.units, script_of(one.branch, one.number), one.height)
            for one in known
        ]
        found = await unspent(self.rpc, self.btc, scripts, block=block, known=remembered)
        followed = {one.outpoint: one.units for one in known}
        counted = {outpoint: one.units for outpoint, one in found.coins.items()}
        if followed != counted:
            differing = sorted(followed.items() ^ counted.items())
            log.error("reconciler.coins_differ", height=height, coins=differing[:20])
        async with self.database.transaction() as session:
            await blocks.take_turn(session, chain=self.btc.name)
            now_at = await blocks.read_place(session, chain=self.btc.name)
            unsettled = await coins.is_unsettled(session, rail=rail, height=height)
            if now_at is None or now_at.final_height != height or unsettled:
                return None
            return await self._record(session, found.units, height)

    async def _record(self, session: AsyncSession, satoshis: int, height: int) -> int:
        rail = self.book.rail
        # Players may play with deposits before they are final: the book has those already.
        early = await coins.booked_early(session, rail=rail, height=height)
        units = satoshis * BTC_SCALE + early
        hot_wallet_units.labels(asset=(await get_rail(session, rail)).asset).set(units)
        # Every coin of the account can be spent as it lies: all of it is the hot wallet.
        await thresholds.observe(
            session,
            rail=rail,
            units=satoshis * BTC_SCALE,
            block=height,
            now=utc_now(),
        )
        return await treasury.record_chain_balance(
            session, rail=rail, units=units, block=height, now=utc_now()
        )

    async def _header(self, height: int) -> Header:
        found = await self.btc.headers(height, height)
        if not found:
            raise OutsideUnavailable(source=SOURCE, reason="the node does not have the block")
        return found[0]
