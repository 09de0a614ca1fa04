"""A gaming table for machines: deeds, their effects as the answers tell them, and the laws."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from casino.betting.commands import Credit, Debit, Rollback
from casino.betting.floor import GamingFloor
from casino.clock import Window
from casino.db import Database
from casino.errors import CasinoError, IdempotencyConflict, Refusal
from casino.ids import PlayerId, RoundId, new_reference
from casino.ledger import journal
from casino.ledger.chart import Account, Kind
from casino.ledger.reconcile import reconcile
from casino.ledger.wallet import Posting, Wallet
from casino.money import Asset
from casino.players import facts, limits
from casino.players.rules import LimitKind, PlayerFacts
from games.registry import INSTANT, STEPS

EXTERNAL = {Asset.TON: Account.HOT_WALLET_TON, Asset.USDT: Account.HOT_WALLET_USDT_FAUCET}
STAKES = {Asset.TON: 10_000_007, Asset.USDT: 100_003}
WORTH = {Asset.TON: (3, 1000), Asset.USDT: (9, 10)}
WITH_UNITS = ("bet", "open", "debit", "credit", "deposit", "hold")


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that a player, an aggregator or the cashier does; fields mean what `kind` needs."""

    kind: str
    player: int = 0
    asset: Asset = Asset.TON
    units: int = 1
    number: int = 0
    target: int = 0
    floor: int = 0
    twice: bool = False


@dataclass(slots=True)
class Done:
    """A deed that was tried under a reference, and what was answered so far."""

    deed: Deed
    reference: str
    round_id: RoundId
    answers: list[Any] = field(default_factory=list)

    @property
    def told(self) -> list[Any]:
        """The answers that are no refusals."""
        return [one for one in self.answers if not isinstance(one, CasinoError)]


@dataclass(slots=True)
class Table:
    """Two players, two floors, a cashier; remembers what every answer promised."""

    database: Database
    floors: tuple[GamingFloor, GamingFloor]
    players: tuple[PlayerId, PlayerId]
    now: datetime
    done: list[Done] = field(default_factory=list)
    promised: Counter[tuple[PlayerId, Asset, str]] = field(default_factory=Counter)
    counted: Counter[tuple[PlayerId, str]] = field(default_factory=Counter)
    rounds: dict[PlayerId, RoundId] = field(default_factory=dict)
    buried: set[str] = field(default_factory=set)

    async def wave(self, deeds: list[Deed]) -> None:
        """Everything at once, then every law."""
        before = {player: await self._facts(player) for player in self.players}
        await asyncio.gather(*(self._do(deed) for deed in deeds))
        for player in self.players:
            await self._require_wallets(player)
            await self._require_limits(before[player], await self._facts(player))
        self._require_rollbacks()
        async with self.database.transaction() as session:
            report = await reconcile(session)
        assert report.sound, report

    async def _require_wallets(self, player: PlayerId) -> None:
        """Balances are what the answers add up to, and none is below zero."""
        async with self.database.transaction() as session:
            wallets = await journal.balances(session, player)
        for asset in STAKES:
            wallet = wallets.get(asset, Wallet(asset))
            assert wallet.cash == self.promised[player, asset, "cash"] >= 0
            assert wallet.reserved == self.promised[player, asset, "reserved"] >= 0

    async def _require_limits(self, before: PlayerFacts, after: PlayerFacts) -> None:
        """Counters are what the answers add up to; none has passed a limit that was in force when
        the wave began. In a wave limits only ever tighten: a looser one holds a day later."""
        player = PlayerId(after.player_id)
        day = after.counters.rolled(self.now).day
        assert day.staked == self.counted[player, "staked"]
        assert day.lost == self.counted[player, "lost"]
        for limit in before.limits:
            allowed = limit.effective(self.now)
            if allowed is not None:
                used = before.counters.rolled(self.now).day.used(limit.kind)
                assert day.used(limit.kind) <= max(allowed, used)

    def _require_rollbacks(self) -> None:
        """A debit is taken back once, in its own asset; one that was taken back unseen never
        happens."""
        debits = {
            one.reference: one.deed for one in self.done if one.deed.kind == "debit" and one.told
        }
        paid: Counter[str] = Counter()
        unseen = set()
        for one in self.done:
            if one.deed.kind != "rollback" or not one.told:
                continue
            target = _number(self.players[one.deed.player], one.deed.target)
            if one.told[0].answer.units:
                assert debits[target].asset is one.deed.asset
                assert debits[target].units == one.told[0].answer.units
                paid[target] += sum(not told.replayed for told in one.told)
            elif target not in debits:
                unseen.add(target)
        assert set(paid.values()) <= {0, 1}, paid
        assert not self.buried & set(debits), "a debit came through its own grave"
        self.buried |= unseen

    async def _facts(self, player: PlayerId) -> PlayerFacts:
        async with self.database.transaction() as session:
            return await facts.load_one(session, player_id=player)

    async def _do(self, deed: Deed) -> None:
        if deed.kind == "limit":
            await self._limit(deed)
        elif deed.kind == "repeat":
            await self._repeat(deed)
        else:
            player = self.players[deed.player]
            done = Done(deed, _reference(deed, player), self.rounds.get(player, RoundId(1)))
            floors = (deed.floor, 1 - deed.floor) if deed.twice else (deed.floor,)
            starts = [self._try(done, self.floors[floor]) for floor in floors]
            self._book(done, list(await asyncio.gather(*starts)))
            self.done.append(done)

    async def _limit(self, deed: Deed) -> None:
        kind = (LimitKind.WAGER, LimitKind.LOSS)[deed.number % 2]
        async with self.database.transaction() as session:
            await limits.set_limit(
                session,
                player_id=self.players[deed.player],
                kind=kind,
                window=Window.DAY,
                units=deed.target * 50_000 + 1,
                now=self.now,
            )

    async def _repeat(self, deed: Deed) -> None:
        """An earlier deed under its reference again, as it was or with other content."""
        if not self.done:
            return
        done = self.done[deed.number % len(self.done)]
        floor = self.floors[deed.floor]
        if deed.twice and done.deed.kind in WITH_UNITS:
            changed = replace(done.deed, units=done.deed.units + 1)
            other = Done(changed, done.reference, done.round_id)
            answer = await self._try(other, floor)
            if done.told:
                assert isinstance(answer, IdempotencyConflict), answer
            self._book(other, [answer])
            self.done.append(other)
            return
        known = bool(done.told)
        answer = await self._try(done, floor)
        if known:
            assert answer.replayed, answer
        self._book(done, [answer])

    async def _try(self, done: Done, floor: GamingFloor) -> Any:
        try:
            return await self._start(done, floor)
        except (Refusal, IdempotencyConflict) as error:
            return error

    def _book(self, done: Done, answers: list[Any]) -> None:
        done.answers.extend(answers)
        assert all(one.answer == done.told[0].answer for one in done.told), done
        assert all(one.entry_id == done.told[0].entry_id for one in done.told), done
        assert sum(not one.replayed for one in done.told) <= 1, done
        for one in answers:
            if not isinstance(one, CasinoError) and not one.replayed:
                self._promise(done.deed, one.answer)

    def _promise(self, deed: Deed, answer: Any) -> None:
        player = self.players[deed.player]
        match deed.kind:
            case "bet":
                self._staked(player, answer.asset, answer.stake)
                self._won(player, answer.asset, answer.payout)
            case "open":
                self.rounds[player] = answer.id
                self._staked(player, answer.asset, answer.stake)
            case "act" | "cash_out":
                if answer.status == "settled":
                    self._won(player, answer.asset, answer.payout)
            case "debit":
                self._staked(player, deed.asset, answer.units)
            case "credit":
                self._won(player, deed.asset, answer.units)
            case "rollback":
                self._won(player, deed.asset, answer.units)
                self.counted[player, "staked"] -= worth(answer.units, deed.asset)
            case "deposit":
                self.promised[player, deed.asset, "cash"] += deed.units
            case "hold":
                self.promised[player, deed.asset, "cash"] -= deed.units
                self.promised[player, deed.asset, "reserved"] += deed.units

    def _staked(self, player: PlayerId, asset: Asset, units: int) -> None:
        self.promised[player, asset, "cash"] -= units
        rounded_up = -worth(-units, asset)
        self.counted[player, "staked"] += rounded_up
        self.counted[player, "lost"] += rounded_up

    def _won(self, player: PlayerId, asset: Asset, units: int) -> None:
        self.promised[player, asset, "cash"] += units
        self.counted[player, "lost"] -= worth(units, asset)

    async def _start(self, done: Done, floor: GamingFloor) -> Any:
        deed, player, reference = done.deed, self.players[done.deed.player], done.reference
        match deed.kind:
            case "bet":
                return await floor.place_bet(
                    player_id=player,
                    game=INSTANT["dice"],
                    asset=deed.asset,
                    stake=deed.units,
                    choice={"target": 200 + 2400 * deed.target, "over": bool(deed.number % 2)},
                    reference=reference,
                )
            case "open":
                return await floor.open_round(
                    player_id=player,
                    game=STEPS["mines"],
                    asset=deed.asset,
                    stake=deed.units,
                    choice={"mines": 1 + deed.number},
                    reference=reference,
                )
            case "act":
                return await floor.act(
                    player_id=player,
                    round_id=done.round_id,
                    action={"tile": deed.number},
                    reference=reference,
                )
            case "cash_out":
                return await floor.cash_out(
                    player_id=player, round_id=done.round_id, reference=reference
                )
            case "rotate":
                seed = f"seed{deed.number}" if deed.target else None
                return await floor.rotate_seed(
                    player_id=player, client_seed=seed, reference=reference
                )
            case "debit" | "credit" | "rollback":
                return await floor.seamless(self._call(deed, player, reference))
            case _:
                return await self._post(deed, player, reference)

    def _call(self, deed: Deed, player: PlayerId, reference: str) -> Debit | Credit | Rollback:
        if deed.kind == "rollback":
            target = _number(player, deed.target)
            return Rollback(player, reference, "acme", deed.asset, "round", target)
        call = Debit if deed.kind == "debit" else Credit
        return call(player, reference, "acme", deed.asset, "round", deed.units)

    async def _post(self, deed: Deed, player: PlayerId, reference: str) -> Any:
        way = {
            "deposit": (EXTERNAL[deed.asset], Account.PLAYER_CASH, Kind.DEPOSIT),
            "hold": (Account.PLAYER_CASH, Account.PLAYER_RESERVED, Kind.WITHDRAWAL_RESERVE),
        }
        debit, credit, kind = way[deed.kind]
        async with self.database.transaction() as session:
            return await journal.post(
                session,
                player_id=player,
                source="machine",
                kind_key=deed.kind,
                reference=reference,
                request={"units": deed.units, "asset": deed.asset},
                postings=[Posting(debit, credit, deed.units, deed.asset, kind)],
                subject_id=1,
                now=self.now,
            )


def worth(units: int, asset: Asset) -> int:
    """Units in reference micro-units, rounded down."""
    numerator, denominator = WORTH[asset]
    return units * numerator // denominator


def _reference(deed: Deed, player: PlayerId) -> str:
    """An aggregator's numbers are few, so that they meet again by themselves."""
    if deed.kind in ("debit", "credit"):
        return _number(player, deed.number)
    if deed.kind == "rollback":
        return f"{_number(player, deed.number)}-of-{deed.target}"
    return new_reference()


def _number(player: PlayerId, number: int) -> str:
    return f"{player}-{number}"
