"""A month in the casino: who does what at which moment, drawn from the seed; checks as it goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from casino import flags, rates
from casino.betting import seeds
from casino.cashier import addresses, rails, terms
from casino.ids import PlayerId
from casino.ledger import journal
from casino.ledger.chart import Account, Kind
from casino.ledger.wallet import Posting
from casino.money import Asset
from casino.players import identity
from casino.staff import people as staff_people
from casino.worker import jobs
from tests.simulation import payouts
from tests.simulation.deposits import HOT_WALLET, RAIL, Incoming
from tests.simulation.guests import Guests
from tests.simulation.model import CAPITAL, OUTSIDE, Model, Person
from tests.simulation.payouts import Outgoing
from tests.simulation.proof import prove_everything
from tests.simulation.tables import Tables
from tests.simulation.tempers import CROWD, HOUSE, Temper
from tests.simulation.world import World, require

MONTH_END = datetime(2025, 12, 1, tzinfo=UTC)  # a Monday: month, week and day begin together
EVENING = timedelta(hours=2)  # the house opens on the evening before the first day
STEPS_A_DAY = 160
BANKROLL = {Asset.TON: 20_000 * 10**9, Asset.USDT: 60_000 * 10**6}
SWITCHES = (
    *("bets", "deposits", "withdrawals", "game:dice", "game:mines", "game:acme"),
    *("asset:TON", "asset:USDT"),
)
ADDRESS = "UQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA{:04d}"


def first_day(days: int) -> datetime:
    """When a run of so many days opens its house: so that the month ends within the run."""
    return MONTH_END - timedelta(days=min(17, max(1, days // 2))) - EVENING


@dataclass(slots=True)
class Month:
    """The run: opens the house, lets the days pass, one step after the other."""

    world: World
    days: int
    steps_a_day: int = STEPS_A_DAY
    model: Model = field(default_factory=Model)
    tables: Tables = field(init=False)
    incoming: Incoming = field(init=False)
    outgoing: Outgoing = field(init=False)
    guests: Guests = field(init=False)
    day: int = 0
    step: int = 0
    silence: tuple[datetime, datetime] = field(init=False)
    silent: bool = False

    def __post_init__(self) -> None:
        self.tables = Tables(self.world, self.model)
        self.incoming = Incoming(self.world, self.model)
        self.outgoing = Outgoing(self.world, self.model)
        self.guests = Guests(self.world, self.model, self.tables, self.incoming, self.outgoing)
        # Nobody quotes meanwhile: a day after the last quotation every stake must be refused.
        midnight = self.world.now + EVENING + timedelta(days=self.days // 3)
        ends = timedelta(hours=36 if self.days > 9 else 8)
        self.silence = (midnight - timedelta(hours=23), midnight + ends)

    async def run(self) -> AsyncIterator[int]:
        """Play; yields the number of each day when it has ended and everything was proved."""
        start = self.world.now + EVENING
        await self._open_house()
        for day in range(self.days):
            self.day = day
            await self._pass_day(start + timedelta(days=day))
            await prove_everything(self.world, self.model, self.incoming, self.outgoing)
            self.world.trace.note(day=self.day, proved=True)
            yield day

    async def _pass_day(self, midnight: datetime) -> None:
        random = self.world.random
        # The first and the last step of a day touch the edges of its windows.
        last = timedelta(hours=23, minutes=59, seconds=59, milliseconds=999)
        between = (
            timedelta(milliseconds=random.randrange(300_000, 86_000_000))
            for _ in range(self.steps_a_day - 2)
        )
        moments = [timedelta(0), *sorted(between), last]
        for step, offset in enumerate(moments):
            self.step = step
            if self.step == 1:
                await self.world.move_clock(midnight + timedelta(seconds=30))
                await self._chores()
            await self.world.move_clock(max(self.world.now, midnight + offset))
            if self.silent and not self._is_silent():
                await self._quote_all()
            if self.step and random.randrange(5) == 0:
                (deed,) = random.choices(list(HOUSE), weights=list(HOUSE.values()))
                await self._house(deed)
            else:
                person = self.model.pick(random)
                weights = person.temper.weights
                (deed,) = random.choices(list(weights), weights=list(weights.values()))
                await self.guests.do(person, deed)

    async def _chores(self) -> None:
        """What the worker does, and the feed of rates."""
        await jobs.make_partitions(self.world.database, self.world.now)
        await jobs.roll_up(self.world.database, self.world.now)
        await jobs.prove_books(self.world.database, self.world.now)
        await self._quote_all()
        if self.day % 3 == 2:
            await self.guests.close_abandoned()
        for person in self.model.people:
            middle = self.day == self.days // 2
            if middle and person.temper.excludes_himself and person.excluded_until is None:
                await self.guests.exclude(person)

    async def _house(self, deed: str) -> None:
        """One deed of the chain, the staff, the sender or the feed."""
        hands = {
            "confirm": self.incoming.confirm,
            "orphan": self.incoming.orphan,
            "change_mind": self.incoming.change_mind,
            "stray": self._stray,
            "resolve": self._resolve,
            "release": self._release,
            "approve": self.outgoing.approve,
            "reject": self.outgoing.reject,
            "send": self.outgoing.send,
            "refund": self.outgoing.refund_or_retry,
            "switch": self._switch,
            "quote": self._quote_one,
        }
        await hands[deed]()

    def _actor(self) -> str:
        return f"staff:{self.world.random.choice(self.outgoing.staff).id}"

    async def _stray(self) -> None:
        random = self.world.random
        comment = random.choice((None, "", "hello", "0000000A"))
        await self.incoming.arrive([(None, random.randrange(1, 10**10), comment)])

    async def _resolve(self) -> None:
        await self.incoming.resolve(self.model.pick(self.world.random), self._actor())

    async def _release(self) -> None:
        await self.incoming.release(self._actor())

    async def _quote_one(self) -> None:
        if not self._is_silent():
            await self._quote(self.world.random.choice(list(OUTSIDE)))

    async def _quote_all(self) -> None:
        self.silent = self._is_silent()
        if not self.silent:
            for asset in OUTSIDE:
                await self._quote(asset)

    def _is_silent(self) -> bool:
        return self.silence[0] <= self.world.now < self.silence[1]

    async def _switch(self) -> None:
        """Release all switches that are on, mostly; else stop one."""
        random, actor = self.world.random, self._actor()
        on = sorted(self.model.stopped)
        release = bool(on) and random.random() < 0.85
        for name in on if release else [random.choice(SWITCHES)]:
            await self._set_switch(name, stop=not release, actor=actor)

    async def _set_switch(self, name: str, *, stop: bool, actor: str) -> None:
        await self.world.transact(
            lambda session: flags.set_flag(
                session, name=name, stop=stop, reason="drawn", actor=actor, now=self.world.now
            )
        )
        (self.model.stopped.add if stop else self.model.stopped.discard)(name)
        self.world.trace.note(kind="switch", name=name, stop=stop)

    async def _quote(self, asset: Asset) -> None:
        numerator, denominator = (3_000, 10**6) if asset is Asset.TON else (900_000, 10**6)
        numerator = numerator * self.world.random.randrange(80, 125) // 100
        await self.world.transact(
            lambda session: rates.quote(
                session,
                asset=asset,
                numerator=numerator,
                denominator=denominator,
                now=self.world.now,
            )
        )
        self.model.rates[asset] = (numerator, denominator, self.world.now)
        self.world.trace.note(kind="quote", asset=asset, numerator=numerator)

    async def _open_house(self) -> None:
        """Staff, terms, rates, a bankroll and the people; no connection is lost meanwhile."""
        share, self.world.fault_share = self.world.fault_share, 0
        now = self.world.now
        await jobs.make_partitions(self.world.database, now)
        async with self.world.database.transaction() as session:
            await rails.set_hot_wallet(session, rail=RAIL, address=HOT_WALLET, now=now)
            self.outgoing.staff.extend(
                await staff_people.ensure_owners(session, telegram_ids=[901, 902, 903], now=now)
            )
            await terms.change(
                session,
                terms=terms.Terms(
                    level_0_lifetime=payouts.LIFETIME,
                    level_1_month=2 * payouts.LIFETIME,
                    second_person_above=payouts.SECOND_ABOVE,
                    order_valid_hours=72,
                ),
                actor="system",
                now=now,
            )
        for asset in OUTSIDE:
            await self._quote(asset)
            await self._pay_in(asset)
        # A roll-up stays behind its moment.
        await self.world.move_clock(now + EVENING / 2)
        await jobs.roll_up(self.world.database, self.world.now)
        for number, temper in enumerate(CROWD):
            await self._welcome(number, temper)
        self.world.fault_share = share

    async def _pay_in(self, asset: Asset) -> None:
        units = BANKROLL[asset]
        external = {
            Asset.TON: Account.HOT_WALLET_TON,
            Asset.USDT: Account.HOT_WALLET_USDT_FAUCET,
        }[asset]
        posting = Posting(external, Account.HOUSE_CAPITAL, units, asset, Kind.CAPITAL_PAID_IN)

        async def work(session: AsyncSession) -> Any:
            return await journal.post_house(
                session,
                source="simulation",
                kind_key="capital",
                reference=asset.value,
                request={"units": units},
                postings=[posting],
                subject_id=1,
                now=self.world.now,
            )

        await self.world.transact(work)
        self.model.move(OUTSIDE[asset], CAPITAL, units, asset)

    async def _welcome(self, number: int, temper: Temper) -> None:
        now, telegram_id = self.world.now, 700_000 + number
        async with self.world.database.transaction() as session:
            player = await identity.find_or_create(
                session,
                telegram_id=telegram_id,
                first_name=f"{temper.name} {number}",
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
            instruction = await addresses.deposit_instruction(
                session, player_id=player.id, rail=RAIL, now=now
            )
            await journal.lock_players(session, [player.id])
            view = await seeds.current(session, player_id=player.id, store=self.world.floor.seeds)
        person = Person(
            name=f"{temper.name}-{number}",
            temper=temper,
            id=PlayerId(player.id),
            telegram_id=telegram_id,
            address=ADDRESS.format(0 if temper.shares_address else number + 1),
            tag=instruction.tag,
            commitment=view.commitment,
            next_commitment=view.next_commitment,
            client_seed=view.client_seed,
        )
        require(view.commitment in self.world.tokens, "a seed of our own", who=person.name)
        self.model.people.append(person)
        self.world.trace.note(kind="welcome", who=person.name, id=player.id, seeds=view)
        if temper.limited:
            for kind, window in (("wager", "day"), ("loss", "week"), ("deposit", "month")):
                await self.guests.set_limit(
                    person, kind, window, self.world.random.randrange(20, 200) * 10**6
                )
        units = self.world.random.randrange(5, 100) * 10**9 + 7
        await self.incoming.arrive([(person, units, person.tag)])
        await self.incoming.arrive([(None, 1, None)])
        await self.incoming.confirm()
