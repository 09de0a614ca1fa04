"""Whatever happens at the tables, in whatever order and however often: the laws of money hold."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from casino.betting.floor import GamingFloor, open_floor
from casino.clock import utc_now
from casino.db import Database
from casino.errors import IdempotencyConflict, LimitReached, RoundClosed
from casino.money import Asset
from games.registry import STEPS
from tests.factories import VAULT, make_player, ready_house
from tests.properties.table import STAKES, Deed, Table

# One worker, one after the other: the second test looks at what the first one did.
pytestmark = pytest.mark.xdist_group("interleavings")

KINDS = (
    *("bet", "bet", "bet", "open", "act", "act", "cash_out", "rotate"),
    *("debit", "debit", "credit", "rollback", "rollback"),
    *("deposit", "hold", "limit", "repeat", "repeat", "repeat"),
)
WENT_THROUGH: Counter[str] = Counter()

FEW = st.integers(min_value=0, max_value=3)


@st.composite
def deeds(draw: st.DrawFn) -> Deed:
    """One deed; small numbers, so that deeds meet each other."""
    kind = draw(st.sampled_from(KINDS))
    asset = draw(st.sampled_from(list(STAKES)))
    times = draw(st.integers(min_value=1, max_value=6))
    wide = kind in ("act", "repeat")
    return Deed(
        kind=kind,
        player=draw(st.integers(min_value=0, max_value=1)),
        asset=asset,
        units=STAKES[asset] * times,
        number=draw(st.integers(min_value=0, max_value=24) if wide else FEW),
        target=draw(st.integers(min_value=1, max_value=12) if kind == "limit" else FEW),
        floor=draw(st.integers(min_value=0, max_value=1)),
        twice=draw(st.booleans()),
    )


WAVES = st.lists(st.lists(deeds(), min_size=1, max_size=8), min_size=1, max_size=8)


@pytest.fixture
async def floors(db: Database) -> AsyncIterator[tuple[GamingFloor, GamingFloor]]:
    """Two processes' worth of tables over one bankroll, all at one moment."""
    now = utc_now()
    await ready_house(db)
    async with (
        open_floor(db.dsn, VAULT, step_games=STEPS, clock=lambda: now) as one,
        open_floor(db.dsn, VAULT, step_games=STEPS, clock=lambda: now) as other,
    ):
        yield one, other


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # waves race: a smaller example need not fail the same way
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(waves=WAVES)
async def test_no_interleaving_breaks_a_law(
    db: Database, floors: tuple[GamingFloor, GamingFloor], waves: list[list[Deed]]
) -> None:
    now = utc_now()
    async with db.transaction() as session:
        players = (await make_player(session), await make_player(session))
    table = Table(database=db, floors=floors, players=players, now=now)
    purse = [
        Deed("deposit", player, asset, 20 * STAKES[asset]) for player in (0, 1) for asset in STAKES
    ]
    await table.wave(purse)
    for wave in waves:
        await table.wave(wave)
    WENT_THROUGH.update(one.deed.kind for one in table.done if one.told)


async def test_every_kind_of_deed_went_through() -> None:
    """The search above would find nothing in a house that refuses everything."""
    assert set(WENT_THROUGH) == set(KINDS) - {"limit", "repeat"}


async def play(
    db: Database, floors: tuple[GamingFloor, GamingFloor], *waves: list[Deed]
) -> list[Any]:
    """Play waves with two players who have something; the last answer of each deed."""
    async with db.transaction() as session:
        players = (await make_player(session), await make_player(session))
    table = Table(database=db, floors=floors, players=players, now=utc_now())
    await table.wave([Deed("deposit", 0, asset, 20 * STAKES[asset]) for asset in STAKES])
    for wave in waves:
        await table.wave(wave)
    return [one.answers[-1] for one in table.done[len(STAKES) :]]


async def test_rollback_before_its_debit_buries_it(
    db: Database, floors: tuple[GamingFloor, GamingFloor]
) -> None:
    rollback, debit, other = await play(
        db,
        floors,
        [Deed("rollback", number=1, target=3)],
        [Deed("debit", units=STAKES[Asset.TON], number=3, twice=True)],
        [Deed("debit", units=STAKES[Asset.TON], number=2)],
    )
    assert rollback.answer.units == 0
    assert isinstance(debit, RoundClosed)
    assert other.answer.units == STAKES[Asset.TON]


async def test_rollback_of_a_debit_gives_it_back_once(
    db: Database, floors: tuple[GamingFloor, GamingFloor]
) -> None:
    debit, first, second = await play(
        db,
        floors,
        [Deed("debit", units=STAKES[Asset.TON], number=3)],
        [Deed("rollback", number=1, target=3, twice=True)],
        [Deed("rollback", number=2, target=3)],
    )
    assert debit.answer.units == first.answer.units == STAKES[Asset.TON]
    assert second.answer.units == 0


async def test_rollback_in_another_coin_is_a_conflict(
    db: Database, floors: tuple[GamingFloor, GamingFloor]
) -> None:
    _, wrong, right = await play(
        db,
        floors,
        [Deed("debit", units=STAKES[Asset.TON], number=3)],
        [Deed("rollback", asset=Asset.USDT, number=1, target=3)],
        [Deed("rollback", asset=Asset.TON, number=2, target=3)],
    )
    assert isinstance(wrong, IdempotencyConflict)
    assert right.answer.units == STAKES[Asset.TON]


async def test_limit_is_met_to_the_unit_and_not_passed_by_one(
    db: Database, floors: tuple[GamingFloor, GamingFloor]
) -> None:
    """A limit of 100,001 micro-EUR and stakes of 30,001 (rounded up): three fit, on either floor."""
    bets = [Deed("bet", units=STAKES[Asset.TON], floor=number % 2) for number in range(8)]
    limit = Deed("limit", number=0, target=2)
    answers = await play(db, floors, [limit], bets)
    refused = [one for one in answers if isinstance(one, LimitReached)]
    assert len(refused) == 5
    assert {one.data["used"] for one in refused} == {3 * 30_001}


async def test_repeat_of_a_step_shows_the_round_as_it_stood_then(
    db: Database, floors: tuple[GamingFloor, GamingFloor]
) -> None:
    """Also when further steps have raised the multiplier since; a field without its mine is
    opened soon enough."""
    steps: list[Any] = []
    while len(steps) != 3 or any(isinstance(step, RoundClosed) for step in steps):
        opened, *steps = await play(
            db,
            floors,
            [Deed("open", units=STAKES[Asset.TON], number=0)],
            *([Deed("act", number=tile)] for tile in (3, 7, 11)),
            *([Deed("repeat", number=number)] for number in (2, 3, 4, 5)),
        )
        assert opened.replayed
    reached = [step.answer.multiplier for step in steps]
    if all(step.answer.status == "open" for step in steps):
        assert reached == sorted(set(reached))
    assert [len(step.answer.steps) for step in steps] == [1, 2, 3]
