"""Finds what used a nonce of ours so long ago that the node has forgotten the states of that time:
by the token's logs, page by page, from where the last search stopped."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from casino.cashier import fuel, unshown_sends
from casino.clock import utc_now
from casino.errors import OutsideError
from payments.chains.evm_addresses import parse_evm
from payments.desks.evm_nonces import evidence

if TYPE_CHECKING:
    from casino.cashier.unshown_sends import Unshown
    from casino.db import Database
    from payments.chains.base import GasBurnt
    from payments.chains.evm import EvmChain
    from payments.chains.evm_judge import NonceTaker

PAGE_BLOCKS = 1_000
"""About three hours of the main network; a node that finds them too many is asked for less."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class SendSearch:
    """Searches for the foreign sends of one rail of which only the nonce is known. Every payment of
    the token has a log; what paid nobody of it is not found, and the search ends all the same."""

    database: Database
    evm: EvmChain
    rail: str
    poll_seconds: int
    page_blocks: int = PAGE_BLOCKS

    async def run(self) -> None:
        """Search until cancelled; a node in trouble is asked again later."""
        structlog.contextvars.bind_contextvars(chain=self.evm.name, rail=self.rail)
        while True:
            try:
                while await self.step():
                    pass
            except OutsideError as error:
                log.warning("search.node_in_trouble", error=str(error))
            await asyncio.sleep(self.poll_seconds)

    async def step(self) -> bool:
        """Read one page of blocks; False when there is nothing left to search."""
        async with self.database.transaction() as session:
            left = await unshown_sends.unshown(session, rail=self.rail)
        if not left:
            return False
        final = (await self.evm.tip()).final_height
        account = left[0].account
        searches = [one.until(final) for one in left if one.account == account]
        first = min(one.first for one in searches)
        last = min(first + self.page_blocks - 1, max(one.last or 0 for one in searches))
        sent = await self.evm.token_sends(parse_evm(account).raw, first, last)
        wanted = {one.nonce: one for one in searches}
        for nonce, taker, burnt in sent:
            if nonce in wanted:
                await self._show(wanted[nonce], taker, burnt)
        read = [one for one in searches if one.first <= last]
        async with self.database.transaction() as session:
            await unshown_sends.read_to(session, searches=read, height=last)
        return True

    async def _show(self, search: Unshown, taker: NonceTaker, burnt: GasBurnt) -> None:
        """Found twice, after a crash, it is news once."""
        now = utc_now()
        async with self.database.transaction() as session:
            new = await unshown_sends.shown(
                session,
                search=search,
                tx_hash=taker.tx_hash,
                evidence=evidence(self.rail, search.nonce, taker, burnt),
                now=now,
            )
            await fuel.charge(session, rail=self.rail, burnt=burnt, now=now)
        log.warning("search.found", nonce=search.nonce, tx=taker.tx_hash, new=new)
