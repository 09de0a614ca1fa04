"""What players, aggregators, the cashier and staff do at the table, and how it is set going."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from casino import rates
from casino.betting.commands import Credit, Debit, Rollback
from casino.betting.floor import GamingFloor
from casino.cashier import addresses, deposits, withdrawals
from casino.cashier.deposits import ChainDeposit
from casino.clock import Window
from casino.db import Database
from casino.errors import CasinoError
from casino.ids import PlayerId, RoundId
from casino.money import Asset
from casino.players import limits
from casino.players.rules import LimitKind
from casino.staff.people import Member
from games.registry import INSTANT, STEPS
from tests import factories

STAKES = {Asset.TON: 10_000_007, Asset.USDT: 100_003}
WORTH = {Asset.TON: (3, 1000), Asset.USDT: (9, 10)}
RAILS = {Asset.TON: "ton", Asset.USDT: "usdt_faucet"}
ON_THE_FLOOR = ("bet", "open", "act", "cash_out", "rotate")
# A rollback takes a debit back, an unwin a credit.
UNDOINGS = ("rollback", "unwin")
CALLS = ("debit", "credit", *UNDOINGS)
WITH_UNITS = ("bet", "open", "debit", "credit", "deposit", "withdraw")

LIMITS = (
    *((LimitKind.WAGER, window) for window in Window),
    *((LimitKind.LOSS, window) for window in Window),
    *((LimitKind.DEPOSIT, window) for window in Window),
    (LimitKind.STAKE, Window.DAY),
)


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that is done; fields mean what `kind` needs."""

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
    """A deed that was tried under a reference, on a round or a withdrawal, and what was answered
    so far."""

    deed: Deed
    reference: str
    subject: int
    at: datetime
    answers: list[Any] = field(default_factory=list)

    @property
    def told(self) -> list[Any]:
        """The answers that are no refusals."""
        return [one for one in self.answers if not isinstance(one, CasinoError)]


@dataclass(frozen=True, slots=True)
class Handled:
    """What the cashier did; replayed if it had done so before."""

    answer: tuple[object, ...]
    entry_id: int
    replayed: bool


class Clock:
    """The one clock of the house and of everybody in it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def jump(self, where: str) -> None:
        """To the last or the first moment around the edge of a window."""
        today = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        tomorrow = today + timedelta(days=1)
        match where:
            case "last":
                self.now = tomorrow - timedelta(microseconds=1)
            case "day":
                self.now = tomorrow
            case "week":
                self.now = today + timedelta(days=7 - today.weekday())
            case "month":
                self.now = (today + timedelta(days=32)).replace(day=1)


@dataclass(slots=True)
class House:
    """Two processes' worth of tables over one bankroll, a cashier, and somebody who decides."""

    database: Database
    floors: tuple[GamingFloor, GamingFloor]
    clock: Clock
    member: Member
    # What the cashier did already, in all of the house's life.
    handled: set[tuple[object, ...]] = field(default_factory=set)

    async def quote(self) -> None:
        """Rates of this moment: old ones would stop all bets."""
        async with self.database.transaction() as session:
            for asset, (numerator, denominator) in WORTH.items():
                await rates.quote(
                    session,
                    asset=asset,
                    numerator=numerator,
                    denominator=denominator,
                    now=self.clock.now,
                )

    async def start(self, done: Done, player: PlayerId, floor: GamingFloor) -> Any:
        """Do it; returns the answer or raises the refusal."""
        deed = done.deed
        if deed.kind in ON_THE_FLOOR:
            return await _play(done, player, floor)
        if deed.kind in CALLS:
            return await floor.seamless(_call(deed, player, done.reference))
        match deed.kind:
            case "deposit":
                return await self._deposit(deed, player, done.reference)
            case "withdraw":
                return await self._withdraw(deed, player, done.reference)
            case _:
                return await self._give_back(done, player)

    async def set_limit(self, deed: Deed, player: PlayerId) -> None:
        """Ask for a limit, or for none."""
        kind, window = LIMITS[deed.number % len(LIMITS)]
        async with self.database.transaction() as session:
            await limits.set_limit(
                session,
                player_id=player,
                kind=kind,
                window=window,
                units=deed.target * 40_000 + 1 if deed.target else None,
                now=self.clock.now,
            )

    async def _deposit(self, deed: Deed, player: PlayerId, reference: str) -> Handled:
        """Coins that a chain or the faucet brings under one key."""
        async with self.database.transaction() as session:
            if deed.asset is Asset.USDT:
                made = await deposits.credit_faucet(
                    session,
                    player_id=player,
                    units=deed.units,
                    asset=deed.asset,
                    reference=reference,
                    now=self.clock.now,
                )
                return self._once(made.id, "deposit", made.status.value, deed.units)
        async with self.database.transaction() as session:
            where = await addresses.deposit_instruction(
                session, player_id=player, rail="ton", now=self.clock.now
            )
        async with self.database.transaction() as session:
            seen = ChainDeposit(
                business_key=reference,
                tx_hash=reference,
                account=where.address,
                sender="somebody",
                comment=where.tag,
                units=deed.units,
                block=1,
                at=self.clock.now,
            )
            await deposits.observe(session, rail="ton", transfers=[seen], now=self.clock.now)
            await deposits.confirm(session, rail="ton", final_block=1, now=self.clock.now)
            row = await session.execute(
                text("SELECT id, status FROM deposits WHERE rail = 'ton' AND business_key = :key"),
                {"key": reference},
            )
            deposit_id, status = row.one()
        return self._once(deposit_id, "deposit", status, deed.units)

    async def _withdraw(self, deed: Deed, player: PlayerId, reference: str) -> Handled:
        async with self.database.transaction() as session:
            asked = await factories.ask_withdrawal(
                session,
                player_id=player,
                rail=RAILS[deed.asset],
                units=deed.units,
                destination="elsewhere",
                memo="",
                reference=reference,
                now=self.clock.now,
            )
        return self._once(asked.id, "withdraw", asked.asset, asked.units)

    async def _give_back(self, done: Done, player: PlayerId) -> Handled:
        """The player changes his mind, or staff say no."""
        async with self.database.transaction() as session:
            if done.deed.kind == "cancel":
                ended = await withdrawals.cancel(
                    session, withdrawal_id=done.subject, player_id=player, now=self.clock.now
                )
            else:
                ended = await withdrawals.reject(
                    session,
                    withdrawal_id=done.subject,
                    member=self.member,
                    reason="no",
                    now=self.clock.now,
                )
        return self._once(ended.id, "back", ended.asset, ended.units)

    def _once(self, entry_id: int, *answer: object) -> Handled:
        key = (answer[0], entry_id)
        before = key in self.handled
        self.handled.add(key)
        return Handled((*answer, entry_id), entry_id, before)


def reference_at(moment: datetime) -> str:
    """A fresh UUIDv7 of a moment that the clock of the machine may not have reached."""
    bits = int(moment.timestamp() * 1000) << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    return str(UUID(int=bits | 0b10 << 62 | secrets.randbits(62)))


def number_of(player: PlayerId, number: int, *, win: bool = False) -> str:
    """An aggregator's transaction id; there are few, so that they meet again by themselves. Its
    ids are one space, so wins have others than stakes."""
    return f"{player}-{number}-won" if win else f"{player}-{number}"


def target_of(player: PlayerId, deed: Deed) -> str:
    """The transaction id that a rollback takes back."""
    return number_of(player, deed.target, win=deed.kind == "unwin")


async def _play(done: Done, player: PlayerId, floor: GamingFloor) -> Any:
    deed, reference = done.deed, done.reference
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
                round_id=RoundId(done.subject),
                action={"tile": deed.number},
                reference=reference,
            )
        case "cash_out":
            return await floor.cash_out(
                player_id=player, round_id=RoundId(done.subject), reference=reference
            )
        case _:
            seed = f"seed{deed.number}" if deed.target else None
            return await floor.rotate_seed(player_id=player, client_seed=seed, reference=reference)


def _call(deed: Deed, player: PlayerId, reference: str) -> Debit | Credit | Rollback:
    if deed.kind in UNDOINGS:
        target = target_of(player, deed)
        return Rollback(player, reference, "acme", deed.asset, "round", target)
    call = Debit if deed.kind == "debit" else Credit
    return call(player, reference, "acme", deed.asset, "round", deed.units)
