"""Coins that come: seen, final, too few, without an owner, taken back; held, released, resolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from casino.cashier import deposits
from casino.cashier.deposits import ChainDeposit
from casino.errors import CasinoError, IdempotencyConflict
from casino.money import Asset
from tests.simulation.model import CASH, HELD, OUTSIDE, UNCLAIMED, Model, Person
from tests.simulation.tables import check_people
from tests.simulation.world import World, require, struck_before

RAIL = "ton"
HOT_WALLET = "UQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAHOT"
SMALLEST = 100_000_000
STRAY = "stray"
WAITING = ("seen", "confirming")


@dataclass(slots=True)
class Coin:
    """A chain transfer: whose it is, what became of it."""

    transfer: ChainDeposit
    person: Person | None
    status: str = "seen"


@dataclass(slots=True)
class Incoming:
    """The chain's side of deposits, and what the cashier must make of each."""

    world: World
    model: Model
    coins: dict[str, Coin] = field(default_factory=dict)
    faucet: dict[str, tuple[Person, int, str]] = field(default_factory=dict)
    block: int = 1000

    async def arrive(self, coins: Sequence[tuple[Person | None, int, str | None]]) -> None:
        """A page of new transfers (owner, units, comment) with an old one among them."""
        self.block += 1
        fresh = []
        for person, units, comment in coins:
            key = f"lt-{len(self.coins)}"
            transfer = ChainDeposit(
                business_key=key,
                tx_hash=f"tx-{key}",
                account=HOT_WALLET,
                sender="UQsender",
                comment=comment,
                units=units,
                block=self.block,
                at=self.world.now - timedelta(seconds=5),
            )
            self.coins[key] = Coin(transfer, person)
            fresh.append(transfer)
        known = [each.transfer for each in self.coins.values()][: -len(fresh)]
        old = [self.world.random.choice(known)] if known else []
        found, struck = await self.world.transact(
            lambda session: deposits.observe(
                session, rail=RAIL, transfers=[*old, *fresh], now=self.world.now
            )
        )
        wanted = (len(fresh), sum(person is None for person, _, _ in coins))
        if struck is not None and found.new == 0:
            wanted = (0, 0)  # the lost answer was the one that counted them
        require((found.new, found.unclaimed) == wanted, "a page", got=found, wanted=wanted)
        self._note("arrive", coins=[(c and c.name, u) for c, u, _ in coins], block=self.block)

    async def change_mind(self) -> None:
        """A known transfer with another amount: a chain does not do that."""
        if not self.coins:
            return
        coin = self.world.random.choice(list(self.coins.values()))
        changed = replace(coin.transfer, units=coin.transfer.units + 1)
        try:
            await self.world.transact(
                lambda session: deposits.observe(
                    session, rail=RAIL, transfers=[changed], now=self.world.now
                )
            )
        except IdempotencyConflict:
            self._note("conflict", key=coin.transfer.business_key)
        else:
            require(False, "a transfer changed", key=coin.transfer.business_key)

    async def confirm(self) -> None:
        """Everything but the newest block is final: credited or held, small ones pooled."""
        final = self.block - self.world.random.randrange(2)
        waiting = [coin for coin in self.coins.values() if coin.status in WAITING]
        due = [coin for coin in waiting if coin.transfer.block <= final]
        ended, struck = await self.world.transact(
            lambda session: deposits.confirm(
                session, rail=RAIL, final_block=final, now=self.world.now
            )
        )
        owned = [coin for coin in due if coin.person is not None]
        require(
            ended == len(owned) or (struck is not None and ended == 0),
            "how many ended",
            got=ended,
            wanted=len(owned),
        )
        for coin in owned:
            self._finish(coin)
        for coin in waiting:
            if coin.transfer.block > final and coin.person is not None:
                coin.status = "confirming"
        for coin in due:
            if coin.person is None:
                self.model.move(OUTSIDE[Asset.TON], UNCLAIMED, coin.transfer.units, Asset.TON)
                coin.status = STRAY
        self._note("confirm", final=final, ended=[(c.person.name, c.status) for c in owned])
        await check_people(self.world, self.model, [coin.person for coin in owned])

    async def orphan(self) -> None:
        """A reorganisation takes away one that is not final yet."""
        waiting = [coin for coin in self.coins.values() if coin.status in WAITING]
        if not waiting:
            return
        coin = self.world.random.choice(waiting)
        key = coin.transfer.business_key
        lost, struck = await self.world.transact(
            lambda session: deposits.orphan(
                session, rail=RAIL, business_keys=[key], now=self.world.now
            )
        )
        require(lost == 1 or (struck is not None and lost == 0), "an orphan", key=key, got=lost)
        coin.status = "orphaned"
        self._note("orphan", key=key)

    async def play_money(
        self, person: Person, units: int, reference: str, *, again: bool = False
    ) -> None:
        """The faucet's USDT, once for its reference; the same again changes nothing."""
        known = self.faucet.get(reference)
        require(again == (known is not None), "a reference of the faucet", reference=reference)
        paused = bool(self.model.stopped & {"deposits"})

        async def work(session: AsyncSession) -> Any:
            return await deposits.credit_faucet(
                session,
                player_id=person.id,
                units=units,
                asset=Asset.USDT,
                reference=reference,
                now=self.world.now,
            )

        try:
            made, _ = await self.world.transact(work)
        except CasinoError as error:
            changed = known is not None and known[:2] != (person, units)
            fits = (paused and error.code == "refusal.paused") or (
                changed and isinstance(error, IdempotencyConflict)
            )
            require(fits, "a refusal of the faucet", error=error, known=known)
            self._note("faucet", who=person.name, refused=error.code)
        else:
            require(not paused, "the faucet ran while deposits were stopped")
            if known is None:
                status = self._credit_or_hold(person, units, Asset.USDT, OUTSIDE[Asset.USDT])
                known = self.faucet[reference] = (person, units, status)
            got = (made.player_id, made.units, str(made.status))
            wanted = (known[0].id, known[1], known[2])
            require(got == wanted, "the faucet's answer", got=got, wanted=wanted)
            self._note("faucet", who=person.name, units=units, status=known[2], id=made.id)
        await check_people(self.world, self.model, [person])

    async def release(self, actor: str) -> None:
        """Staff try to make the oldest held deposit playable; the player's limits decide."""
        async with self.world.database.transaction() as session:
            held = await deposits.list_held(session, limit=50)
        if not held:
            return
        chosen = self.world.random.choice(list(held))
        person = next(each for each in self.model.people if each.id == chosen.player_id)
        now, asset = self.world.now, chosen.asset
        against = self.model.deposit_refusals(person, asset, chosen.units, now)
        if self.model.stale(asset, now):
            against.add("refusal.rate_stale")
        try:
            await self.world.transact(
                lambda session: deposits.release_held(
                    session, deposit_id=chosen.id, actor=actor, now=now
                )
            )
        except CasinoError as error:
            done_before = struck_before(error) and error.code == "error.illegal_move"
            if not done_before:
                require(error.code in against, "a release", error=error, wanted=against)
                self._note("release", who=person.name, refused=error.code)
                return
        require(not against, "a release went through", against=against)
        self.model.move(HELD, CASH, chosen.units, asset, person)
        person.count(now, deposited=self.model.worth_up(chosen.units, asset))
        for reference, (owner, units, status) in self.faucet.items():
            if status == "held" and chosen.rail != RAIL and await self._is(chosen.id, reference):
                self.faucet[reference] = (owner, units, "credited")
        for coin in self.coins.values():
            if chosen.rail == RAIL and coin.transfer.tx_hash == chosen.tx_hash:
                coin.status = "credited"
        self._note("release", who=person.name, units=chosen.units)
        await check_people(self.world, self.model, [person])

    async def resolve(self, person: Person, actor: str) -> None:
        """Staff find the owner of a stray transfer."""
        async with self.world.database.transaction() as session:
            waiting = await deposits.list_unclaimed(session)
        strays = {c.transfer.tx_hash: c for c in self.coins.values() if c.status == STRAY}
        require(
            {each.tx_hash for each in waiting} == set(strays) or len(waiting) == 20,
            "transfers without an owner",
            got=len(waiting),
            wanted=len(strays),
        )
        if not waiting:
            return
        chosen = self.world.random.choice(list(waiting))
        try:
            await self.world.transact(
                lambda session: deposits.resolve_unclaimed(
                    session,
                    unclaimed_id=chosen.id,
                    player_id=person.id,
                    actor=actor,
                    now=self.world.now,
                )
            )
        except CasinoError as error:
            again = struck_before(error) is not None and error.code == "error.illegal_move"
            require(again, "a stray transfer was not given", error=error)
        coin = strays[chosen.tx_hash]
        coin.person = person
        coin.status = self._credit_or_hold(person, chosen.units, Asset.TON, UNCLAIMED)
        self._note("resolve", who=person.name, units=chosen.units, status=coin.status)
        await check_people(self.world, self.model, [person])

    def _finish(self, coin: Coin) -> None:
        person, units = coin.person, coin.transfer.units
        assert person is not None
        if units >= SMALLEST:
            coin.status = self._credit_or_hold(person, units, Asset.TON, OUTSIDE[Asset.TON])
            return
        self.model.move(OUTSIDE[Asset.TON], UNCLAIMED, units, Asset.TON)
        coin.status = "below_minimum"
        small = [
            each
            for each in self.coins.values()
            if each.person is person and each.status == "below_minimum"
        ]
        if sum(each.transfer.units for each in small) >= SMALLEST:
            for each in small:
                each.status = self._credit_or_hold(
                    person, each.transfer.units, Asset.TON, UNCLAIMED
                )

    def _credit_or_hold(self, person: Person, units: int, asset: Asset, source: str) -> str:
        now = self.world.now
        if self.model.deposit_refusals(person, asset, units, now):
            self.model.move(source, HELD, units, asset, person)
            return "held"
        self.model.move(source, CASH, units, asset, person)
        person.count(now, deposited=self.model.worth_up(units, asset))
        return "credited"

    async def _is(self, deposit_id: int, reference: str) -> bool:
        return bool(
            await self.world.administrator.fetchval(
                "SELECT business_key = $2 FROM deposits WHERE id = $1", deposit_id, reference
            )
        )

    def _note(self, kind: str, **facts: object) -> None:
        self.world.trace.note(at=self.world.now.isoformat(), kind=f"deposit.{kind}", **facts)
