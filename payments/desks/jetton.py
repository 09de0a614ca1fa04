"""Jettons out on TON: batches of the same hot wallet, paid in jettons and carried by its coins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from casino import outbox
from casino.cashier import claiming
from casino.cashier.moves import MoveKind
from casino.clock import utc_now
from casino.money import Asset
from payments.addresses import parse_ton
from payments.chains.base import AccountFrozen
from payments.chains.ton_cells import CellError
from payments.chains.ton_jetton_payout import MEMBER_UNITS_MAX
from payments.chains.ton_wallet import carried_parcels
from payments.desks.highload import (
    BATCH_MEMBERS,
    CREATED_BEFORE,
    sent_payout,
    unsigned_verdict,
    worth_sending,
)
from payments.desks.hot_account import PAYOUT_FEE_UNITS, HotAccount
from payments.desks.ton_cold import plan_cold

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.batches import Payout
    from casino.db import Database
    from payments.chains.base import AccountState, Outcome, PayoutVerdict
    from payments.chains.ton import TonChain
    from payments.chains.ton_jetton import TonJettonChain
    from payments.desks.ton_sweeps import Sweeps

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class JettonDesk:
    """Pays one jetton from the hot wallet; `coins` reads the wallet that carries it."""

    database: Database
    jettons: TonJettonChain
    coins: TonChain
    rail: str
    timeout: timedelta
    blocks_behind_max: int
    sweeps: Sweeps | None = None
    hot: HotAccount = field(init=False)
    _units: int | None = None
    _low: bool = False
    _misled: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.hot = HotAccount(self.database, self.coins, self.rail)

    @property
    def chain(self) -> str:
        """The jetton's name among chains."""
        return self.jettons.name

    async def behind(self) -> int | None:
        """How far the watcher has to read until it knows what the node knows of the hot wallet;
        sees how many jettons there are, if they can be moved at all."""
        behind = await self.hot.look()
        self._units = None
        if behind is None:
            return None
        wallet = await self.jettons.locate(self.hot.raw)
        try:
            self._units = (await self.jettons.account(wallet)).units
        except AccountFrozen:
            log.warning("jettons.frozen", account=wallet)
        return behind

    async def prepare(self) -> None:
        """Claim as much as there are jettons for, and coins to carry them."""
        state = self.hot.state
        if state is None or self._units is None:
            return
        await self._claim(state, self._units)
        await plan_cold(
            self.hot, units=self._units, carriage=MEMBER_UNITS_MAX, timeout=self.timeout
        )
        if self.sweeps is not None:
            await self.sweeps.plan()

    async def _claim(self, state: AccountState, units: int) -> None:
        created_at = state.at - CREATED_BEFORE
        async with self.database.transaction() as session:
            coins = await self.hot.free_coins(session)
            if coins is None:
                return
            members = coins // MEMBER_UNITS_MAX
            await self._tell_low(session, low=members <= 0)
            available = units - await self._promised(session)
            if members <= 0 or available <= 0:
                return
            payout = await claiming.claim(
                session,
                rail=self.rail,
                limit=min(BATCH_MEMBERS, members),
                available_units=available,
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
        """Until it was seen or has run out; never if the bytes ask another account than our jetton
        wallet for the jettons: the signer was told a wrong one."""
        if not worth_sending(payout, self.hot.state):
            return False
        if _is_sweep(payout):
            return True
        wallet = await self._wallet_of(payout)
        if asks(payout.signed or b"", wallet):
            return True
        await self._tell_misled(payout, wallet)
        return False

    async def broadcast(self, signed: bytes) -> Outcome:
        """Send stored bytes once more."""
        return await self.jettons.broadcast(signed)

    async def judge(self, payout: Payout) -> PayoutVerdict:
        """Judge by final blocks alone, each member up to the receiver's jetton wallet. Of bytes
        that ask another account no jettons can come."""
        head = await self.jettons.head()
        if payout.signed is None:
            return unsigned_verdict(payout, head)
        owner = parse_ton(payout.account, testnet=True).raw
        if _is_sweep(payout):
            return await self.coins.judge_sweep(sent_payout(payout, account=owner), head=head)
        wallet = await self._wallet_of(payout)
        if not asks(payout.signed, wallet):
            return await self.coins.judge(sent_payout(payout, account=owner), head=head)
        return await self.jettons.judge(sent_payout(payout, account=wallet), head=head)

    async def close(self) -> None:
        """Close the connection to the endpoint."""
        await self.jettons.close()

    async def _wallet_of(self, payout: Payout) -> str:
        """The jetton wallet of the account that a payout leaves from, which may be an older one."""
        return await self.jettons.locate(parse_ton(payout.account, testnet=True).raw)

    async def _promised(self, session: AsyncSession) -> int:
        promised = 0
        for payout in await self.hot.under_way(session):
            if payout.rail != self.rail:
                continue
            if payout.move is not None and payout.move.kind == MoveKind.COLD:
                promised += payout.move.units
            pending = [one for one in payout.members if one.outcome == "pending"]
            promised += sum(member.units for member in pending)
        return promised

    async def _tell_low(self, session: AsyncSession, *, low: bool) -> None:
        """Alert staff once while withdrawals wait for coins to carry them."""
        if low and not self._low and await claiming.anything_waits(session, rail=self.rail):
            assert self.hot.state is not None
            await outbox.write(
                session,
                consumer=outbox.STAFF,
                key=0,
                kind="alert.low_fuel",
                payload={
                    "rail": self.rail,
                    "account": self.hot.text,
                    "there": {"units": self.hot.state.units, "asset": Asset.TON},
                    "needed": {"units": PAYOUT_FEE_UNITS + MEMBER_UNITS_MAX, "asset": Asset.TON},
                },
            )
            self._low = True
        elif not low:
            self._low = False

    async def _tell_misled(self, payout: Payout, wallet: str) -> None:
        if payout.id in self._misled:
            return
        self._misled.add(payout.id)
        log.error("payout.asks_another_wallet", payout_id=payout.id, wallet=wallet)
        async with self.database.transaction() as session:
            await outbox.write(
                session,
                consumer=outbox.STAFF,
                key=payout.id,
                kind="alert.signing_refused",
                payload={
                    "payout_id": payout.id,
                    "rail": self.rail,
                    "withdrawal_id": None,
                    "reason": "another_jetton_wallet",
                },
            )


def _is_sweep(payout: Payout) -> bool:
    """Whether it leaves a player's address, not the hot wallet."""
    return payout.move is not None and payout.move.kind == MoveKind.SWEEP


def asks(signed: bytes, wallet: str) -> bool:
    """Whether all that signed bytes send goes to `wallet` (raw)."""
    try:
        _sender, parcels = carried_parcels(signed)
    except CellError:
        return False
    return all(parcel.destination.raw == wallet for parcel in parcels)
