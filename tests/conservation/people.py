"""Players who deposit and withdraw at random, and operators who approve by signed order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from casino import rates
from casino.cashier import addresses, withdrawals
from casino.cashier.rails import get_rail
from casino.clock import utc_now
from casino.errors import NotFound, Paused, Refusal
from casino.ids import PlayerId, new_reference
from casino.ledger import journal
from casino.ledger.wallet import Wallet
from casino.players import identity
from casino.staff import orders, people
from tests import factories
from tests.conservation.streets import Place

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from casino.cashier.withdrawals import Withdrawal
    from casino.db import Database
    from tests.conservation.streets import Street

STAFF = 9001
FIRST_PLAYER = 100
PATIENCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Asked:
    """A withdrawal and the account that only it pays to."""

    withdrawal_id: int
    rail: str
    destination: str


@dataclass(slots=True)
class Town:
    """Players with a wallet on every street; player number `n` is the `n`th of `players`."""

    database: Database
    streets: Mapping[str, Street]
    chance: random.Random
    approval_seed: bytes
    players: list[int] = field(default_factory=list)
    places: dict[tuple[int, str], Place] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    deeds: dict[str, int] = field(default_factory=dict)

    async def settle_in(self, count: int) -> None:
        """Bring players and an operator to the house, and let it say where to pay."""
        now = utc_now()
        async with self.database.transaction() as session:
            await people.ensure_owners(session, telegram_ids=[STAFF], now=now)
        for number in range(count):
            async with self.database.transaction() as session:
                player = await identity.find_or_create(
                    session,
                    telegram_id=FIRST_PLAYER + number,
                    first_name=f"Player {number}",
                    username=None,
                    language_code="en",
                    start_payload=None,
                    now=now,
                )
                await identity.accept_terms(
                    session,
                    player_id=player.id,
                    terms_version=identity.TERMS_VERSION,
                    of_age=True,
                    language="en",
                    now=now,
                )
            self.players.append(player.id)
            for rail in self.streets:
                self.places[number, rail] = await self._place(player.id, rail)

    async def pay_in_all(self) -> None:
        """Everybody pays in on every rail, so that there is something to withdraw."""
        for (person, rail), place in self.places.items():
            street = self.streets[rail]
            if await street.pay_in(person, place, street.dust * 1000):
                self.count(f"{rail} deposit")

    async def deposit(self, *rails: str) -> None:
        """Somebody pays in on one of these rails: mostly enough, sometimes dust."""
        person, street = self._somebody(*rails)
        units = street.dust * self.chance.randint(20, 400)
        if self.chance.random() < 0.1:
            units = street.dust * self.chance.randint(1, 3)
        place = self.places[person, street.rail]
        if await street.pay_in(person, place, units):
            self.count(f"{street.rail} deposit")

    async def withdraw(self) -> None:
        """Somebody asks for a part of what he has, and staff agree."""
        person, street = self._somebody()
        player = self.players[person]
        async with self.database.transaction() as session:
            rail = await get_rail(session, street.rail)
            wallets = await journal.balances(session, PlayerId(player))
        most = wallets.get(rail.asset, Wallet(rail.asset)).withdrawable
        if most < rail.withdrawal_min:
            return
        units = self.chance.randint(rail.withdrawal_min, min(most, 20 * rail.withdrawal_min))
        destination = street.destination(self.chance)
        try:
            async with self.database.transaction() as session:
                asked = await factories.ask_withdrawal(
                    session,
                    player_id=player,
                    rail=street.rail,
                    units=units,
                    destination=destination,
                    memo="",
                    reference=new_reference(),
                    now=utc_now(),
                )
            self.asked.append(Asked(asked.id, street.rail, destination))
            await self._approve(asked.id)
        except Refusal as refusal:
            # A frozen player, or a reversal in between: he is told, nothing is lost.
            self.count(f"refused {type(refusal).__name__}")
            return
        self.count(f"{street.rail} withdrawal")

    async def rate(self) -> None:
        """Quote rates anew, which withdrawals need."""
        async with self.database.transaction() as session:
            for asset in {(await get_rail(session, one)).asset for one in self.streets}:
                await rates.quote(
                    session, asset=asset, numerator=1, denominator=10**9, now=utc_now()
                )

    async def final(self, asked: Asked) -> Withdrawal:
        """A withdrawal as it stands."""
        async with self.database.transaction() as session:
            return await withdrawals.get(session, withdrawal_id=asked.withdrawal_id)

    async def _place(self, player_id: int, rail: str) -> Place:
        """Where to pay to; a rail opens when its watcher has looked at the chain."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    async with self.database.transaction() as session:
                        told = await addresses.deposit_instruction(
                            session, player_id=player_id, rail=rail, now=utc_now()
                        )
                    return Place(told.address, told.tag)
                except Paused:
                    await asyncio.sleep(0.2)

    async def _approve(self, withdrawal_id: int) -> None:
        async with self.database.transaction() as session:
            member = await people.find_member(session, telegram_id=STAFF)
            if member is None:
                raise NotFound(thing="member", key=STAFF)
            await withdrawals.approve(
                session,
                withdrawal_id=withdrawal_id,
                member=member,
                sign=lambda order: orders.sign(order, key_seed=self.approval_seed),
                now=utc_now(),
            )

    def _somebody(self, *rails: str) -> tuple[int, Street]:
        person = self.chance.randrange(len(self.players))
        return person, self.streets[self.chance.choice(rails or sorted(self.streets))]

    def count(self, deed: str) -> None:
        """Note that something was done."""
        self.deeds[deed] = self.deeds.get(deed, 0) + 1
