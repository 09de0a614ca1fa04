"""More than the house can take: full queues, held locks, silent servers, callers who leave."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any

import asyncpg
import pytest
from sqlalchemy import exc

from casino.betting.floor import GamingFloor, open_floor
from casino.db import Database
from casino.errors import OutsideUnavailable
from casino.ids import PlayerId, new_reference
from casino.ledger import batch
from casino.ledger.batch import COMMANDS_MAX, WAITING_MAX
from casino.ledger.reconcile import reconcile
from games.registry import STEPS
from sandbox.postgres import PostgresServer
from sandbox.processes import children
from tests.factories import VAULT, ready_player
from tests.faults.bettor import place
from tests.faults.witness import PATIENCE_SECONDS, count_rounds, open_tables
from webapp.errors import status_of, translate

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("durable-server")]


@asynccontextmanager
async def holding(db: Database, statement: str, *arguments: object) -> AsyncIterator[None]:
    """Somebody else's transaction that has run a statement and does not end."""
    connection = await asyncpg.connect(db.dsn)
    try:
        async with connection.transaction():
            await connection.execute(statement, *arguments)
            yield
    finally:
        await connection.close()


def holding_player(db: Database, player: PlayerId) -> Any:
    return holding(db, "SELECT 1 FROM ledger_players WHERE player_id = $1 FOR UPDATE", player)


@contextmanager
def paused(server: PostgresServer) -> Iterator[None]:
    """The server neither works nor says so."""
    postmaster = server.running_pid()
    assert postmaster is not None
    os.kill(postmaster, signal.SIGSTOP)
    stopped = [*children(postmaster), postmaster]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


def start(floor: GamingFloor, player: PlayerId, count: int) -> dict[str, asyncio.Task[Any]]:
    references = [new_reference() for _ in range(count)]
    return {one: asyncio.create_task(place(floor, player, one)) for one in references}


async def outcomes(bets: dict[str, asyncio.Task[Any]]) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        told = await asyncio.gather(*bets.values(), return_exceptions=True)
    return dict(zip(bets, told, strict=True))


def reasons(told: dict[str, Any]) -> Counter[object]:
    """How many bets were turned away, by the reason given; anything but "try again" is a fault."""
    errors = [one for one in told.values() if isinstance(one, BaseException)]
    assert {type(one) for one in errors} <= {OutsideUnavailable}
    return Counter(one.data["reason"] for one in errors)


def load_of(floor: GamingFloor) -> int:
    return floor._batch.load


async def lane_of(db: Database, floor: GamingFloor, number: int) -> PlayerId:
    """A player whose commands take this lane."""
    while True:
        player = await ready_player(db)
        if hash(player) % len(floor._batch._lanes) == number:
            return player


async def require_sound(db: Database) -> None:
    async with db.transaction() as session:
        assert (await reconcile(session)).sound


async def test_twenty_thousand_bets_at_a_paused_server_fill_the_queue_and_no_more(
    durable_server: PostgresServer,
    durable_database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batch, "SILENCE_SECONDS", PATIENCE_SECONDS)
    db = durable_database
    (player,) = await open_tables(db, players=1)
    async with open_floor(db.dsn, VAULT, step_games=STEPS, lanes=1) as floor:
        await place(floor, player, new_reference())
        with paused(durable_server):
            bets: dict[str, asyncio.Task[Any]] = {}
            for wave in range(3):
                more = start(floor, player, 20_000)
                await asyncio.sleep(0)
                bets |= {one: bet for one, bet in more.items() if not bet.done()}
                refused = {one: bet for one, bet in more.items() if bet.done()}
                # The first wave fills the queue, the others find it full.
                assert len(refused) == 20_000 - (0 if wave else WAITING_MAX)
                assert reasons(await outcomes(refused)) == {"busy": len(refused)}
                assert load_of(floor) == WAITING_MAX
            # Who leaves makes room.
            stay, leave = list(bets)[: COMMANDS_MAX + 50], list(bets)[COMMANDS_MAX + 50 :]
            for one in leave:
                bets.pop(one).cancel()
            await asyncio.sleep(0)
            assert load_of(floor) == len(stay) == len(bets)
        told = await outcomes(bets)
        assert not any(one.replayed for one in told.values())
        assert load_of(floor) == 0
    assert await count_rounds(db) == 1 + len(stay)
    await require_sound(db)


async def test_full_queue_refuses_with_a_clear_try_again(db: Database) -> None:
    (player,) = await open_tables(db, players=1)
    async with open_floor(db.dsn, VAULT, step_games=STEPS, lanes=1) as floor:
        async with holding_player(db, player):
            bets = start(floor, player, WAITING_MAX + 50)
            while not (turned_away := {one: bet for one, bet in bets.items() if bet.done()}):
                await asyncio.sleep(0.01)
            refused = await outcomes(turned_away)
            assert reasons(refused) == {"busy": 50}
        told = await outcomes(bets)
        assert not any(one.replayed for one in told.values() if not isinstance(one, Exception))
        late = [one for one, answer in told.items() if isinstance(answer, Exception)]
        again = await asyncio.gather(*(place(floor, player, one) for one in late))
        assert not any(answer.replayed for answer in again)
    assert await count_rounds(db) == len(bets)
    await require_sound(db)


async def test_lane_that_waits_for_a_lock_leaves_the_other_its_room(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "LOCK_SECONDS", PATIENCE_SECONDS)
    await open_tables(db, players=0)
    async with open_floor(db.dsn, VAULT, step_games=STEPS, lanes=2) as floor:
        held, free = await lane_of(db, floor, 0), await lane_of(db, floor, 1)
        async with holding_player(db, held):
            bets = start(floor, held, WAITING_MAX)
            await asyncio.sleep(0)
            assert load_of(floor) == WAITING_MAX // 2
            # The other lane works as ever.
            assert not (await place(floor, free, new_reference())).replayed
            full = {one: bets.pop(one) for one in [one for one, bet in bets.items() if bet.done()]}
            assert reasons(await outcomes(full)) == {"busy": WAITING_MAX // 2}
            for bet in list(bets.values())[COMMANDS_MAX:]:
                bet.cancel()
        told = await outcomes(bets)
        played = [one for one in told.values() if not isinstance(one, BaseException)]
        assert len(played) == COMMANDS_MAX
    assert await count_rounds(db) == COMMANDS_MAX + 1
    await require_sound(db)


async def test_player_whom_somebody_else_holds_does_not_hold_up_the_others(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "LOCK_SECONDS", 1)
    held, *others = await open_tables(db, players=4)
    async with open_floor(db.dsn, VAULT, step_games=STEPS, lanes=1) as floor:
        async with holding_player(db, held):
            references = [new_reference() for _ in range(20)]
            who = [held, *others] * 5
            bets = {
                one: asyncio.create_task(place(floor, player, one))
                for one, player in zip(references, who, strict=True)
            }
            told = await outcomes(bets)  # while the lock is still held
            assert reasons(told) == {"busy": 5}
            turned_away = {one for one in told if isinstance(told[one], Exception)}
            assert turned_away == {
                one for one, player in zip(references, who, strict=True) if player == held
            }
        again = [await place(floor, held, one) for one in turned_away]
        assert not any(one.replayed for one in again)
    assert await count_rounds(db) == 20
    await require_sound(db)


@pytest.mark.parametrize("table", ["bet_keys", "seed_pairs", "wallets"])
async def test_table_that_somebody_else_locks_is_a_try_again(
    db: Database, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr(batch, "LOCK_SECONDS", 1)
    players = await open_tables(db, players=2)
    async with open_floor(db.dsn, VAULT, step_games=STEPS, lanes=1) as floor:
        async with holding(db, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"):
            bets = {one: bet for who in players for one, bet in start(floor, who, 3).items()}
            told = await outcomes(bets)
            assert reasons(told) == {"busy": 6}
        for number, reference in enumerate(told):
            again = await place(floor, players[number // 3], reference)
            assert not again.replayed
    assert await count_rounds(db) == 6
    await require_sound(db)


async def test_caller_who_leaves_before_his_turn_has_not_played(db: Database) -> None:
    (player,) = await open_tables(db, players=1)
    async with open_floor(db.dsn, VAULT, step_games=STEPS, lanes=1) as floor:
        async with holding_player(db, player):
            begun = start(floor, player, 1)
            while load_of(floor) != 1 or floor._batch._lanes[0]._waiting:
                await asyncio.sleep(0)
            waiting = start(floor, player, 40)
            await asyncio.sleep(0)
            for bet in [*begun.values(), *list(waiting.values())[:25]]:
                bet.cancel()
            await asyncio.sleep(0)
            assert load_of(floor) == 1 + 15
        told = await outcomes(waiting)
        assert sum(isinstance(one, asyncio.CancelledError) for one in told.values()) == 25
        assert await count_rounds(db) == 1 + 15
        # The one that was under way is settled, and its reference tells how it went.
        assert (await place(floor, player, next(iter(begun)))).replayed
        assert load_of(floor) == 0
    await require_sound(db)


async def test_floor_that_has_closed_says_so(db: Database) -> None:
    (player,) = await open_tables(db, players=1)
    async with open_floor(db.dsn, VAULT, step_games=STEPS) as floor:
        await place(floor, player, new_reference())
    with pytest.raises(OutsideUnavailable) as refusal:
        await place(floor, player, new_reference())
    assert refusal.value.data == {"reason": "stopped"}


async def test_process_can_end_while_the_server_is_silent(
    durable_server: PostgresServer,
    durable_database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batch, "DRAIN_SECONDS", 1)
    monkeypatch.setattr(batch, "SILENCE_SECONDS", 2)
    monkeypatch.setattr(batch, "CONNECT_SECONDS", 1)
    (player,) = await open_tables(durable_database, players=1)
    with ExitStack() as later:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async with open_floor(durable_database.dsn, VAULT, step_games=STEPS) as floor:
                await place(floor, player, new_reference())
                later.enter_context(paused(durable_server))
                bets = start(floor, player, 5)
                await asyncio.sleep(0)
        told = await outcomes(bets)
    assert sum(reasons(told).values()) == 5
    assert reasons(told).keys() <= {"stopped", "database"}


async def test_exhausted_pool_is_a_try_again(database_url: str) -> None:
    database = Database(database_url, connections_max=2)
    database._engine.sync_engine.pool._timeout = 0.2  # type: ignore[attr-defined]
    async with database.transaction() as one, database.transaction() as other:
        await one.connection()
        await other.connection()
        with pytest.raises(exc.TimeoutError) as full:
            async with database.transaction() as session:
                await session.connection()
    told = translate(full.value)
    assert isinstance(told, OutsideUnavailable)
    assert status_of(told) == 503
    await database.close()
