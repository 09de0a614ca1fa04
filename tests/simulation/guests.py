"""What players do: each deed by name, with amounts and targets drawn from the seed."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from casino.clock import Window
from casino.money import Asset
from casino.players import exclusion, limits
from casino.players.rules import LimitKind
from tests.simulation.deposits import Incoming
from tests.simulation.model import CASH, STAKES, Model, Person, Wish
from tests.simulation.payouts import Outgoing
from tests.simulation.tables import Asked, Tables, check_people
from tests.simulation.world import World, require

EUR = 10**6
PLAYED = [Asset.TON, Asset.USDT]
DRAWN = ("bet", "open", "act", "cash_out", "rotate", "debit", "credit", "rollback")


@dataclass(slots=True)
class Guests:
    """The players' hands."""

    world: World
    model: Model
    tables: Tables
    incoming: Incoming
    outgoing: Outgoing
    calls: int = 0

    async def do(self, person: Person, deed: str) -> None:
        """One deed of a player."""
        # Mostly what makes sense: a step where a round is open, an opening where none is.
        if self.world.random.randrange(10):
            if deed in ("act", "cash_out") and not person.fields:
                deed = "open"
            elif deed in ("open", "rotate") and person.fields:
                deed = "act"
            if deed in ("bet", "open", "debit") and not self._can_stake(person):
                deed = "faucet"
        if deed in DRAWN:
            await self.tables.put(self._drawn(person, deed))
            return
        hands = {
            "edge": self._edge,
            "twins": self._twins,
            "crowd": self._crowd,
            "repeat": self._repeat,
            "change": self._change,
            "coins": self._coins,
            "faucet": self._faucet,
            "ask": self._ask,
            "ask_again": self._ask_again,
            "cancel": self.outgoing.cancel,
            "limit": self._limit,
            "time_out": self._time_out,
        }
        await hands[deed](person)

    async def _edge(self, person: Person) -> None:
        await self.tables.put(self._at_the_edge(person))

    async def _twins(self, person: Person) -> None:
        """One command twice in one batch."""
        kind = self.world.random.choice(("bet", "open", "debit", "rollback"))
        twin = self._drawn(person, kind)
        await self.tables.put(twin, twin)

    async def _crowd(self, person: Person) -> None:
        """Several players in one batch, some of them with more than one command."""
        random = self.world.random
        others = [self.model.pick(random) for _ in range(random.randint(2, 7))]
        kinds = ("bet", "bet", "open", "debit")
        await self.tables.put(
            *(self._drawn(each, random.choice(kinds)) for each in (person, *others))
        )

    async def _repeat(self, _person: Person) -> None:
        if self.tables.history:
            await self.tables.put(self.world.random.choice(self.tables.history))

    async def _ask(self, person: Person) -> None:
        random = self.world.random
        cash = self.model.purse(person, CASH, Asset.TON)
        units = max(1, min(cash, 60 * 10**9) * random.randint(1, 100) // 100)
        await self.outgoing.ask(person, units if random.randrange(10) else cash + 1)

    async def _ask_again(self, _person: Person) -> None:
        await self.outgoing.ask_again(changed=self.world.random.random() < 0.3)

    async def _limit(self, person: Person) -> None:
        random = self.world.random
        kind = random.choice(list(LimitKind)).value
        window = "day" if kind == "stake" else random.choice(list(Window)).value
        units = random.choice((None, random.randrange(1, 300 * EUR)))
        await self.set_limit(person, kind, window, units)

    async def close_abandoned(self) -> None:
        """Cash out what was opened more than a day ago, as the house does in the player's name."""
        for person in self.model.people:
            for round_id, field in list(person.fields.items()):
                if self.world.now - field.since > timedelta(days=1):
                    asked = self._drawn(person, "cash_out")
                    await self.tables.put(replace(asked, facts={"round": round_id}))

    async def set_limit(self, person: Person, kind: str, window: str, units: int | None) -> None:
        """Ask for a limit: lower holds at once, higher after a day."""
        now = self.world.now
        shown, _ = await self.world.transact(
            lambda session: limits.set_limit(
                session,
                player_id=person.id,
                kind=LimitKind(kind),
                window=Window(window),
                units=units,
                now=now,
            )
        )
        wish = person.limits.setdefault((kind, window), Wish(None))
        wish.ask(units, now)
        waits = wish.at is not None and now < wish.at
        wanted = (wish.now(now), wish.later if waits else None, wish.at if waits else None)
        got = (shown.units, shown.pending_units, shown.pending_at)
        require(got == wanted, "a limit", got=got, wanted=wanted)
        self._note("limit", person, limit=f"{kind}/{window}", units=units, shown=got)

    async def exclude(self, person: Person) -> None:
        """Half a year away from the tables."""
        until, _ = await self.world.transact(
            lambda session: exclusion.self_exclude(
                session, player_id=person.id, months=6, now=self.world.now
            )
        )
        year, month = divmod(self.world.now.year * 12 + self.world.now.month + 5, 12)
        day = min(self.world.now.day, calendar.monthrange(year, month + 1)[1])
        wanted = self.world.now.replace(year=year, month=month + 1, day=day)
        require(until == wanted, "an exclusion", got=until, wanted=wanted)
        person.excluded_until = until
        self._note("exclude", person, until=until)
        await check_people(self.world, self.model, [person])

    async def _time_out(self, person: Person) -> None:
        duration = timedelta(hours=self.world.random.randint(24, 60))
        until = self.world.now + duration
        got, _ = await self.world.transact(
            lambda session: exclusion.take_time_out(
                session, player_id=person.id, duration=duration, now=self.world.now
            )
        )
        if person.time_out_until is None or person.time_out_until < until:
            person.time_out_until = until
        require(got == person.time_out_until, "a time-out", got=got)
        self._note("time_out", person, until=got)

    def _drawn(self, person: Person, kind: str) -> Asked:
        """A command with drawn content under a fresh reference."""
        random = self.world.random
        asset = self._asset(person)
        facts: dict[str, Any] = {}
        reference = self.world.reference()
        match kind:
            case "bet":
                facts = {
                    "units": self._stake(person, "dice", asset),
                    **self._roll(),
                }
            case "open":
                facts = {
                    "units": self._stake(person, "mines", asset),
                    "mines": random.choice((1, 2, 3, 5, 8, 24)),
                }
            case "act" | "cash_out":
                facts = {"round": self._round(person)}
                if kind == "act":
                    facts["tile"] = random.randrange(25)
            case "rotate":
                seed = f"seed-{random.randrange(1000)}"
                facts = {"client_seed": random.choice((None, seed))}
            case "debit" | "credit":
                self.calls += 1
                units = self._stake(person, "", asset)
                facts = {"units": random.choice((0, units, units)), "round": "r1"}
                reference = f"{kind}-{self.calls}"
                if kind == "debit" and self.tables.buried and random.random() < 0.4:
                    reference = random.choice(sorted(self.tables.buried))
            case "rollback":
                self.calls += 1
                reference = f"rollback-{self.calls}"
                facts = {"round": "r1", **self._target(person)}
                asset = facts.pop("asset", asset)
        return Asked(person, kind, reference, self.world.now, facts, asset)

    def _roll(self) -> dict[str, Any]:
        random = self.world.random
        over = random.random() < 0.5
        chances = random.choice((random.randint(1, 9800), random.randint(2000, 8000), 4950))
        return {"target": 10_000 - chances if over else chances, "over": over}

    def _asset(self, person: Person) -> Asset:
        among = [
            each
            for each in PLAYED
            if self.model.purse(person, CASH, each) >= STAKES["dice", each][0]
        ]
        return self.world.random.choice(among or PLAYED)

    def _stake(self, person: Person, game: str, asset: Asset) -> int:
        random = self.world.random
        low, high = STAKES.get((game, asset), (1, 10**11))
        cash = self.model.purse(person, CASH, asset)
        if random.randrange(25) == 0:
            return random.choice((max(1, low - 1), high + 1, cash + 1))
        return max(low, min(high, cash * random.randint(*person.temper.stakes) // 1000))

    def _can_stake(self, person: Person) -> bool:
        return any(
            self.model.purse(person, CASH, asset) >= 10 * STAKES["dice", asset][0]
            for asset in PLAYED
        )

    def _round(self, person: Person) -> Any:
        """An open round of his own; now and then one that has ended, or a stranger's."""
        random = self.world.random
        mine = list(person.fields)
        if mine and random.random() < 0.95:
            return random.choice(mine)
        others = [each for other in self.model.people for each in other.fields]
        return random.choice([*others, 1])

    def _target(self, person: Person) -> dict[str, Any]:
        """Which debit a rollback takes back: known, unseen, a stranger's, in the wrong coin."""
        random = self.world.random
        mine = [ref for ref, one in self.tables.debits.items() if one.person is person]
        chance = random.randrange(10)
        if mine and chance < 5:
            recent = mine[-5:]
            target = random.choice(recent)
            return {"target": target, "asset": self.tables.debits[target].asset}
        if mine and chance == 5:
            return {"target": random.choice(mine)}
        undone = [ref for ref, one in self.tables.debits.items() if one.undone]
        if undone and chance in (7, 8):
            target = random.choice(undone)
            return {"target": target, "asset": self.tables.debits[target].asset}
        if self.tables.debits and chance == 6:
            return {"target": random.choice(list(self.tables.debits))}
        self.calls += 1
        return {"target": f"late-{self.calls}"}

    def _at_the_edge(self, person: Person) -> Asked:
        """A bet that meets one of his limits to the unit, or passes it by one."""
        now, random = self.world.now, self.world.random
        asked = self._drawn(person, "bet")
        rooms = [
            units - tally.used(kind)
            for (kind, window), wish in person.limits.items()
            if kind != "deposit" and (units := wish.now(now)) is not None
            for tally in (person.rolled(now)[window],)
        ]
        if not rooms or min(rooms) <= 0:
            return asked
        # In the coin of which he has enough: the largest stake whose worth, rounded up, is still
        # within the room, or one unit more.
        more = random.randrange(2)
        for asset in PLAYED:
            numerator, denominator, _ = self.model.rates[asset]
            units = min(rooms) * denominator // numerator + more
            if units <= self.model.purse(person, CASH, asset):
                break
        facts = {**asked.facts, "units": max(1, units), "target": 4950, "over": False}
        return replace(asked, facts=facts, asset=asset)

    async def _change(self, person: Person) -> None:
        """An old reference with a changed amount, or in another player's mouth."""
        random = self.world.random
        told = [
            each
            for each in self.tables.history
            if each.told is not None and ("units" in each.facts or each.kind == "rotate")
        ]
        if not told:
            return
        asked = random.choice(told)
        if random.random() < 0.5 and "units" in asked.facts:
            facts = {**asked.facts, "units": asked.facts["units"] + 1}
            other = replace(asked, facts=facts, told=None)
        else:
            stranger = random.choice([each for each in self.model.people if each is not person])
            if stranger is asked.person:
                stranger = person
            other = replace(asked, person=stranger, told=None)
        if other.person is asked.person and other.facts == asked.facts:
            return
        await self.tables.put_other_content(asked, other)

    async def _coins(self, person: Person) -> None:
        random = self.world.random
        units = random.choice(
            (random.randrange(1, 10**8), random.randrange(10**8, 10**11), 20 * 10**9)
        )
        comment = random.choice((person.tag, f" {person.tag.lower()} "))
        await self.incoming.arrive([(person, units, comment)])

    async def _faucet(self, person: Person) -> None:
        random = self.world.random
        units = random.randrange(1, 200 * 10**6)
        known = list(self.incoming.faucet)
        if known and random.random() < 0.3:
            reference = random.choice(known)
            owner, first, _ = self.incoming.faucet[reference]
            units = random.choice((first, first, first + 1))
            await self.incoming.play_money(owner, units, reference, again=True)
        else:
            await self.incoming.play_money(person, units, self.world.reference())

    def _note(self, kind: str, person: Person, **facts: object) -> None:
        now = self.world.now.isoformat()
        self.world.trace.note(at=now, kind=kind, who=person.name, **facts)
