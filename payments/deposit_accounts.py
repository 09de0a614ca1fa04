"""Players' own addresses on a chain that is read account by account: few questions for many.

The index tells the last transaction of a hundred accounts at once, and only those that have a newer
one than was booked are read, each with a cursor of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from casino.cashier import address_pool, chain_accounts, deposits
from casino.cashier.rails import get_rail
from casino.clock import utc_now
from payments.chains.base import Glimpse
from payments.reading import read_account

if TYPE_CHECKING:
    from collections.abc import Mapping

    from casino.db import Database
    from payments.chains.base import Chain, ChainHead

NOTHING_YET = Glimpse(lt=0, units=0, frozen=False)
LOCATED_AT_ONCE = 50
"""New addresses whose jetton wallets are asked for before they are kept: a restart asks no more
than these again."""


@dataclass(slots=True)
class DepositAccounts:
    """The assigned addresses of one rail, and the accounts behind them."""

    database: Database
    chain: Chain
    rail: str
    _pool: str = ""
    _from_number: int = 0
    _accounts: dict[str, str] = field(default_factory=dict)
    """By the address that people know."""
    _lts: dict[str, int] = field(default_factory=dict)
    """How far each account is booked, by the account; 0 for those that were never read."""
    _seen: Mapping[str, Glimpse] = field(default_factory=dict)

    async def step(self, head: ChainHead) -> None:
        """Take in new addresses, then read every account that has something new."""
        await self._take_in()
        if not self._accounts:
            return
        self._seen = await self.chain.glimpse(sorted(self._accounts.values()))
        for address, account in self._accounts.items():
            seen = self._seen.get(account)
            if seen is None or seen.lt <= self._lts[account]:
                continue
            await read_account(
                self.database,
                self.chain,
                rail=self.rail,
                address=address,
                account=account,
                head=head,
            )
            async with self.database.transaction() as session:
                cursor = await deposits.read_cursor(session, chain=self.chain.name, account=account)
            self._lts[account] = cursor.lt

    @property
    def units(self) -> int | None:
        """What all these accounts hold together; None unless the book is where each of them is."""
        total = 0
        for account, lt in self._lts.items():
            seen = self._seen.get(account, NOTHING_YET)
            if seen.lt != lt or seen.units is None:
                return None
            total += seen.units
        return total

    @property
    def frozen(self) -> frozenset[str]:
        """Which of them are closed for unpaid rent."""
        return frozenset(one for one, seen in self._seen.items() if seen.frozen)

    @property
    def alive(self) -> frozenset[str]:
        """Which of them are known and are not."""
        return frozenset(self._seen) - self.frozen

    async def _take_in(self) -> None:
        """Find the account of every address that became somebody's since the last time. What is
        known from before is taken over, the rest is asked for once and kept."""
        name = self.chain.name
        async with self.database.transaction() as session:
            if not self._pool:
                self._pool = (await get_rail(session, self.rail)).pool
            found, following = await address_pool.assigned_from(
                session, rail=self._pool, number=self._from_number
            )
            new = [address for address in found if address not in self._accounts]
            known = await chain_accounts.read_located(session, chain=name) if new else {}
        for at in range(0, len(new), LOCATED_AT_ONCE):
            await self._locate(new[at : at + LOCATED_AT_ONCE], known)
        self._from_number = following

    async def _locate(self, addresses: list[str], known: Mapping[str, str]) -> None:
        accounts: dict[str, str] = {}
        for address in addresses:
            if address in known:
                self.chain.learn(address, known[address])
                accounts[address] = known[address]
            else:
                accounts[address] = await self.chain.locate(address)
        async with self.database.transaction() as session:
            await chain_accounts.remember(
                session, chain=self.chain.name, found=accounts, now=utc_now()
            )
            cursors = await deposits.read_cursors(
                session, chain=self.chain.name, accounts=list(accounts.values())
            )
        for account in accounts.values():
            self._lts[account] = cursors[account].lt if account in cursors else 0
        self._accounts |= accounts
