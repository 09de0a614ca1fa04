"""The house as it should be: balances, counters, limits and gates, kept apart from the product."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from casino.ids import PlayerId, RoundId
from casino.money import Asset
from tests.simulation import oracle
from tests.simulation.world import require

WINDOWS = ("day", "week", "month")
CASH, RESERVED, HELD = "player:cash", "player:reserved", "player:held"
GAMING, OPEN, CAPITAL = "house:gaming", "house:open_rounds", "house:capital"
AGGREGATORS, UNCLAIMED, FEES = "house:aggregators", "house:unclaimed", "house:fees"
NETWORK = "house:network_fees"
OUTSIDE = {Asset.TON: "external:hot_wallet:ton", Asset.USDT: "external:hot_wallet:usdt_faucet"}
STAKES = {
    ("dice", Asset.TON): (10_000_000, 100_000_000_000),
    ("dice", Asset.USDT): (20_000, 500_000_000),
    ("mines", Asset.TON): (10_000_000, 50_000_000_000),
    ("mines", Asset.USDT): (20_000, 250_000_000),
}
DAY = timedelta(hours=24)


@dataclass(slots=True)
class Wish:
    """A limit as the player asked for it; `later` holds from `at` on."""

    units: int | None
    later: int | None = None
    at: datetime | None = None

    def now(self, moment: datetime) -> int | None:
        """What counts at a moment."""
        return self.units if self.at is None or moment < self.at else self.later

    def ask(self, units: int | None, moment: datetime) -> None:
        """Lower at once, higher in a day; the present or a lower one takes a waiting one back."""
        present = self.now(moment)
        higher = present is not None and (units is None or units > present)
        if not higher:
            self.units, self.later, self.at = units, None, None
        elif self.at is None or moment >= self.at or units != self.later:
            self.units, self.later, self.at = present, units, moment + DAY


@dataclass(slots=True)
class Tally:
    """What was counted in a window since `start`, in millionths of the reference currency."""

    start: datetime
    staked: int = 0
    lost: int = 0
    deposited: int = 0

    def used(self, kind: str) -> int:
        """What counts against a limit of this kind; a stake stands alone."""
        return {"wager": self.staked, "loss": self.lost, "deposit": self.deposited}.get(kind, 0)


@dataclass(slots=True)
class Field:
    """An open round of mines."""

    asset: Asset
    stake: int
    mines: int
    mined: frozenset[int]
    steps_max: int
    exposure: int
    since: datetime
    opened: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Person:
    """A player, his temper, and everything that the house should know about him."""

    name: str
    temper: Any
    id: PlayerId
    telegram_id: int
    address: str
    tag: str = ""
    excluded_until: datetime | None = None
    time_out_until: datetime | None = None
    limits: dict[tuple[str, str], Wish] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    commitment: str = ""
    next_commitment: str = ""
    client_seed: str = ""
    nonce: int = 0
    rounds: int = 0
    receipt: bytes | None = None
    fields: dict[RoundId, Field] = field(default_factory=dict)
    withdrawn_ref: int = 0

    def count(
        self, moment: datetime, *, staked: int = 0, lost: int = 0, deposited: int = 0
    ) -> None:
        """Add to every window, rolled on to the moment; turnover is never below zero."""
        for tally in self.rolled(moment).values():
            tally.staked = max(0, tally.staked + staked)
            tally.lost += lost
            tally.deposited += deposited

    def rolled(self, moment: datetime) -> dict[str, Tally]:
        """The tallies of the windows that hold the moment."""
        for window in WINDOWS:
            start = begin_of(window, moment)
            if window not in self.tallies or self.tallies[window].start < start:
                self.tallies[window] = Tally(start)
        return self.tallies

    def limit_refuses(self, kinds: tuple[str, ...], asked: int, moment: datetime) -> bool:
        """Whether one of the limits of these kinds stands in the way of `asked` more."""
        tallies = self.rolled(moment)
        for (kind, window), wish in self.limits.items():
            units = wish.now(moment)
            if kind in kinds and units is not None and tallies[window].used(kind) + asked > units:
                return True
        return False

    def closed(self, moment: datetime) -> set[str]:
        """The refusals of exclusion and time-out that stand at a moment."""
        found = set()
        if self.excluded_until is not None and moment < self.excluded_until:
            found.add("refusal.self_excluded")
        if self.time_out_until is not None and moment < self.time_out_until:
            found.add("refusal.cooling_off")
        return found


@dataclass(slots=True)
class Model:
    """The whole house: the book by account, players, rates, switches, the bankroll."""

    people: list[Person] = field(default_factory=list)
    accounts: Counter[tuple[str, Asset]] = field(default_factory=Counter)
    purses: Counter[tuple[PlayerId, str, Asset]] = field(default_factory=Counter)
    rates: dict[Asset, tuple[int, int, datetime]] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    bankroll: dict[Asset, int] = field(default_factory=dict)
    bankroll_at: datetime | None = None

    def move(
        self, debit: str, credit: str, units: int, asset: Asset, person: Person | None = None
    ) -> None:
        """A transfer; a player's account must stay at zero or above."""
        for account, change in ((debit, -units), (credit, units)):
            if not account.startswith("player:"):
                self.accounts[account, asset] += change
                continue
            assert person is not None
            self.purses[person.id, account, asset] += change
            left = self.purses[person.id, account, asset]
            require(left >= 0, "a balance below zero", player=person.name, account=account)

    def purse(self, person: Person, account: str, asset: Asset) -> int:
        """A balance in units."""
        return self.purses[person.id, account, asset]

    def worth_up(self, units: int, asset: Asset) -> int:
        """Units in reference millionths, rounded up: stakes, deposits, withdrawals."""
        numerator, denominator, _ = self.rates[asset]
        return -(-units * numerator // denominator)

    def worth_down(self, units: int, asset: Asset) -> int:
        """Rounded down: what comes back."""
        numerator, denominator, _ = self.rates[asset]
        return units * numerator // denominator

    def stale(self, asset: Asset, moment: datetime) -> bool:
        """Whether the asset's rate is older than a day."""
        return moment - self.rates[asset][2] > DAY

    def see_bankroll(self, moment: datetime) -> None:
        """Learn what the house owns for gaming, unless that was learned within this second."""
        if self.bankroll_at and moment - self.bankroll_at <= timedelta(seconds=1):
            return
        self.bankroll_at = moment
        for asset in OUTSIDE:
            self.bankroll[asset] = self.accounts[GAMING, asset] + self.accounts[CAPITAL, asset]

    def exposure(self, asset: Asset) -> int:
        """The most that open rounds may cost."""
        return sum(
            each.exposure
            for person in self.people
            for each in person.fields.values()
            if each.asset is asset
        )

    def stake_refusals(
        self, person: Person, game: str, asset: Asset, units: int, moment: datetime
    ) -> set[str]:
        """Every reason against a stake but the house's own caps."""
        found = person.closed(moment)
        if self.stopped & {"bets", f"game:{game}", f"asset:{asset}"}:
            found.add("refusal.paused")
        low, high = STAKES.get((game, asset), (0, units))
        if not low <= units <= high:
            found.add("refusal.stake_out_of_range")
        if self.stale(asset, moment):
            found.add("refusal.rate_stale")
        if person.limit_refuses(("wager", "loss", "stake"), self.worth_up(units, asset), moment):
            found.add("refusal.limit_reached")
        if units > self.purse(person, CASH, asset):
            found.add("refusal.insufficient_funds")
        return found

    def dice_refusals(
        self,
        person: Person,
        asset: Asset,
        units: int,
        *,
        target: int,
        over: bool,
        moment: datetime,
    ) -> set[str]:
        """Every reason against a roll."""
        found = self.stake_refusals(person, "dice", asset, units, moment)
        bankroll = self.bankroll[asset]
        if not oracle.dice_within(stake=units, target=target, over=over, bankroll=bankroll):
            found.add("refusal.exposure_reached")
        return found

    def mines_refusals(
        self, person: Person, asset: Asset, units: int, *, mines: int, moment: datetime
    ) -> set[str]:
        """Every reason against a new field."""
        found = self.stake_refusals(person, "mines", asset, units, moment)
        if person.fields:
            found.add("refusal.round_closed")
        bankroll = self.bankroll[asset]
        steps = oracle.mines_steps(stake=units, mines=mines, bankroll=bankroll)
        cost = oracle.mines_payout(stake=units, mines=mines, opened=steps) - units
        if steps == 0 or cost > bankroll // 20 - self.exposure(asset):
            found.add("refusal.exposure_reached")
        return found

    def deposit_refusals(
        self, person: Person, asset: Asset, units: int, moment: datetime
    ) -> set[str]:
        """Every reason for which a deposit is held."""
        found = person.closed(moment)
        if self.stopped & {"deposits", f"asset:{asset}"}:
            found.add("refusal.paused")
        limited = any(
            kind == "deposit" and wish.now(moment) is not None
            for (kind, _), wish in person.limits.items()
        )
        if self.stale(asset, moment) and limited:
            found.add("refusal.rate_stale")
        if person.limit_refuses(("deposit",), self.worth_up(units, asset), moment):
            found.add("refusal.limit_reached")
        return found

    def stake(self, person: Person, to: str, units: int, asset: Asset, moment: datetime) -> None:
        """A stake leaves the player and counts; no limit may now be passed by one unit."""
        worth = self.worth_up(units, asset)
        person.count(moment, staked=worth, lost=worth)
        require(
            not person.limit_refuses(("wager", "loss"), 0, moment),
            "a limit was passed",
            player=person.name,
        )
        if units:
            self.move(CASH, to, units, asset, person)

    def payout(
        self, person: Person, source: str, units: int, asset: Asset, moment: datetime
    ) -> None:
        """A payout reaches the player and gives room under his loss limits."""
        if units:
            person.count(moment, lost=-self.worth_down(units, asset))
            self.move(source, CASH, units, asset, person)

    def pick(self, dice: random.Random) -> Person:
        """Somebody."""
        return dice.choice(self.people)


def begin_of(window: str, moment: datetime) -> datetime:
    """The first moment of the calendar window that holds `moment`."""
    midnight = datetime(moment.year, moment.month, moment.day, tzinfo=moment.tzinfo)
    back = {"day": 0, "week": midnight.weekday(), "month": midnight.day - 1}[window]
    return midnight - timedelta(days=back)
