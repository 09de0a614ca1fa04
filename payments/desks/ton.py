"""Coins out on TON: batches of the highload wallet, each under a query id and a lifetime."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from casino.cashier import claiming, thresholds
from casino.cashier.moves import MoveIntent, MoveKind
from casino.clock import utc_now
from payments.addresses import parse_ton
from payments.desks.highload import (
    BATCH_MEMBERS,
    CREATED_BEFORE,
    sent_payout,
    unsigned_verdict,
    worth_sending,
)
from payments.desks.hot_account import MEMBER_FEE_UNITS, HotAccount

if TYPE_CHECKING:
    from datetime import timedelta

    from casino.cashier.batches import Payout
    from casino.db import Database
    from payments.chains.base import AccountState, Outcome, PayoutVerdict
    from payments.chains.ton import TonChain
    from payments.desks.ton_sweeps import Sweeps

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class TonDesk:
    """Pays TON from the hot wallet."""

    database: Database
    ton: TonChain
    rail: str
    timeout: timedelta
    blocks_behind_max: int
    sweeps: Sweeps | None = None
    hot: HotAccount = field(init=False)

    def __post_init__(self) -> None:
        self.hot = HotAccount(self.database, self.ton, self.rail)

    @property
    def chain(self) -> str:
        """The network's name."""
        return self.ton.name

    async def behind(self) -> int | None:
        """How far the watcher has to read until it knows what the node knows of the account."""
        return await self.hot.look()

    async def prepare(self) -> None:
        """Claim as much as the wallet can pay besides what is under way."""
        state = self.hot.state
        if state is None:
            return
        await self._claim(state)
        await self._move_to_cold(state)
        if self.sweeps is not None:
            await self.sweeps.plan()

    async def _claim(self, state: AccountState) -> None:
        created_at = state.at - CREATED_BEFORE
        async with self.database.transaction() as session:
            available = await self.hot.free_coins(session)
            if available is None or available <= 0:
                return
            payout = await claiming.claim(
                session,
                rail=self.rail,
                limit=BATCH_MEMBERS,
                available_units=available,
                member_fee_units=MEMBER_FEE_UNITS,
                numbering=claiming.next_query_id,
                created_at=created_at,
                expires_at=created_at + self.timeout,
                orders_until=created_at + self.timeout,
                now=utc_now(),
                plan={},
            )
        if payout is not None:
            log.info("payout.claimed", payout_id=payout.id, members=len(payout.members))

    async def _move_to_cold(self, state: AccountState) -> None:
        """Ask for a move of what is above the threshold, while nothing else is under way: what the
        node and the last comparison with the book agree on is then all there."""
        created_at, now = state.at - CREATED_BEFORE, utc_now()
        async with self.database.transaction() as session:
            free = await self.hot.free_coins(session)
            compared = await thresholds.level(session, rail=self.rail)
            if free is None or compared is None or await self.hot.under_way(session):
                return
            units = min(state.units, compared.units)
            wanted = await thresholds.excess(session, rail=self.rail, units=units, now=now)
            if wanted is None or wanted.units + MEMBER_FEE_UNITS > free:
                return
            move = await claiming.claim_move(
                session,
                rail=self.rail,
                account=self.hot.text,
                intent=MoveIntent(MoveKind.COLD, self.hot.text, wanted.cold_address, wanted.units),
                numbering=claiming.next_query_id,
                created_at=created_at,
                expires_at=created_at + self.timeout,
                now=now,
                plan={},
            )
            if move is None:
                return
            await thresholds.asked(session, rail=self.rail)
        log.info("cold.claimed", payout_id=move.id, units=wanted.units)

    async def sendable(self, payout: Payout) -> bool:
        """Until it was seen or has run out."""
        return worth_sending(payout, self.hot.state)

    async def broadcast(self, signed: bytes) -> Outcome:
        """Send stored bytes once more."""
        return await self.ton.broadcast(signed)

    async def judge(self, payout: Payout) -> PayoutVerdict:
        """Judge by final blocks alone; the clock is theirs too."""
        head = await self.ton.head()
        if payout.signed is None:
            return unsigned_verdict(payout, head)
        account = parse_ton(payout.account, testnet=True).raw
        if payout.move is not None and payout.move.kind == MoveKind.SWEEP:
            return await self.ton.judge_sweep(sent_payout(payout, account=account), head=head)
        return await self.ton.judge(sent_payout(payout, account=account), head=head)

    async def close(self) -> None:
        """Close the connection to the endpoint."""
        await self.ton.close()
