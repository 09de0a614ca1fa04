"""USDT out on an EVM chain: one payment in each transaction, under a nonce of the hot wallet."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from casino.cashier import blocks, claiming, payout_notices
from casino.cashier.batches import get_payout, open_payouts
from casino.cashier.fees import record_network_fee
from casino.cashier.fuel import FUELS, PARTS
from casino.cashier.rails import get_rail
from casino.clock import utc_now
from casino.errors import AddressInvalid, OutsideRefused, OutsideUnavailable
from payments.chains.base import Outcome, PayoutVerdict
from payments.chains.evm_addresses import EvmAddress, parse_evm
from payments.chains.evm_plan import EvmPlan
from payments.chains.evm_wallet import Fees, token_transfer
from payments.desks.evm_cold import EvmColdMoves
from payments.desks.evm_nonces import NonceWatch, evidence
from payments.desks.evm_payouts import reserved, same_versions, sent_payout
from payments.desks.evm_price import in_rail_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from casino.cashier.batches import Payout
    from casino.cashier.claiming import NextPayment
    from casino.db import Database
    from payments.chains.evm import EvmChain
    from payments.chains.evm_accounts import EvmAccount
    from payments.chains.evm_wallet import FeeMarket
    from payments.desks.evm_versions import Versions

ORDERS_LAST = timedelta(minutes=15)
"""An order has to be good for so long when its payment is claimed."""
PAYMENT_GAS = 65_000
"""What a payment of USDT to somebody who holds none uses, until one was tried."""
PRICE_EVERY = timedelta(minutes=1)
GAS_MARGIN = (13, 10)
"""What a transfer uses depends on what others do before it is mined."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class EvmDesk:
    """Pays a token from the hot wallet."""

    database: Database
    evm: EvmChain
    rail: str
    chain_id: int
    token: EvmAddress
    versions: Versions
    open_max: int
    blocks_behind_max: int
    _wallet: str = ""
    _account: EvmAccount | None = None
    _next: dict[str, int] = field(default_factory=dict)
    """By account: the nonce that the newest block leaves free."""
    _clear: bool = False
    _doubts: int = 0
    _gas: int = PAYMENT_GAS
    _priced_at: datetime | None = None

    @property
    def chain(self) -> str:
        """The network's name."""
        return self.evm.name

    async def behind(self) -> int | None:
        """How far the follower has to read until it knows what the node knows."""
        self._account, self._clear = None, False
        async with self.database.transaction() as session:
            address = (await get_rail(session, self.rail)).address
            place = await blocks.read_place(session, chain=self.chain)
        if address is None or place is None:
            return None
        self._wallet = address
        tip = await self.evm.tip()
        if place.halted is not None:
            return self.blocks_behind_max + 1
        self._account = await self.evm.account(parse_evm(address).raw)
        return max(0, tip.head.height - place.top.height)

    async def prepare(self) -> None:
        """See that nothing left unexplained; then renew what is stuck, claim what can be paid."""
        account = self._account
        if account is None:
            return
        self._clear = await self._explained(account)
        async with self.database.transaction() as session:
            in_flight = await open_payouts(session, rail=self.rail)
        self._next = await self._next_nonces(account, in_flight)
        if not self._clear:
            return
        market = await self.evm.fee_market()
        await self._tell_price(market)
        for payout in in_flight:
            await self.versions.renew(payout, next_nonce=self._next[payout.account], market=market)
        await self._claim(account, in_flight, market)
        await self._move_to_cold(account, market)

    async def sendable(self, payout: Payout) -> bool:
        """As long as the newest block leaves its nonce free: what was mined may be lost again, and
        nodes forget what they do not mine."""
        free = self._next.get(payout.account)
        return self._clear and free is not None and payout.replay_number >= free

    async def broadcast(self, signed: bytes) -> Outcome:
        """Send stored bytes once more."""
        return await self.evm.broadcast(signed)

    async def judge(self, payout: Payout) -> PayoutVerdict:
        """Judge by final blocks; seen as soon as a block has it."""
        asked = sent_payout(payout, token=self.token.raw)
        verdict = await self.evm.judge(asked)
        if verdict.stranger and not await self._still(payout):
            # Signed and mined since the payout was read: the stranger may be ourselves.
            (member,) = verdict.members
            unknown = replace(member, outcome=Outcome.UNKNOWN, proof="", retriable=False)
            return PayoutVerdict(False, "", (unknown,))
        if verdict.stranger:
            found = await self.evm.taker(asked.account, asked.nonce, free_height=asked.free_height)
            if found is None:
                return verdict
            # Whoever sent it, our coins paid for it.
            seen = evidence(self.rail, payout.replay_number, *found)
            return replace(verdict, burnt=found[1], evidence=seen)
        if verdict.seen:
            return verdict
        for attempt in reversed(asked.attempts):
            if not attempt.cancels and await self.evm.landed(attempt.tx_hash) is not None:
                return replace(verdict, seen=True, tx_hash=attempt.tx_hash)
        return verdict

    async def close(self) -> None:
        """Close the connections to the nodes."""
        await self.evm.close()

    async def _explained(self, account: EvmAccount) -> bool:
        watch = NonceWatch(self.database, self.evm, self.rail)
        used = max(account.nonce_final, account.nonce_latest, account.nonce_pending)
        return await watch.clear(self._wallet, final=account.nonce_final, used=used)

    async def _next_nonces(
        self, account: EvmAccount, in_flight: Sequence[Payout]
    ) -> dict[str, int]:
        found = {self._wallet: account.nonce_latest}
        others = sorted({payout.account for payout in in_flight} - {self._wallet})
        states = await self.evm.states([parse_evm(one).raw for one in others])
        return found | {one: state.nonce_latest for one, state in zip(others, states, strict=True)}

    async def _claim(
        self, account: EvmAccount, in_flight: Sequence[Payout], market: FeeMarket
    ) -> None:
        room = self.open_max - len(in_flight)
        async with self.database.transaction() as session:
            wanted = await claiming.next_payments(session, rail=self.rail)
        fees = self.versions.caps.fees(market)
        if not wanted or room <= 0:
            return
        if fees is None:
            log.warning("sender.gas_too_dear", base_fee=market.base_fee)
            return
        held = reserved(in_flight, account=self._wallet)
        units, wei = account.units - held.units, account.wei - held.wei
        self._doubts = 0
        for payment in wanted:
            if room <= 0:
                return
            if payment.units > units:
                continue
            gas = await self._try(payment)
            if gas is None:
                continue
            if gas * fees.max_fee > wei:
                await self._tell_low_fuel(payment, wei=wei, needed=gas * fees.max_fee)
                return
            if await self._claim_one(payment, account, EvmPlan(gas, fees)):
                units, wei, room = units - payment.units, wei - gas * fees.max_fee, room - 1

    async def _move_to_cold(self, account: EvmAccount, market: FeeMarket) -> None:
        """Ask for a move of what is above the threshold, after everything that was claimed."""
        fees = self.versions.caps.fees(market)
        async with self.database.transaction() as session:
            in_flight = await open_payouts(session, rail=self.rail)
        if fees is None or len(in_flight) >= self.open_max:
            return
        cold = EvmColdMoves(self.database, self.evm, self.rail, self.chain_id, self.token)
        await cold.plan(self._wallet, account, in_flight, fees)

    async def _try(self, payment: NextPayment) -> int | None:
        """The gas for a payment, with a margin; None if the token would refuse it, which staff are
        told, or if no node could try it: one such payment must not hold up those behind it, a
        second one is the nodes' own trouble."""
        try:
            transfer = token_transfer(
                chain_id=self.chain_id,
                nonce=0,
                fees=Fees(1, 0),
                gas=1_000_000,
                token=self.token,
                to=parse_evm(payment.destination),
                units=payment.units,
            )
            used = await self.evm.estimate_gas(transfer, sender=parse_evm(self._wallet))
        except (AddressInvalid, OutsideRefused) as error:
            await self._tell(
                payment.withdrawal_id,
                "alert.payment_refused",
                withdrawal_id=payment.withdrawal_id,
                reason=str(error.data.get("reason")),
            )
            return None
        except OutsideUnavailable:
            self._doubts += 1
            if self._doubts > 1:
                raise
            log.warning("sender.payment_not_tried", withdrawal_id=payment.withdrawal_id)
            return None
        self._gas = used
        return -(-used * GAS_MARGIN[0] // GAS_MARGIN[1])

    async def _claim_one(self, payment: NextPayment, account: EvmAccount, plan: EvmPlan) -> bool:
        now = utc_now()
        used = max(account.nonce_final, account.nonce_latest, account.nonce_pending)
        async with self.database.transaction() as session:
            payout = await claiming.claim_one(
                session,
                rail=self.rail,
                withdrawal_id=payment.withdrawal_id,
                numbering=claiming.next_nonce(used),
                created_at=account.at,
                since_height=account.height,
                orders_until=now + ORDERS_LAST,
                plan=plan.as_json(),
                now=now,
            )
        if payout is None:
            return False
        log.info("payout.claimed", payout_id=payout.id, nonce=payout.replay_number)
        return True

    async def _tell_price(self, market: FeeMarket) -> None:
        """Let the cashier know what a payment costs now, which quotes of fees follow; nothing while
        there are no rates."""
        now = utc_now()
        if self._priced_at is not None and now - self._priced_at < PRICE_EVERY:
            return
        wei = self._gas * market.fees.max_fee
        async with self.database.transaction() as session:
            units = await in_rail_units(session, rail=self.rail, wei=wei, now=now)
            if units is not None:
                await record_network_fee(session, rail=self.rail, units=units, now=now)
        self._priced_at = now

    async def _still(self, payout: Payout) -> bool:
        async with self.database.transaction() as session:
            return same_versions(payout, await get_payout(session, payout_id=payout.id))

    async def _tell_low_fuel(self, payment: NextPayment, *, wei: int, needed: int) -> None:
        asset = FUELS[self.rail].asset
        log.warning("sender.low_fuel", wei=wei, needed=needed)
        await self._tell(
            payment.withdrawal_id,
            "alert.low_fuel",
            account=self._wallet,
            there={"units": max(0, wei) // PARTS, "asset": asset},
            needed={"units": -(-needed // PARTS), "asset": asset},
        )

    async def _tell(self, subject_id: int, kind: str, **payload: object) -> None:
        async with self.database.transaction() as session:
            await payout_notices.tell_once(
                session,
                subject_id=subject_id,
                kind=kind,
                payload={"rail": self.rail, **payload},
                now=utc_now(),
            )
