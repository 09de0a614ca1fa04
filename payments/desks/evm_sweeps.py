"""Brings tokens from players' deposit addresses to the hot wallet, when that is worth its gas.

It only plans: the sender sends and the settler judges sweeps like everything else that leaves.
Nobody's deposit waits for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from casino.cashier import address_pool, claiming, fuel, moves, payout_notices
from casino.cashier.batches import open_payouts
from casino.cashier.moves import MoveIntent, MoveKind
from casino.cashier.rails import get_rail
from casino.clock import utc_now
from casino.errors import OutsideError, OutsideRefused
from payments.chains.evm_addresses import EvmAddress, parse_evm
from payments.chains.evm_delegate import delegate_of, delegated_code
from payments.chains.evm_plan import EvmPlan
from payments.chains.evm_wallet import COIN_TRANSFER_GAS, GWEI, Fees, token_transfer
from payments.config import EvmSweeps
from payments.desks.evm_nonces import NonceWatch
from payments.desks.evm_payouts import reserved
from payments.desks.evm_price import in_rail_units

if TYPE_CHECKING:
    from casino.db import Database
    from payments.chains.evm import EvmChain
    from payments.chains.evm_accounts import EvmAccount, EvmHolding, EvmState
    from payments.desks.evm_versions import FeeCaps

DELEGATION_GAS = 50_000
"""On top of the token's own work: the call through the delegate, and a permission the first time
(EIP-7702 asks for 25,000)."""
COINS_FOR_CODE_GAS = 60_000
"""For coins to an address that acts by a delegate: the least gas is not enough there."""
GAS_MARGIN = (13, 10)

log = structlog.get_logger(__name__)


class Way(StrEnum):
    """How an address can be emptied."""

    DELEGATION = "delegation"
    FUEL = "fuel"


@dataclass(frozen=True, slots=True)
class SweepRules:
    """When a sweep is worth it: at least `units_min`, and `cost_times` what it costs; at most
    `batch` are under way at once."""

    mode: EvmSweeps
    units_min: int
    cost_times: int
    batch: int
    caps: FeeCaps


@dataclass(slots=True)
class Place:
    """What a look at the chain began with: the hot wallet, its text, fees, the way to sweep."""

    wallet: str
    account: EvmAccount
    fees: Fees
    way: Way
    spare: int
    """The wallet's wei that nothing under way needs."""


@dataclass(slots=True)
class EvmSweeper:
    """Plans the sweeps of one rail."""

    database: Database
    evm: EvmChain
    rail: str
    chain_id: int
    token: EvmAddress
    rules: SweepRules
    pause_seconds: int

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        structlog.contextvars.bind_contextvars(chain=self.evm.name, rail=self.rail)
        while True:
            try:
                await self.step()
            except OutsideError as error:
                log.warning("sweeper.node_in_trouble", error=str(error))
            await asyncio.sleep(self.pause_seconds)

    async def step(self) -> int:
        """Plan as many moves as there is room for; returns how many."""
        place = await self._place()
        if place is None:
            return 0
        async with self.database.transaction() as session:
            living = await moves.living(session, rail=self.rail)
            settled = await fuel.newest_charge(session, rail=self.rail)
            numbers = {
                address: number
                for number, address in await address_pool.read_from(
                    session, rail=self.rail, number=0
                )
            }
        room = self.rules.batch - len(living)
        # What was judged by a newer final block than this node has must not be looked for again.
        if room <= 0 or not numbers or settled > place.account.height:
            return 0
        busy = {move.source for move in living} | {move.destination for move in living}
        held = [
            one
            for one in await self.evm.holdings(sorted(numbers), block_hash=place.account.block_hash)
            if one.units >= self.rules.units_min and one.account not in busy
        ]
        # The fullest first: gas is spent where it brings most.
        held.sort(key=lambda one: -one.units)
        planned = 0
        for one, state in zip(
            held[:room], await self.evm.states([one.account for one in held[:room]]), strict=True
        ):
            planned += await self._sweep(place, one, state, number=numbers[one.account])
        return planned

    async def _place(self) -> Place | None:
        """None while nothing may be swept: no wallet, nothing explained, gas too dear, no way."""
        async with self.database.transaction() as session:
            wallet = (await get_rail(session, self.rail)).address
        if wallet is None or self.rules.mode is EvmSweeps.OFF:
            return None
        account = await self.evm.account(parse_evm(wallet).raw)
        used = max(account.nonce_final, account.nonce_latest, account.nonce_pending)
        watch = NonceWatch(self.database, self.evm, self.rail)
        if not await watch.clear(wallet, final=account.nonce_final, used=used):
            return None
        fees = self.rules.caps.fees(await self.evm.fee_market())
        way = await self._way(wallet)
        if fees is None or way is None:
            return None
        async with self.database.transaction() as session:
            in_flight = await open_payouts(session, rail=self.rail)
        spare = account.wei - reserved(in_flight, account=wallet).wei
        return Place(wallet, account, fees, way, spare)

    async def _way(self, wallet: str) -> Way | None:
        mode = self.rules.mode
        if mode is EvmSweeps.FUEL or (
            mode is EvmSweeps.AUTO and not await self.evm.has_delegation()
        ):
            return Way.FUEL
        delegate = delegate_of(parse_evm(wallet))
        (state,) = await self.evm.states([delegate.raw])
        if state.code != "0x":
            return Way.DELEGATION
        await self._tell(
            0, "alert.delegate_missing", delegate=delegate.checksummed, treasury=wallet
        )
        return None

    async def _sweep(self, place: Place, held: EvmHolding, state: EvmState, *, number: int) -> bool:
        """Plan a sweep, or the fuel that has to come first."""
        treasury = parse_evm(place.wallet)
        transfer = token_transfer(
            chain_id=self.chain_id,
            nonce=0,
            fees=Fees(1, 0),
            gas=1_000_000,
            token=self.token,
            to=treasury,
            units=held.units,
        )
        try:
            used = await self.evm.estimate_gas(transfer, sender=parse_evm(held.account))
        except OutsideRefused as refusal:
            await self._tell(
                number,
                "alert.sweep_refused",
                address=held.account,
                reason=str(refusal.data.get("reason")),
            )
            return False
        gas = -(-used * GAS_MARGIN[0] // GAS_MARGIN[1])
        if place.way is Way.DELEGATION:
            gas += DELEGATION_GAS
        if not await self._worth(held.units, gas * place.fees.max_fee):
            return False
        if place.way is Way.DELEGATION:
            return await self._delegated(place, held, state, number=number, gas=gas)
        return await self._fuelled(place, held, state, number=number, gas=gas)

    async def _worth(self, units: int, wei: int) -> bool:
        async with self.database.transaction() as session:
            cost = await in_rail_units(session, rail=self.rail, wei=wei, now=utc_now())
        return cost is None or units >= cost * self.rules.cost_times

    async def _delegated(
        self, place: Place, held: EvmHolding, state: EvmState, *, number: int, gas: int
    ) -> bool:
        """The hot wallet calls the address, which acts by the delegate."""
        allowed = state.code == delegated_code(delegate_of(parse_evm(place.wallet)))
        plan = EvmPlan(
            gas,
            place.fees,
            number=number,
            authorization=None if allowed else state.nonce_latest,
        )
        intent = MoveIntent(MoveKind.SWEEP, held.account, place.wallet, held.units)
        used = max(place.account.nonce_latest, place.account.nonce_pending)
        return await self._claim(place, place.wallet, intent, plan, used=used)

    async def _fuelled(
        self, place: Place, held: EvmHolding, state: EvmState, *, number: int, gas: int
    ) -> bool:
        """The address pays itself, when it has the coins; else it is given what is missing."""
        needed = gas * place.fees.max_fee
        if state.wei >= needed:
            intent = MoveIntent(MoveKind.SWEEP, held.account, place.wallet, held.units)
            plan = EvmPlan(gas, place.fees, number=number)
            used = max(state.nonce_latest, state.nonce_pending)
            return await self._claim(place, held.account, intent, plan, used=used)
        # Twice what it takes now, so that dearer gas does not leave the fuel useless.
        wei = 2 * needed - state.wei
        fuel_gas = COIN_TRANSFER_GAS if state.code == "0x" else COINS_FOR_CODE_GAS
        intent = MoveIntent(MoveKind.FUEL, place.wallet, held.account, -(-wei // GWEI))
        plan = EvmPlan(fuel_gas, place.fees, number=number, wei=wei)
        used = max(place.account.nonce_latest, place.account.nonce_pending)
        return await self._claim(place, place.wallet, intent, plan, used=used)

    async def _claim(
        self, place: Place, account: str, intent: MoveIntent, plan: EvmPlan, *, used: int
    ) -> bool:
        cost = plan.gas * plan.fees.max_fee + plan.wei
        if account == place.wallet and cost > place.spare:
            log.warning("sweeper.fuel_low", spare=place.spare)
            return False
        async with self.database.transaction() as session:
            payout = await claiming.claim_move(
                session,
                rail=self.rail,
                account=account,
                intent=intent,
                numbering=claiming.next_nonce(used),
                created_at=place.account.at,
                expires_at=None,
                since_height=place.account.height,
                plan=plan.as_json(),
                now=utc_now(),
            )
        if payout is None:
            return False
        if account == place.wallet:
            place.spare -= cost
        log.info("move.claimed", payout_id=payout.id, kind=intent.kind, source=intent.source)
        return True

    async def _tell(self, subject_id: int, kind: str, **payload: object) -> None:
        async with self.database.transaction() as session:
            await payout_notices.tell_once(
                session,
                subject_id=subject_id,
                kind=kind,
                payload={"rail": self.rail, **payload},
                now=utc_now(),
            )
