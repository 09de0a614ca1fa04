"""Keeps a rail's pool of deposit addresses ahead of the players who will ask for one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog

from casino.cashier import address_pool
from casino.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from casino.cashier.address_pool import PoolAddress
    from casino.db import Database

log = structlog.get_logger(__name__)


class AddressSource(Protocol):
    """Derives deposit addresses from a public key; nothing here could spend what they hold."""

    def between(self, first: int, last: int) -> Sequence[PoolAddress]:
        """The addresses number `first` .. `last`."""
        ...


@dataclass(slots=True)
class Pool:
    """The pool of one rail; `ahead` addresses are kept free."""

    database: Database
    rail: str
    source: AddressSource
    ahead: int
    _checked: bool = False

    async def fill(self) -> bool:
        """Add addresses when half of the free ones are gone; True if it looked closer than that.
        The first address is derived again each time we start, since another key would make the
        pool worthless: raises IdempotencyConflict."""
        async with self.database.transaction() as session:
            stock = await address_pool.stock(session, rail=self.rail)
        if self._checked and stock.free > self.ahead // 2:
            return False
        missing = max(0, self.ahead - stock.free)
        derived = await asyncio.to_thread(self._derive, stock.made, missing)
        async with self.database.transaction() as session:
            await address_pool.add(session, rail=self.rail, addresses=derived, now=utc_now())
        self._checked = True
        log.info("addresses.filled", rail=self.rail, made=missing, free=stock.free + missing)
        return True

    def _derive(self, made: int, missing: int) -> list[PoolAddress]:
        first = self.source.between(0, 0) if made else ()
        return [*first, *self.source.between(made, made + missing - 1)]
