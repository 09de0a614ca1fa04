"""Rounds of havoc, each ended by a final point at which everything has to agree."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy.exc import DBAPIError

from casino.cashier import acknowledging, foreign_sends, freezes
from casino.clock import utc_now
from casino.errors import IllegalMove, OutsideError
from casino.staff import people
from tests.conservation.audit import differences, unsettled
from tests.conservation.people import STAFF
from tests.conservation.streets import seed_of
from tests.conservation.world import open_world

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.home import Home
    from tests.conservation.world import World

ROUND_SECONDS = 30
PAYERS = (("ton", "usdt_ton"), ("usdt_eth",), ("btc",))
PATIENCE_SECONDS = 180
"""How long a final point may take after the last fault; nodes and processes share few cores."""
TROUBLE = (OutsideError, DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


@dataclass(slots=True)
class Outcome:
    """What a run did and what it found; `failure` is empty when nothing was lost or doubled."""

    seed: int
    rounds: int = 0
    deeds: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    failure: list[str] = field(default_factory=list)


async def conserve(home: Home, *, seed: int, minutes: float, say: Callable[[str], None]) -> Outcome:
    """Let coins circulate for so many minutes. Kinds of faults that never struck are a failure."""
    chance = random.Random(seed_of(f"conservation {seed}"))
    outcome = Outcome(seed)
    async with open_world(home, chance, say=say) as world:
        say("everybody pays in on every rail")
        await world.town.pay_in_all()
        outcome.failure = await _final_point(world, say)
        ends = time.monotonic() + minutes * 60
        while not outcome.failure and (time.monotonic() < ends or world.havoc.missing):
            if outcome.rounds and time.monotonic() > ends + PATIENCE_SECONDS:
                break
            outcome.rounds += 1
            await _round(world, chance, say)
            outcome.failure = await _final_point(world, say)
            say(
                f"final point {outcome.rounds}: "
                + ("; ".join(outcome.failure) or "chains and book agree")
            )
        outcome.deeds.update(world.town.deeds)
        outcome.faults.update({name: world.havoc.struck[name] for name in world.havoc.kinds})
    never = [name for name, count in outcome.faults.items() if not count]
    if never:
        outcome.failure.append(f"never struck: {', '.join(never)}")
    return outcome


async def _round(world: World, chance: random.Random, say: Callable[[str], None]) -> None:
    ends = time.monotonic() + ROUND_SECONDS
    await world.town.rate()

    async def keep(deed: Callable[[], Awaitable[object]], pause: float) -> None:
        while time.monotonic() < ends:
            try:
                await deed()
            except TROUBLE as error:
                # The house's database was cut, or a chain changed under a person's hands: he
                # tries something else. What it did all the same is counted at the final point.
                world.town.count(f"interrupted {type(error).__name__}")
            await asyncio.sleep(chance.random() * pause)

    async def strike() -> None:
        struck = await world.havoc.strike()
        if struck:
            say(f"  {struck}")

    async with asyncio.TaskGroup() as group:
        # A wallet signs one thing at a time: one payer for each chain.
        for rails in PAYERS:
            group.create_task(keep(partial(world.town.deposit, *rails), 1.0))
        group.create_task(keep(world.town.withdraw, 0.5))
        group.create_task(keep(strike, 1.0))


async def _final_point(world: World, say: Callable[[str], None]) -> list[str]:
    """Let everything come to rest, then compare; what differs, in words."""
    await _calm(world)
    deadline = time.monotonic() + PATIENCE_SECONDS
    open_before: list[str] = []
    while True:
        for street in world.town.streets.values():
            await street.advance()
        await _decide(world)
        left = [await unsettled(world.stage.database, rail) for rail in world.town.streets]
        still = [str(one) for one in left if one]
        if still != open_before:
            say("  settling: " + ("; ".join(still) or "nothing left"))
            open_before = still
        if not still:
            for street in world.town.streets.values():
                await street.finish()
            found = await differences(world.stage.database, world.town)
            if not found:
                return []
        if time.monotonic() > deadline:
            return still or found
        await asyncio.sleep(0.5)


async def _calm(world: World) -> None:
    while True:
        try:
            return await world.calm()
        except OutsideError:
            await asyncio.sleep(0.2)


async def _decide(world: World) -> None:
    """What staff would do: let players go on whose deposits were taken back and came again."""
    database = world.stage.database
    async with database.transaction() as session:
        member = await people.find_member(session, telegram_id=STAFF)
        foreign = await foreign_sends.waiting(session)
    if member is None:
        return
    for one in foreign:
        async with database.transaction() as session:
            await acknowledging.acknowledge(
                session,
                account=one.account,
                tx_hash=one.tx_hash,
                member=member,
                note="seen on the chain",
                now=utc_now(),
            )
    for player in world.town.players:
        try:
            async with database.transaction() as session:
                await freezes.lift(
                    session, player_id=player, actor=f"staff:{member.id}", now=utc_now()
                )
        except IllegalMove:
            continue
