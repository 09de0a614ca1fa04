"""Other tokens at players' addresses on a chain of blocks: read behind the deposits, when final.

It has a cursor, a process's turn and connections of its own, so that whatever strangers mint costs
the deposits nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import structlog

from casino.cashier import address_pool, deposits, token_cases
from casino.cashier.rails import get_rail
from casino.clock import utc_now
from casino.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from casino.cashier.strangers import StrangeTransfer
    from casino.db import Database
    from payments.chains.blocks import Tip

RANGE_BLOCKS = 500
POLL_SECONDS = 60

log = structlog.get_logger(__name__)


class TokenSource(Protocol):
    """A chain of blocks that can tell of any token. Every method may raise OutsideUnavailable."""

    @property
    def name(self) -> str:
        """The chain's name in tables, logs and metrics."""
        ...

    async def tip(self) -> Tip:
        """The newest block and the newest final height."""
        ...

    async def strangers(
        self, first: int, last: int, recipients: Sequence[str]
    ) -> Sequence[StrangeTransfer]:
        """Tokens that are not ours and came to these accounts in the final blocks `first` ..
        `last`."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


@dataclass(slots=True)
class TokenWatch:
    """Looks after the assigned addresses of one rail."""

    database: Database
    source: TokenSource
    rail: str
    _addresses: list[str] = field(default_factory=list)
    _from_number: int = 0

    @property
    def cursor_name(self) -> str:
        """Whose cursor it is among those of all chains."""
        return f"{self.source.name}:tokens"

    async def run(self) -> None:
        """Look until cancelled; a node in trouble is asked again later."""
        structlog.contextvars.bind_contextvars(chain=self.cursor_name)
        while True:
            try:
                await self.step()
            except OutsideError as error:
                log.warning("tokens.node_in_trouble", error=str(error))
            await asyncio.sleep(POLL_SECONDS)

    async def step(self) -> None:
        """Read up to the newest final block. The first time there is nothing to make up for: what
        came before nobody was watched for."""
        final = (await self.source.tip()).final_height
        async with self.database.transaction() as session:
            cursor = await deposits.read_cursor(session, chain=self.cursor_name, account=self.rail)
        done = cursor.block
        if not done:
            await self._book((), final)
        while done and done < final:
            last = min(done + RANGE_BLOCKS, final)
            await self._take_in()
            found = (
                await self.source.strangers(done + 1, last, self._addresses)
                if self._addresses
                else ()
            )
            await self._book(found, last)
            done = last

    async def _take_in(self) -> None:
        async with self.database.transaction() as session:
            rail = await get_rail(session, self.rail)
            found, self._from_number = await address_pool.assigned_from(
                session, rail=rail.pool, number=self._from_number
            )
        known = set(self._addresses)
        self._addresses += [address for address in found if address not in known]

    async def _book(self, found: Sequence[StrangeTransfer], last: int) -> None:
        async with self.database.transaction() as session:
            now = utc_now()
            rail = await get_rail(session, self.rail)
            opened = await token_cases.keep(
                session, chain=rail.chain, rail=rail, transfers=found, now=now
            )
            await deposits.advance_cursor(
                session,
                chain=self.cursor_name,
                account=self.rail,
                lt=0,
                tx_hash="",
                block=last,
                now=now,
            )
        if found:
            log.info("tokens.seen", rail=self.rail, seen=len(found), cases=opened, block=last)
