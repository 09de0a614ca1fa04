"""What players' own addresses on TON hold comes to the hot wallet, when it is worth the fees."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from casino.cashier import address_pool, claiming
from casino.cashier.batches import open_payouts
from casino.cashier.moves import MoveIntent, MoveKind
from casino.cashier.rails import TON, USDT_TON
from casino.clock import utc_now
from payments.addresses import parse_ton
from payments.chains.ton_jetton_payout import ATTACHED_UNITS
from payments.deposit_accounts import NOTHING_YET
from payments.desks.highload import CREATED_BEFORE
from payments.desks.hot_account import MEMBER_FEE_UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.batches import Payout
    from casino.db import Database
    from payments.chains.base import ChainHead, Glimpse
    from payments.chains.ton import TonChain
    from payments.chains.ton_jetton import TonJettonChain
    from payments.desks.hot_account import HotAccount

LIFETIME = timedelta(minutes=5)
"""Of a sweep's bytes: a destroyed wallet would obey them again."""
ORDER_UNITS = 30_000_000
"""Coins for a deposit wallet's own gas, its deployment included."""
JETTON_SWEEP_UNITS = ATTACHED_UNITS + ORDER_UNITS
FUEL_UNITS = 100_000_000
AT_ONCE = 20

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Sweeps:
    """Plans moves from deposit addresses; `jettons` is the jetton's chain on its own rail."""

    database: Database
    coins: TonChain
    hot: HotAccount
    timeout: timedelta
    minimum_units: int
    every_seconds: float
    jettons: TonJettonChain | None = None
    _next_at_seconds: float = 0.0

    async def plan(self) -> None:
        """Look at every address that is somebody's, not more often than it is meant to, and begin
        to move what is worth it. May raise OutsideUnavailable: then it is tried again."""
        if time.monotonic() < self._next_at_seconds or not self.hot.raw:
            return
        async with self.database.transaction() as session:
            numbers = {
                address: number
                for number, address in await address_pool.assigned(session, rail=TON)
            }
            # A message by hand or an older wallet's leftovers are no business of a sweep.
            busy = {one.account for one in await self._open(session)}
        if numbers:
            head = await self.coins.head()
            coins = await self.coins.glimpse(sorted(numbers))
            begun = 0
            for address, units in (await self._worth(numbers, coins)).items():
                if begun < AT_ONCE and address not in busy:
                    there = coins.get(address, NOTHING_YET)
                    begun += await self._begin(address, numbers[address], units, there, head)
        self._next_at_seconds = time.monotonic() + self.every_seconds

    async def _open(self, session: AsyncSession) -> list[Payout]:
        return [
            payout for rail in (TON, USDT_TON) for payout in await open_payouts(session, rail=rail)
        ]

    async def _worth(
        self, numbers: Mapping[str, int], coins: Mapping[str, Glimpse]
    ) -> dict[str, int]:
        """Which addresses hold enough that can be moved, and how much."""
        held = coins
        if self.jettons is not None:
            accounts = {await self.jettons.locate(address): address for address in numbers}
            seen = await self.jettons.glimpse(sorted(accounts))
            held = {accounts[account]: glimpse for account, glimpse in seen.items()}
        return {
            address: glimpse.units
            for address, glimpse in held.items()
            if glimpse.units is not None
            and glimpse.units >= self.minimum_units
            and not glimpse.frozen
        }

    async def _begin(
        self, address: str, number: int, units: int, coins: Glimpse, head: ChainHead
    ) -> int:
        if self.jettons is None:
            return await self._sweep(address, units, head, {"number": number}, rail=TON)
        if coins.units is None or coins.units < JETTON_SWEEP_UNITS:
            return await self._fuel(address, number, head)
        holder = await self.jettons.locate(address)
        plan = {"number": number, "jetton_wallet": holder}
        return await self._sweep(address, units, head, plan, rail=USDT_TON)

    async def _sweep(
        self, address: str, units: int, head: ChainHead, plan: dict[str, object], *, rail: str
    ) -> int:
        seqno = await self.coins.seqno(address)
        created_at = head.at - CREATED_BEFORE
        async with self.database.transaction() as session:
            if await claiming.last_expiry(session, account=address) > head.at:
                # Bytes of the last one could still be obeyed, in place of these.
                return 0
            payout = await claiming.claim_move(
                session,
                rail=rail,
                account=address,
                intent=MoveIntent(MoveKind.SWEEP, address, self.hot.text, units),
                numbering=lambda _last: seqno,
                created_at=created_at,
                expires_at=created_at + LIFETIME,
                now=utc_now(),
                plan=plan,
            )
        if payout is not None:
            log.info("sweep.claimed", payout_id=payout.id, rail=rail, units=units)
        return int(payout is not None)

    async def _fuel(self, address: str, number: int, head: ChainHead) -> int:
        created_at = head.at - CREATED_BEFORE
        async with self.database.transaction() as session:
            free = await self.hot.free_coins(session)
            if free is None or free < FUEL_UNITS + MEMBER_FEE_UNITS:
                return 0
            payout = await claiming.claim_move(
                session,
                rail=TON,
                account=self.hot.text,
                intent=MoveIntent(MoveKind.FUEL, self.hot.text, address, FUEL_UNITS),
                numbering=claiming.next_query_id,
                created_at=created_at,
                expires_at=created_at + self.timeout,
                now=utc_now(),
                plan={"number": number},
            )
        if payout is not None:
            log.info("fuel.claimed", payout_id=payout.id, to=parse_ton(address).raw)
        return int(payout is not None)
