"""Holds the book against all our accounts on an EVM chain, token and coins, at a final block."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from casino.cashier import address_pool, ahead, blocks, fuel, thresholds, treasury
from casino.cashier.batches import open_payouts
from casino.cashier.rails import get_rail
from casino.clock import utc_now
from casino.errors import OutsideError, OutsideUnavailable
from casino.telemetry import hot_wallet_units
from payments.chains.evm_addresses import parse_evm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.db import Database
    from payments.chains.blocks import Header
    from payments.chains.evm import EvmChain
    from payments.chains.evm_accounts import EvmHolding

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class EvmAudit:
    """Compares for one rail, once for each final block that the follower has reached and at which
    nothing of ours lies between the chain and the book."""

    database: Database
    evm: EvmChain
    rail: str
    poll_seconds: int
    _done: int = -1

    async def run(self) -> None:
        """Compare until cancelled; a node in trouble is asked again later."""
        structlog.contextvars.bind_contextvars(chain=self.evm.name, rail=self.rail)
        while True:
            try:
                await self.step()
            except OutsideError as error:
                log.warning("audit.node_in_trouble", error=str(error))
            await asyncio.sleep(self.poll_seconds)

    async def step(self) -> bool:
        """Compare at the follower's final block, if that is new; True if it was done."""
        async with self.database.transaction() as session:
            height = await self._final_height(session)
            if height is None or height <= self._done:
                return False
            accounts = await self._accounts(session)
        header = await self._header(height)
        held = await self.evm.holdings(accounts, block_hash=header.hash)
        async with self.database.transaction() as session:
            if await self._final_height(session) != height:
                return False
            if not await self._settled(session, held, height):
                return False
            await self._compare(session, held, height)
            await self._observe(session, held, height)
        self._done = height
        return True

    async def _header(self, height: int) -> Header:
        found = await self.evm.headers(height, height)
        async with self.database.transaction() as session:
            ring = await blocks.read_ring(session, chain=self.evm.name)
        known = {block.height: block.hash for block in ring}
        if not found or found[0].hash != known.get(height):
            raise OutsideUnavailable(source=self.evm.name, reason="another final block")
        return found[0]

    async def _final_height(self, session: AsyncSession) -> int | None:
        place = await blocks.read_place(session, chain=self.evm.name)
        return None if place is None or place.halted is not None else place.final_height

    async def _accounts(self, session: AsyncSession) -> list[str]:
        """All that are ours, each once: the hot wallet, earlier ones, and deposit addresses."""
        wallet = (await get_rail(session, self.rail)).address
        senders = await ahead.sending_accounts(session, rail=self.rail)
        wallets = [parse_evm(one).raw for one in (*senders, *([wallet] if wallet else ()))]
        deposits = await address_pool.read_from(session, rail=self.rail, number=0)
        return sorted({*wallets, *(address for _, address in deposits)})

    async def _settled(
        self, session: AsyncSession, held: Sequence[EvmHolding], height: int
    ) -> bool:
        """Whether everything of ours up to this block is booked, and nothing of later ones."""
        used = {one.account: one.nonce for one in held}
        in_flight = await open_payouts(session, rail=self.rail)
        for payout in in_flight:
            if payout.replay_number < used.get(parse_evm(payout.account).raw, 0):
                return False
        return await fuel.newest_charge(session, rail=self.rail) <= height

    async def _observe(
        self, session: AsyncSession, held: Sequence[EvmHolding], height: int
    ) -> None:
        """The hot wallet alone: what lies on deposit addresses pays nobody before it is swept."""
        wallet = (await get_rail(session, self.rail)).address
        if wallet is None:
            return
        account = parse_evm(wallet).raw
        await thresholds.observe(
            session,
            rail=self.rail,
            units=sum(one.units for one in held if one.account == account),
            block=height,
            now=utc_now(),
        )

    async def _compare(
        self, session: AsyncSession, held: Sequence[EvmHolding], height: int
    ) -> None:
        early = await ahead.booked_early(session, rail=self.rail, final_height=height)
        now, units = utc_now(), sum(one.units for one in held)
        wei = sum(one.wei for one in held)
        if early is not None:
            asset = (await get_rail(session, self.rail)).asset
            hot_wallet_units.labels(asset=asset).set(units)
            await treasury.record_chain_balance(
                session, rail=self.rail, units=units, block=height, early_units=early, now=now
            )
        await fuel.record_chain_fuel(session, rail=self.rail, parts=wei, block=height, now=now)
        log.info("audit.compared", block=height, units=units, wei=wei, accounts=len(held))
