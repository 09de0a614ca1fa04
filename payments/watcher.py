"""Money in: reads our accounts without gaps and credits what is final.

No keys and no decisions: facts of the chain go into the cashier in one transaction with the cursor
that says how far they were read, so the two can never disagree."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from casino.cashier import deposits, payouts, treasury
from casino.cashier.batches import open_payouts
from casino.cashier.rails import get_rail
from casino.cashier.unclaimed import ChainDeposit
from casino.clock import utc_now
from casino.errors import OutsideError
from casino.telemetry import hot_wallet_units, watcher_lag_blocks
from payments.addresses import parse_ton
from payments.chains.base import Position

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.db import Database
    from payments.chains.base import Chain, ChainHead, Page

PAGE_TRANSACTIONS = 100

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Watcher:
    """Follows the accounts of one chain's rails."""

    database: Database
    chain: Chain
    rails: tuple[str, ...]
    poll_seconds: int
    _told: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Follow the chain until cancelled; a node in trouble is asked again later."""
        structlog.contextvars.bind_contextvars(chain=self.chain.name)
        while True:
            try:
                await self.step()
            except OutsideError as error:
                log.warning("watcher.node_in_trouble", error=str(error))
            await asyncio.sleep(self.poll_seconds)

    async def step(self) -> None:
        """Read everything up to the present head, then hold the book against it."""
        head = await self.chain.head()
        for rail in self.rails:
            address = await self._address(rail)
            if address is None:
                continue
            account = parse_ton(address, testnet=True).raw
            while await self._read_page(rail, account, head):
                pass
            await self._compare(rail, account, head)

    async def _address(self, rail: str) -> str | None:
        async with self.database.transaction() as session:
            address = (await get_rail(session, rail)).address
        if address is None and rail not in self._told:
            self._told.add(rail)
            log.info("watcher.no_hot_wallet", rail=rail)
        return address

    async def _read_page(self, rail: str, account: str, head: ChainHead) -> bool:
        """Book one page; True if there is more. Nothing is remembered unless all of it is."""
        async with self.database.transaction() as session:
            cursor = await deposits.read_cursor(session, chain=self.chain.name, account=account)
        if head.block < cursor.block:
            log.warning("watcher.head_behind_cursor", head=head.block, cursor=cursor.block)
            return False
        page = await self.chain.page(
            account, after=Position(cursor.lt, cursor.tx_hash), head=head, limit=PAGE_TRANSACTIONS
        )
        # Further pages may hold more of the same blocks: the cursor names the head at the end only.
        block = cursor.block if page.more else head.block
        if page.position == Position(cursor.lt, cursor.tx_hash) and block == cursor.block:
            return False
        async with self.database.transaction() as session:
            await self._book(session, rail, page, head)
            await deposits.advance_cursor(
                session,
                chain=self.chain.name,
                account=account,
                lt=page.position.lt,
                tx_hash=page.position.tx_hash,
                block=block,
                now=utc_now(),
            )
        if page.transfers:
            log.info("deposits.read", rail=rail, transfers=len(page.transfers), block=head.block)
        return page.more

    async def _book(self, session: AsyncSession, rail: str, page: Page, head: ChainHead) -> None:
        now = utc_now()
        seen = [
            ChainDeposit(
                business_key=transfer.business_key,
                tx_hash=transfer.tx_hash,
                account=transfer.account,
                sender=transfer.sender,
                comment=transfer.comment,
                units=transfer.units,
                block=transfer.block,
                at=transfer.at,
            )
            for transfer in page.transfers
        ]
        if seen:
            await deposits.observe(session, rail=rail, transfers=seen, now=now)
        for fee in page.fees:
            await payouts.book_network_fee(
                session, rail=rail, units=fee.units, reference=fee.reference, now=now
            )
        if seen:
            await deposits.confirm(session, rail=rail, final_block=head.block, now=now)

    async def _compare(self, rail: str, account: str, head: ChainHead) -> None:
        """Hold the book against the chain whenever both speak of the same moment."""
        state = await self.chain.account(account)
        watcher_lag_blocks.labels(chain=self.chain.name).set(max(0, state.block - head.block))
        async with self.database.transaction() as session:
            asset = (await get_rail(session, rail)).asset
            hot_wallet_units.labels(asset=asset).set(state.units)
            cursor = await deposits.read_cursor(session, chain=self.chain.name, account=account)
            in_flight = await open_payouts(session, rail=rail)
            if state.lt != cursor.lt or in_flight:
                return
            await treasury.record_chain_balance(
                session, rail=rail, units=state.units, block=state.block, now=utc_now()
            )
