"""Bets while things break: what was acknowledged is there, nothing is there twice."""

import asyncio
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import asyncpg
import pytest

from casino.betting.commands import Debit
from casino.betting.floor import GamingFloor, open_floor
from casino.betting.game import Outcome
from casino.db import Database
from casino.errors import OutsideUnavailable
from casino.ids import PlayerId, new_reference
from casino.ledger import batch
from casino.ledger.reconcile import reconcile
from casino.money import Asset
from games.registry import INSTANT, STEPS
from tests.factories import VAULT
from tests.faults.bettor import STAKE, place, place_until_known
from tests.faults.wire import Cut, open_wire
from tests.faults.witness import (
    PATIENCE_SECONDS,
    Told,
    count_rounds,
    open_tables,
    require_each_once,
)

pytestmark = pytest.mark.faults


def debit(floor: GamingFloor, player: PlayerId, reference: str) -> Any:
    return floor.seamless(Debit(player, reference, "acme", Asset.TON, "round", STAKE))


def open_mines(floor: GamingFloor, player: PlayerId, reference: str) -> Any:
    return floor.open_round(
        player_id=player,
        game=STEPS["mines"],
        asset=Asset.TON,
        stake=STAKE,
        choice={"mines": 3},
        reference=reference,
    )


def rotate(floor: GamingFloor, player: PlayerId, reference: str) -> Any:
    return floor.rotate_seed(player_id=player, client_seed="mine", reference=reference)


@pytest.mark.parametrize("cut", ["before", "after", "silence"])
@pytest.mark.parametrize("deed", [place, debit, open_mines, rotate])
async def test_wire_that_fails_in_the_middle_of_a_commit_leaves_one_entry(
    db: Database, monkeypatch: pytest.MonkeyPatch, deed: Callable[..., Any], cut: Cut
) -> None:
    monkeypatch.setattr(batch, "SILENCE_SECONDS", 1)
    (player,) = await open_tables(db, players=1)
    async with (
        open_wire(db.dsn) as wire,
        open_floor(wire.dsn, VAULT, step_games=STEPS, lanes=1) as floor,
    ):
        await place(floor, player, new_reference())
        before = await count_keys(db)
        reference = new_reference()
        wire.cut = cut
        with pytest.raises(OutsideUnavailable) as unknown:
            await deed(floor, player, reference)
        assert unknown.value.data == {"reason": "database"}
        assert wire.cuts == 1
        assert await count_keys(db) == before + (cut != "before")
        again = await deed(floor, player, reference)
        assert again.replayed is (cut != "before")
        third = await deed(floor, player, reference)
        assert third.replayed
        assert (third.entry_id, third.answer) == (again.entry_id, again.answer)
    assert await count_keys(db) == before + 1
    async with db.transaction() as session:
        assert (await reconcile(session)).sound


async def count_keys(db: Database) -> int:
    connection = await asyncpg.connect(db.dsn)
    try:
        found: int = await connection.fetchval("SELECT count(*) FROM bet_keys")
    finally:
        await connection.close()
    return found


async def test_lanes_that_lose_their_connection_again_and_again_lose_no_bet(db: Database) -> None:
    players = await open_tables(db)
    told: dict[str, Told] = {}
    unknown = 0

    async def keep_betting(player: PlayerId, stop: asyncio.Event) -> None:
        nonlocal unknown
        while not stop.is_set():
            reference = new_reference()
            try:
                answer = await place(floor, player, reference)
            except OutsideUnavailable:
                unknown += 1
                answer = await place_until_known(floor, player, reference)
            told[reference] = Told(answer.entry_id, answer.answer.payout, player)

    axe = await asyncpg.connect(db.dsn)
    stop = asyncio.Event()

    async def enough(count: int) -> None:
        while len(told) < count:
            await asyncio.sleep(0.01)

    async with (
        open_floor(db.dsn, VAULT, step_games=STEPS) as floor,
        asyncio.timeout(PATIENCE_SECONDS),
        asyncio.TaskGroup() as group,
    ):
        for player in players:
            group.create_task(keep_betting(player, stop))
        for _ in range(15):
            await enough(len(told) + 10)
            await axe.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'fairhouse-lane'"
            )
        stop.set()
    await axe.close()
    assert unknown, "no bet was under way when a connection was cut"
    await require_each_once(db, told)


def _raise(_choice: object, _stream: object) -> Outcome:
    raise ZeroDivisionError


# What an engine with a mistake could hand over: each breaks another floor of the house.
POISONS = {
    "refused by a constraint": (
        {"algorithm": None},
        INSTANT["dice"].resolve,
        asyncpg.NotNullViolationError,
    ),
    "not storable as JSON": (
        {},
        lambda _choice, _stream: Outcome(Fraction(0), {"roll": "\ud800"}),
        UnicodeEncodeError,
    ),
    "wider than its column": (
        {},
        lambda _choice, _stream: Outcome(Fraction(2**70 + 1, 2**70), {"roll": 1}),
        asyncpg.NumericValueOutOfRangeError,
    ),
    "an engine that fails": ({}, _raise, ZeroDivisionError),
}


class Poisoned:
    """Dice with a mistake."""

    def __init__(self, changed: dict[str, Any], resolve: Callable[..., Outcome]) -> None:
        self.resolve = resolve
        self.changed = changed

    def __getattr__(self, name: str) -> Any:
        return self.changed[name] if name in self.changed else getattr(INSTANT["dice"], name)


@pytest.mark.parametrize("poison", list(POISONS))
async def test_poisoned_command_fails_alone_in_its_batch(db: Database, poison: str) -> None:
    changed, resolve, error = POISONS[poison]
    players = await open_tables(db, players=3)
    async with open_floor(db.dsn, VAULT, step_games=STEPS, lanes=1) as floor:

        def poisoned(player: PlayerId) -> Any:
            return floor.place_bet(
                player_id=player,
                game=Poisoned(changed, resolve),  # type: ignore[arg-type]
                asset=Asset.TON,
                stake=STAKE,
                choice={"target": 5050, "over": True},
                reference=new_reference(),
            )

        good = [new_reference() for _ in range(21)]
        bets = [place(floor, players[number % 3], one) for number, one in enumerate(good)]
        bets.insert(5, poisoned(players[0]))
        bets.insert(12, poisoned(players[1]))
        answers = await asyncio.gather(*bets, return_exceptions=True)
        assert [type(one) for one in (answers.pop(12), answers.pop(5))] == [error, error]
        told = {
            reference: Told(answer.entry_id, answer.answer.payout, players[number % 3])
            for number, (reference, answer) in enumerate(zip(good, answers, strict=True))
        }
        # The lane is none the worse for it.
        assert not (await place(floor, players[0], new_reference())).replayed
    assert await count_rounds(db) == 22
    await require_each_once(db, told)
