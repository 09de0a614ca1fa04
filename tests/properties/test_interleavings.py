"""Whatever happens at the tables, in whatever order and however often: the laws of money hold."""

import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from casino.betting.floor import open_floor
from casino.cashier import rails
from casino.clock import Window
from casino.db import Database
from casino.errors import (
    IdempotencyConflict,
    IllegalMove,
    InsufficientFunds,
    LimitReached,
    RoundClosed,
)
from casino.money import Asset
from casino.players import limits
from casino.players.rules import LimitKind
from casino.staff import people
from casino.staff.roles import Role
from games.registry import STEPS
from tests.factories import VAULT, make_player, ready_house
from tests.properties.deeds import STAKES, Clock, Deed, House
from tests.properties.table import DRIFT_MAX, Table

# One worker, one after the other: the second test looks at what the first one did.
pytestmark = pytest.mark.xdist_group("interleavings")

# A Thursday; the month ends on Saturday, the week on Sunday.
START = datetime(2026, 10, 29, 12, tzinfo=UTC)

KINDS = (
    *("bet", "bet", "open", "open", "act", "act", "cash_out", "cash_out", "rotate", "rotate"),
    *("debit", "debit", "credit", "credit", "rollback", "rollback", "unwin"),
    *("deposit", "withdraw", "withdraw", "cancel", "cancel", "reject", "reject"),
    *("limit", "repeat", "repeat", "repeat"),
)
JUMPS = ("stay", "stay", "stay", "last", "last", "day", "week", "month")
WENT_THROUGH: Counter[str] = Counter()

FEW = st.integers(min_value=0, max_value=3)


@st.composite
def deeds(draw: st.DrawFn) -> Deed:
    """One deed; small numbers, so that deeds meet each other."""
    kind = draw(st.sampled_from(KINDS))
    asset = draw(st.sampled_from(list(STAKES)))
    times = draw(st.integers(min_value=1, max_value=6))
    wide = kind in ("act", "repeat", "limit")
    return Deed(
        kind=kind,
        player=draw(st.integers(min_value=0, max_value=1)),
        asset=asset,
        units=STAKES[asset] * times,
        number=draw(st.integers(min_value=0, max_value=24) if wide else FEW),
        target=draw(st.integers(min_value=0, max_value=12) if kind == "limit" else FEW),
        floor=draw(st.integers(min_value=0, max_value=1)),
        twice=draw(st.booleans()),
    )


WAVES = st.lists(
    st.tuples(st.sampled_from(JUMPS), st.lists(deeds(), min_size=2, max_size=8)),
    min_size=4,
    max_size=8,
)


@pytest.fixture
async def house(db: Database) -> AsyncIterator[House]:
    """Open for deposits and withdrawals of any size, on both rails."""
    clock = Clock(START)
    await ready_house(db)
    async with db.transaction() as session:
        for name in ("ton", "usdt_faucet"):
            offered = replace(
                await rails.get_rail(session, name),
                address="here",
                deposit_min=1,
                withdrawal_min=1,
                withdrawal_fee=0,
                withdrawals_enabled=True,
            )
            await rails.change_rail(session, rail=offered, actor="test", now=START)
        (owner,) = await people.ensure_owners(session, telegram_ids=[9001], now=START)
        member = await people.set_roles(
            session,
            member_id=owner.id,
            roles=[Role.OWNER, Role.PAYMENTS],
            actor=owner,
            now=START,
        )
    async with (
        open_floor(db.dsn, VAULT, step_games=STEPS, clock=clock) as one,
        open_floor(db.dsn, VAULT, step_games=STEPS, clock=clock) as other,
    ):
        yield House(database=db, floors=(one, other), clock=clock, member=member)


async def sit_down(house: House) -> Table:
    """Two new players on the first day."""
    house.clock.now = START
    await house.quote()
    async with house.database.transaction() as session:
        players = (await make_player(session, now=START), await make_player(session, now=START))
    return Table(house=house, players=players)


@settings(
    max_examples=int(os.environ.get("PROPERTY_EXAMPLES", "25")),
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # waves race: a smaller example need not fail the same way
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(waves=WAVES)
async def test_no_interleaving_breaks_a_law(
    house: House, waves: list[tuple[str, list[Deed]]]
) -> None:
    table = await sit_down(house)
    await table.wave(
        [Deed("deposit", who, asset, 9 * STAKES[asset]) for who in (0, 1) for asset in STAKES]
    )
    for jump, wave in waves:
        far = house.clock.now - START > DRIFT_MAX
        await table.wave(wave, "stay" if far else jump)
    WENT_THROUGH.update(one.deed.kind for one in table.done if one.told)
    WENT_THROUGH.update(type(error).__name__ for one in table.done for error in one.answers)
    WENT_THROUGH.update(jump for jump, _ in waves)


async def test_every_kind_of_deed_went_through() -> None:
    """The search above would find nothing in a house that refuses everything, or nothing."""
    wanted = {*KINDS, *JUMPS} - {"limit", "repeat"}
    wanted |= {"LimitReached", "InsufficientFunds", "IdempotencyConflict", "RoundClosed"}
    wanted |= {"IllegalMove", "SeedInUse"}
    assert wanted <= set(WENT_THROUGH), WENT_THROUGH


async def play(house: House, *waves: list[Deed] | tuple[str, list[Deed]]) -> list[Any]:
    """Play waves with a player who has something; the last answer of each deed."""
    table = await sit_down(house)
    await table.wave([Deed("deposit", 0, asset, 20 * STAKES[asset]) for asset in STAKES])
    for wave in waves:
        jump, wanted = wave if isinstance(wave, tuple) else ("stay", wave)
        await table.wave(wanted, jump)
    return [one.answers[-1] for one in table.done[len(STAKES) :]]


async def test_rollback_before_its_debit_buries_it(
    house: House,
) -> None:
    rollback, debit, other = await play(
        house,
        [Deed("rollback", number=1, target=3)],
        [Deed("debit", units=STAKES[Asset.TON], number=3, twice=True)],
        [Deed("debit", units=STAKES[Asset.TON], number=2)],
    )
    assert rollback.answer.units == 0
    assert isinstance(debit, RoundClosed)
    assert other.answer.units == STAKES[Asset.TON]


async def test_rollback_of_a_debit_gives_it_back_once(
    house: House,
) -> None:
    debit, first, second = await play(
        house,
        [Deed("debit", units=STAKES[Asset.TON], number=3)],
        [Deed("rollback", number=1, target=3, twice=True)],
        [Deed("rollback", number=2, target=3)],
    )
    assert debit.answer.units == first.answer.units == STAKES[Asset.TON]
    assert second.answer.units == 0


async def test_rollback_of_a_spent_win_is_owed_and_paid_first(house: House) -> None:
    unit = STAKES[Asset.TON]
    _, spent, undone, again, refused, paid, played = await play(
        house,
        [Deed("credit", number=3, units=5 * unit)],
        [Deed("withdraw", units=24 * unit)],
        [Deed("unwin", number=1, target=3, twice=True)],
        [Deed("unwin", number=2, target=3)],
        [Deed("debit", number=1, units=unit)],
        [Deed("deposit", units=6 * unit)],
        [Deed("debit", number=2, units=2 * unit)],
    )
    assert not isinstance(spent, Exception)
    assert undone.answer.units == 5 * unit
    assert again.answer.units == 0
    assert isinstance(refused, InsufficientFunds)
    assert paid.answer[1] == "credited"
    # One was left, five were owed, six came: two can be staked and no more.
    assert played.wallets[Asset.TON].cash == 0


async def test_rollback_in_another_coin_is_a_conflict(
    house: House,
) -> None:
    _, wrong, right = await play(
        house,
        [Deed("debit", units=STAKES[Asset.TON], number=3)],
        [Deed("rollback", asset=Asset.USDT, number=1, target=3)],
        [Deed("rollback", asset=Asset.TON, number=2, target=3)],
    )
    assert isinstance(wrong, IdempotencyConflict)
    assert right.answer.units == STAKES[Asset.TON]


# A Monday; what happened before it counts in no window of it.
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
EDGES = {
    Window.DAY: datetime(2026, 11, 3, tzinfo=UTC),
    Window.WEEK: datetime(2026, 11, 9, tzinfo=UTC),
    Window.MONTH: datetime(2026, 12, 1, tzinfo=UTC),
}
# What one stake of TON counts, in micro-EUR, rounded up.
COST = 30_001


@pytest.mark.parametrize(("short", "fit"), [(0, 3), (1, 2)])
@pytest.mark.parametrize("window", list(Window))
@pytest.mark.parametrize("kind", [LimitKind.WAGER, LimitKind.LOSS, LimitKind.DEPOSIT])
async def test_limit_is_met_to_the_unit_not_passed_by_one_and_ends_at_the_edge(
    house: House, kind: LimitKind, window: Window, short: int, fit: int
) -> None:
    """Three fit under a limit of three, two under one that lacks a micro-unit, on either floor;
    none at the last moment of the window, and as many again at the first of the next."""
    table = await sit_down(house)
    await table.wave([Deed("deposit", 0, units=20 * STAKES[Asset.TON])])
    went = []
    for moment in (MONDAY, EDGES[window] - timedelta(microseconds=1), EDGES[window]):
        house.clock.now = moment
        await house.quote()
        if moment == MONDAY:
            await set_exact_limit(house, table, kind, window, 3 * COST - short)
        deed = "deposit" if kind is LimitKind.DEPOSIT else "debit"
        first = len(table.done)
        await table.wave(
            [
                Deed(deed, units=STAKES[Asset.TON], number=first + one, floor=one % 2)
                for one in range(5)
            ]
        )
        went.append(sum(_went_through(one.answers[-1]) for one in table.done[first:]))
    assert went == [fit, 0, fit]


async def test_stake_limit_is_met_to_the_unit(house: House) -> None:
    table = await sit_down(house)
    await table.wave([Deed("deposit", 0, units=20 * STAKES[Asset.TON])])
    for units, fits in ((COST, True), (COST - 1, False)):
        await set_exact_limit(house, table, LimitKind.STAKE, Window.DAY, units)
        await table.wave([Deed("bet", units=STAKES[Asset.TON], target=2)])
        assert isinstance(table.done[-1].answers[-1], LimitReached) is not fits


async def test_turnover_of_yesterday_is_not_taken_from_today(house: House) -> None:
    """A refund after midnight of a stake before it leaves today's turnover at what it is."""
    answers = await play(
        house,
        [Deed("debit", units=3 * STAKES[Asset.TON], number=1)],
        ("day", [Deed("rollback", number=1, target=1)]),
        [Deed("debit", units=STAKES[Asset.TON], number=2)],
        [Deed("rollback", number=2, target=2)],
    )
    assert not any(isinstance(one, Exception) for one in answers)


async def test_withdrawal_is_given_back_once(house: House) -> None:
    asked, cancelled, rejected, again = await play(
        house,
        [Deed("withdraw", units=5 * STAKES[Asset.TON], twice=True)],
        [Deed("cancel", twice=True)],
        [Deed("reject")],
        [Deed("cancel")],
    )
    assert asked.answer[-1] == cancelled.answer[-1]
    assert isinstance(rejected, IllegalMove)
    assert again.replayed


async def set_exact_limit(
    house: House, table: Table, kind: LimitKind, window: Window, units: int
) -> None:
    async with house.database.transaction() as session:
        await limits.set_limit(
            session,
            player_id=table.players[0],
            kind=kind,
            window=window,
            units=units,
            now=house.clock.now,
        )


def _went_through(answer: Any) -> bool:
    """A stake above a limit is refused; a deposit above one is held."""
    return not isinstance(answer, Exception) and "held" not in tuple(
        answer.answer if isinstance(answer.answer, tuple) else ()
    )


async def test_repeat_of_a_step_shows_the_round_as_it_stood_then(
    house: House,
) -> None:
    """Also when further steps have raised the multiplier since; a field without its mine is
    opened soon enough."""
    steps: list[Any] = []
    while len(steps) != 3 or any(isinstance(step, RoundClosed) for step in steps):
        opened, *steps = await play(
            house,
            [Deed("open", units=STAKES[Asset.TON], number=0)],
            *([Deed("act", number=tile)] for tile in (3, 7, 11)),
            *([Deed("repeat", number=number)] for number in (2, 3, 4, 5)),
        )
        assert opened.replayed
    reached = [step.answer.multiplier for step in steps]
    if all(step.answer.status == "open" for step in steps):
        assert reached == sorted(set(reached))
    assert [len(step.answer.steps) for step in steps] == [1, 2, 3]
