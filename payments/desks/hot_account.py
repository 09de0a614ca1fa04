"""The hot wallet on TON as both its desks see it: what is free, and whether it was looked at."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from casino.cashier import deposits, numbers
from casino.cashier.batches import open_payouts
from casino.cashier.moves import MoveKind
from casino.cashier.rails import TON, USDT_TON, get_rail
from payments.addresses import parse_ton
from payments.chains.ton_jetton_payout import MEMBER_UNITS_MAX as JETTON_MEMBER_UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.batches import Payout
    from casino.db import Database
    from payments.chains.base import AccountState, Chain

RAILS = (TON, USDT_TON)
"""The rails that one wallet on TON pays for."""
MEMBER_FEE_UNITS = 2_000_000
PAYOUT_FEE_UNITS = 100_000_000
"""Kept back for a payout's own gas and its message to itself; most of it stays in the wallet."""
LOOK_LASTS_SECONDS = 60.0
"""How long it is enough that the watcher has read what the node once knew. What happened since
cannot be paid again within that time: the wallet remembers its query ids for much longer, and a
database that forgot so recent a payout hands out the same one."""


@dataclass(slots=True)
class HotAccount:
    """The account that a rail's payouts leave from. `text` is how the cashier writes it."""

    database: Database
    coins: Chain
    rail: str
    text: str = ""
    raw: str = ""
    state: AccountState | None = None
    _open_before: dict[int, Payout] = field(default_factory=dict)
    _wanted: tuple[int, float] | None = None
    _read: tuple[int, float] | None = None

    async def look(self) -> int | None:
        """See how the account stands; returns how many blocks the watcher is behind the node, None
        while there is no wallet. Raises OutsideUnavailable, and then nothing is known of it."""
        self.state = None
        async with self.database.transaction() as session:
            text = (await get_rail(session, self.rail)).address
            if text is None:
                return None
            if text != self.text:
                self.text, self.raw = text, parse_ton(text, testnet=True).raw
                self._wanted = self._read = None
            # Before the balance: what is paid in between is then counted twice, never not at all.
            before = {payout.id: payout for payout in await self._open(session)}
        state = await self.coins.account(self.raw)
        async with self.database.transaction() as session:
            cursor = await deposits.read_cursor(session, chain=TON, account=self.raw)
        self._open_before, self.state = before, state
        self._note_look(cursor.lt, state.lt)
        return max(0, state.block - cursor.block)

    async def under_way(self, session: AsyncSession) -> Sequence[Payout]:
        """What is open and leaves this account, on all its rails, and what was open when the
        balance was asked for, as it was then."""
        now = {payout.id: payout for payout in await self._open(session)}
        return [*(now | self._open_before).values()]

    async def free_coins(self, session: AsyncSession) -> int | None:
        """Coins that nothing under way may still take; None while nothing new may leave, for the
        watcher has yet to read what this account has done: a database that was restored knows less
        than the chain. Locks the account's number, so that one desk counts at a time."""
        state = self.state
        if state is None or state.frozen:
            return None
        await numbers.lock(session, account=self.text)
        cursor = await deposits.read_cursor(session, chain=TON, account=self.raw)
        fresh = self._read is not None and time.monotonic() - self._read[1] <= LOOK_LASTS_SECONDS
        read = self._read[0] if self._read is not None and fresh else state.lt
        if cursor.lt < min(read, state.lt):
            return None
        reserved = sum(coins_reserved(payout) for payout in await self.under_way(session))
        return state.units - reserved - PAYOUT_FEE_UNITS

    async def _open(self, session: AsyncSession) -> Sequence[Payout]:
        return [
            payout
            for rail in RAILS
            for payout in await open_payouts(session, rail=rail)
            if payout.account == self.text
        ]

    def _note_look(self, read_lt: int, known_lt: int) -> None:
        """Deposits come all the time, so that the watcher is hardly ever level with the node: it is
        asked to reach what the node knew at some moment, then at a later one."""
        if self._wanted is not None and read_lt >= self._wanted[0]:
            self._read, self._wanted = self._wanted, None
        if self._wanted is None:
            self._wanted = known_lt, time.monotonic()


def coins_reserved(payout: Payout) -> int:
    """Coins that an open payout may still take from the hot wallet, all fees included; too much
    rather than too little, since some of it may have left already."""
    if payout.move is not None and payout.move.kind == MoveKind.COLD and payout.rail == USDT_TON:
        return PAYOUT_FEE_UNITS + JETTON_MEMBER_UNITS
    if payout.move is not None:
        coins = payout.rail == TON and payout.move.kind in {MoveKind.FUEL, MoveKind.COLD}
        return PAYOUT_FEE_UNITS + MEMBER_FEE_UNITS + (payout.move.units if coins else 0)
    pending = [member for member in payout.members if member.outcome == "pending"]
    if payout.rail == USDT_TON:
        return PAYOUT_FEE_UNITS + len(pending) * JETTON_MEMBER_UNITS
    return PAYOUT_FEE_UNITS + sum(member.units + MEMBER_FEE_UNITS for member in pending)
