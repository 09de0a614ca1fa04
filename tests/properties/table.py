"""A gaming table for machines: waves of deeds, what their answers promise, and the laws."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from casino.betting.floor import REFERENCE_AGE_MAX, GamingFloor
from casino.errors import (
    CasinoError,
    Conflict,
    IdempotencyConflict,
    IllegalMove,
    NotFound,
    Refusal,
    StaleReference,
)
from casino.ids import PlayerId
from casino.ledger import journal
from casino.ledger.reconcile import reconcile
from casino.ledger.wallet import Wallet
from casino.money import Asset
from casino.players import facts
from casino.players.rules import PlayerFacts
from tests.properties.deeds import (
    CALLS,
    ON_THE_FLOOR,
    STAKES,
    UNDOINGS,
    WITH_UNITS,
    WORTH,
    Deed,
    Done,
    House,
    number_of,
    reference_at,
    target_of,
)
from tests.properties.tallies import Effect, Tallies

# The numbers of players go on from example to example; a month and a bit is far enough.
DRIFT_MAX = timedelta(days=31)
EXPOSURE = """
SELECT e.asset, e.open_units, coalesce(r.units, 0) FROM house_exposure e
FULL JOIN (SELECT asset, sum(exposure)::bigint AS units FROM rounds WHERE status = 'open'
           GROUP BY asset) r ON r.asset = e.asset
WHERE e.open_units IS DISTINCT FROM coalesce(r.units, 0)
"""


@dataclass(slots=True)
class Table:
    """Two players at a house; remembers what every answer promised."""

    house: House
    players: tuple[PlayerId, PlayerId]
    done: list[Done] = field(default_factory=list)
    promised: Counter[tuple[PlayerId, Asset, str]] = field(default_factory=Counter)
    rounds: dict[PlayerId, int] = field(default_factory=dict)
    withdrawn: dict[PlayerId, list[int]] = field(default_factory=lambda: defaultdict(list))
    buried: set[str] = field(default_factory=set)
    tallies: dict[PlayerId, Tallies] = field(default_factory=lambda: defaultdict(Tallies))
    effects: dict[PlayerId, list[Effect]] = field(default_factory=lambda: defaultdict(list))

    async def wave(self, deeds: list[Deed], jump: str = "stay") -> None:
        """The clock moves, everything happens at once, and every law holds."""
        if jump != "stay":
            self.house.clock.jump(jump)
            await self.house.quote()
        now = self.house.clock.now
        before = {player: await self._facts(player) for player in self.players}
        await asyncio.gather(*(self._do(deed) for deed in deeds))
        for player in self.players:
            await self._require_wallets(player)
            tallies = self.tallies[player]
            tallies.roll(now)
            tallies.take(self.effects.pop(player, []), before[player], now)
            tallies.require(await self._facts(player), now)
        self._require_rollbacks()
        async with self.house.database.transaction() as session:
            wrong = (await session.execute(text(EXPOSURE))).all()
            assert not wrong, wrong
        async with self.house.database.transaction() as session:
            report = await reconcile(session)
        assert report.sound, report

    async def _require_wallets(self, player: PlayerId) -> None:
        """Balances are what the answers add up to, and none is below zero."""
        async with self.house.database.transaction() as session:
            wallets = await journal.balances(session, player)
        for asset in STAKES:
            wallet = wallets.get(asset, Wallet(asset))
            for name in ("reserved", "held"):
                assert getattr(wallet, name) == self.promised[player, asset, name] >= 0, name
            # A win taken back after it was spent is owed, and paid before anything can be played.
            assert wallet.cash - wallet.deficit == self.promised[player, asset, "cash"]
            assert min(wallet.cash, wallet.deficit) == 0
            assert wallet.bonus == wallet.not_final == 0

    def _require_rollbacks(self) -> None:
        """A debit or a credit is taken back once, in its own asset; one that was taken back unseen
        never happens."""
        moves = {
            one.reference: one.deed
            for one in self.done
            if one.deed.kind in ("debit", "credit") and one.told
        }
        paid: Counter[str] = Counter()
        unseen = set()
        for one in self.done:
            if one.deed.kind not in UNDOINGS or not one.told:
                continue
            target = target_of(self.players[one.deed.player], one.deed)
            if one.told[0].answer.units:
                assert moves[target].asset is one.deed.asset
                assert moves[target].units == one.told[0].answer.units
                paid[target] += sum(not told.replayed for told in one.told)
            elif target not in moves:
                unseen.add(target)
        assert set(paid.values()) <= {0, 1}, paid
        assert not self.buried & set(moves), "a move came through its own grave"
        self.buried |= unseen

    async def _facts(self, player: PlayerId) -> PlayerFacts:
        async with self.house.database.transaction() as session:
            return await facts.load_one(session, player_id=player)

    async def _do(self, deed: Deed) -> None:
        player = self.players[deed.player]
        if deed.kind == "limit":
            await self.house.set_limit(deed, player)
        elif deed.kind == "repeat":
            await self._repeat(deed)
        else:
            done = Done(
                deed, self._reference(deed, player), self._subject(deed), self.house.clock.now
            )
            floors = (deed.floor, 1 - deed.floor) if deed.twice else (deed.floor,)
            starts = [self._try(done, self.house.floors[floor]) for floor in floors]
            self._book(done, list(await asyncio.gather(*starts)))
            self.done.append(done)

    async def _repeat(self, deed: Deed) -> None:
        """An earlier deed under its reference again, as it was or with other content."""
        if not self.done:
            return
        done = self.done[deed.number % len(self.done)]
        floor = self.house.floors[deed.floor]
        stale = (
            done.deed.kind in ON_THE_FLOOR and self.house.clock.now - done.at > REFERENCE_AGE_MAX
        )
        if deed.twice and done.deed.kind in WITH_UNITS:
            changed = replace(done.deed, units=done.deed.units + 1)
            other = Done(changed, done.reference, done.subject, done.at)
            known = bool(done.told)
            answer = await self._try(other, floor)
            if known:
                assert isinstance(answer, StaleReference if stale else IdempotencyConflict), answer
            self._book(other, [answer])
            self.done.append(other)
            return
        known = bool(done.told)
        answer = await self._try(done, floor)
        if stale:
            assert isinstance(answer, StaleReference), answer
        elif known and done.deed.kind == "reject":
            assert isinstance(answer, IllegalMove), answer
        elif known:
            assert answer.replayed, answer
        self._book(done, [answer])

    async def _try(self, done: Done, floor: GamingFloor) -> Any:
        try:
            return await self.house.start(done, self.players[done.deed.player], floor)
        except (Refusal, Conflict, NotFound) as error:
            return error

    def _book(self, done: Done, answers: list[Any]) -> None:
        done.answers.extend(answers)
        assert all(one.answer == done.told[0].answer for one in done.told), done
        assert all(one.entry_id == done.told[0].entry_id for one in done.told), done
        assert sum(not one.replayed for one in done.told) <= 1, done
        for one in answers:
            if not isinstance(one, CasinoError) and not one.replayed:
                self._promise(done.deed, one.answer, one.entry_id)

    def _promise(self, deed: Deed, answer: Any, entry_id: int) -> None:
        if deed.kind in ON_THE_FLOOR:
            self._promise_play(deed, answer, entry_id)
        elif deed.kind in CALLS:
            self._promise_call(deed, answer.units, entry_id)
        else:
            self._promise_cashier(deed, answer, entry_id)

    def _promise_play(self, deed: Deed, answer: Any, entry_id: int) -> None:
        player = self.players[deed.player]
        staked = answer.stake if deed.kind in ("bet", "open") else 0
        if deed.kind == "rotate":
            return
        if deed.kind == "open":
            self.rounds[player] = answer.id
        won = answer.payout if answer.status == "settled" else 0
        self.promised[player, answer.asset, "cash"] += won - staked
        self.effects[player].append(
            Effect(entry_id, staked=cost(staked, answer.asset), won=worth(won, answer.asset))
        )

    def _promise_call(self, deed: Deed, units: int, entry_id: int) -> None:
        player = self.players[deed.player]
        taken = deed.kind in ("debit", "unwin")
        self.promised[player, deed.asset, "cash"] += -units if taken else units
        match deed.kind:
            case "debit":
                effect = Effect(entry_id, staked=cost(units, deed.asset))
            case "credit":
                effect = Effect(entry_id, won=worth(units, deed.asset))
            case "unwin":
                effect = Effect(entry_id, won=-cost(units, deed.asset))
            case _:
                effect = Effect(entry_id, refunded=worth(units, deed.asset))
        self.effects[player].append(effect)

    def _promise_cashier(self, deed: Deed, answer: Any, entry_id: int) -> None:
        player, promised = self.players[deed.player], self.promised
        match deed.kind:
            case "deposit":
                _, status, units, _ = answer
                promised[player, deed.asset, "cash" if status == "credited" else "held"] += units
                if status == "credited":
                    # Deposits only ever add up: their place among the bets does not matter.
                    self.effects[player].append(Effect(0, deposited=cost(units, deed.asset)))
            case "withdraw":
                self.withdrawn[player].append(entry_id)
                promised[player, deed.asset, "cash"] -= deed.units
                promised[player, deed.asset, "reserved"] += deed.units
            case _:
                _, asset, units, _ = answer
                promised[player, asset, "cash"] += units
                promised[player, asset, "reserved"] -= units

    def _reference(self, deed: Deed, player: PlayerId) -> str:
        if deed.kind == "debit":
            return number_of(player, deed.number)
        if deed.kind == "credit":
            return number_of(player, deed.number, win=True)
        if deed.kind in UNDOINGS:
            return f"{number_of(player, deed.number)}-of-{target_of(player, deed)}"
        return reference_at(self.house.clock.now)

    def _subject(self, deed: Deed) -> int:
        """The round or the withdrawal that a deed is about; 1 is none of either."""
        player = self.players[deed.player]
        if deed.kind in ("cancel", "reject"):
            asked = self.withdrawn[player]
            return asked[deed.number % len(asked)] if asked else 1
        return self.rounds.get(player, 1)


def worth(units: int, asset: Asset) -> int:
    """Units in reference micro-units, rounded down."""
    numerator, denominator = WORTH[asset]
    return units * numerator // denominator


def cost(units: int, asset: Asset) -> int:
    """Units in reference micro-units, rounded up."""
    return -worth(-units, asset)
