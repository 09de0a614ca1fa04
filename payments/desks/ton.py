"""Coins out on TON: batches of the highload wallet, each under a query id and a lifetime."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from casino.cashier import claiming
from casino.cashier.moves import MoveKind
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
from payments.desks.ton_cold import plan_cold

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
        await plan_cold(
            self.hot, units=state.units, carriage=MEMBER_FEE_UNITS, timeout=self.timeout
        )
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
