"""What stands around the money goes away: Redis, Telegram's consent, PostgreSQL, the bot itself."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from casino import outbox
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.errors import CasinoError
from casino.ids import new_reference
from casino.players import identity
from sandbox.genesis import TON
from sandbox.postgres import PostgresServer, start_postgres
from sandbox.valkey import ValkeyServer, start_valkey
from sandbox.visitor import StoryFailed
from tests.faults.scene import ALL, ANN, BOB, Scene, ask_for_a_withdrawal, fetch, until

pytestmark = [pytest.mark.faults, pytest.mark.chain, pytest.mark.xdist_group("house")]

GATE = 4_242
HOLD_AT = """
CREATE FUNCTION hold_here() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN PERFORM pg_advisory_xact_lock({gate}); RETURN NEW; END';
CREATE TRIGGER hold_here BEFORE UPDATE ON {table} FOR EACH ROW
  WHEN (NEW.{column} IS NOT NULL) EXECUTE FUNCTION hold_here();
"""
LET_GO = "DROP TRIGGER hold_here ON {table}; DROP FUNCTION hold_here()"


@pytest.fixture
def valkey(scene: Scene) -> Iterator[ValkeyServer]:
    """The house's own Valkey, alive again afterwards."""
    server = start_valkey(
        scene.stage.home.services / "valkey", durable=True, log=lambda _line: None
    )
    yield server
    server.start()


@pytest.fixture
def postgres(scene: Scene) -> Iterator[PostgresServer]:
    """The house's own PostgreSQL, alive again afterwards."""
    server = start_postgres(scene.stage.home.services / "postgres", log=lambda _line: None)
    yield server
    server.start()


async def play_dice(scene: Scene) -> dict[str, object]:
    """One bet in the app."""
    return await scene.app.call(
        "POST",
        "/api/play/dice",
        asset="TON",
        stake=str(TON // 10),
        choice={"target": 5050, "over": True},
        reference=new_reference(),
    )


async def test_without_redis_bets_withdrawals_and_the_bot_go_on(
    scene: Scene, valkey: ValkeyServer
) -> None:
    await until(scene.app_is_ready)
    await asyncio.to_thread(valkey.kill)
    before = await scene.cash()
    played = [await play_dice(scene) for _ in range(3)]
    won = sum(int(str(one["payout"])) for one in played)
    assert await scene.cash() == before - 3 * TON // 10 + won
    to = scene.somewhere()
    asked = await ask_for_a_withdrawal(
        scene,
        {
            "rail": "ton",
            "units": str(TON),
            "destination": to.friendly(bounceable=False),
            "memo": "",
            "reference": new_reference(),
        },
    )
    assert asked is not None
    assert asked["status"] == "in_review"
    await scene.app.call("POST", f"/api/cashier/withdrawals/{asked['id']}/cancel")
    paid = await scene.withdraw(TON, to)
    await scene.ann.say("/balance")
    await scene.reaches(paid, Status.CONFIRMED)
    await scene.require_paid_once(to, TON)
    # A form that is half filled lives with the bot meanwhile.
    await scene.ann.say("/withdraw")
    await scene.ann.tap("TON · TON network", containing="withdraw")
    await scene.ann.sees("Write the amount")
    await asyncio.to_thread(valkey.start)
    await play_dice(scene)


async def test_player_who_blocked_the_bot_is_marked_and_nobody_waits_for_him(scene: Scene) -> None:
    await scene.ann._sim("block", blocked=True)
    try:
        await require_that_nobody_waits(scene)
    finally:
        await scene.ann._sim("block", blocked=False)
        await scene.ann.start()

    async def reachable() -> bool:
        async with scene.stage.database.transaction() as session:
            found = await identity.find_by_telegram(session, telegram_id=ANN)
        return found is not None and not found.unreachable

    await until(reachable)
    (again,) = await tell(scene, ANN)
    await delivered(scene, again)
    assert (await outcome(scene, again)).startswith("sent")


async def require_that_nobody_waits(scene: Scene) -> None:
    """News of the blocked and of others, before and after; a payment goes its way."""
    mine, others = await tell(scene, ANN, BOB)
    await delivered(scene, mine)
    await delivered(scene, others)
    later, _ = await tell(scene, ANN, BOB)
    await delivered(scene, later)
    assert (await outcome(scene, mine)).startswith("unreachable")
    assert (await outcome(scene, others)).startswith("sent")
    async with scene.stage.database.transaction() as session:
        ann = await identity.find_by_telegram(session, telegram_id=ANN)
        bob = await identity.find_by_telegram(session, telegram_id=BOB)
    assert ann is not None
    assert bob is not None
    assert (ann.unreachable, bob.unreachable) == (True, False)
    to = scene.somewhere()
    paid = await scene.withdraw(TON, to)
    await scene.reaches(paid, Status.CONFIRMED)
    await scene.require_paid_once(to, TON)


async def tell(scene: Scene, *people: int, words: str = "") -> list[int]:
    """Write news for people, as an answer of the staff would; the effects' ids."""
    words = words or new_reference()
    async with scene.stage.database.transaction() as session:
        for person in people:
            found = await identity.find_by_telegram(session, telegram_id=person)
            assert found is not None
            await outbox.write(
                session,
                consumer=outbox.PLAYER,
                key=found.id,
                kind="support.answered",
                payload={"text": words},
            )
    rows = await fetch(
        scene, "SELECT id FROM outbox WHERE payload->>'text' = $1 ORDER BY id", words
    )
    return [row["id"] for row in rows]


async def outcome(scene: Scene, effect: int) -> str:
    (row,) = await fetch(scene, "SELECT outcome FROM outbox WHERE id = $1", effect)
    return str(row["outcome"])


async def delivered(scene: Scene, effect: int) -> None:
    """Wait until an effect is done with, one way or another."""

    async def done() -> bool:
        (row,) = await fetch(scene, "SELECT delivered_at FROM outbox WHERE id = $1", effect)
        return row["delivered_at"] is not None

    await until(done)


@asynccontextmanager
async def gate(scene: Scene, *, table: str, column: str) -> AsyncIterator[Callable[[], object]]:
    """Hold whoever is about to write `column` until the context ends; `waiting()` counts them."""
    connection = await asyncpg.connect(scene.stage.database.dsn)
    await connection.execute("SELECT pg_advisory_lock($1)", GATE)
    await connection.execute(HOLD_AT.format(gate=GATE, table=table, column=column))

    async def waiting() -> bool:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1"
            " AND NOT granted",
            GATE,
        )
        return count > 0

    try:
        yield waiting
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", GATE)
        await connection.execute(LET_GO.format(table=table))
        await connection.close()


async def said(scene: Scene, words: str) -> int:
    """How many messages with these words the player sees."""
    return sum(words in str(message.get("text")) for message in await scene.ann.messages())


async def test_message_comes_twice_only_after_a_crash_between_sending_and_marking(
    scene: Scene,
) -> None:
    calm, rough = new_reference(), new_reference()
    (effect,) = await tell(scene, ANN, words=calm)
    await delivered(scene, effect)
    await idle(scene, "outbox", "delivered_at")
    async with gate(scene, table="outbox", column="delivered_at") as waiting:
        (effect,) = await tell(scene, ANN, words=rough)
        await until(waiting)  # sent, and about to be marked
        await scene.end("bot")
    assert await said(scene, rough) == 1
    await make_due(scene, "outbox", "delivered_at")
    await scene.start("bot")
    await delivered(scene, effect)
    await scene.end("bot", how=signal.SIGTERM)
    await scene.start("bot")
    (last,) = await tell(scene, ANN)
    await delivered(scene, last)
    assert (await said(scene, calm), await said(scene, rough)) == (1, 2)


async def idle(scene: Scene, table: str, column: str) -> None:
    """Wait until nothing of a table is under way."""

    async def done() -> bool:
        return not await fetch(scene, f"SELECT 1 FROM {table} WHERE {column} IS NULL LIMIT 1")

    await until(done)


async def make_due(scene: Scene, table: str, column: str) -> None:
    """Let the leases of a dead process run out now."""
    await fetch(
        scene,
        f"UPDATE {table} SET available_at = now() - interval '1 s' WHERE {column} IS NULL",
    )


async def test_update_stored_and_killed_before_done_has_one_money_effect(scene: Scene) -> None:
    """Killed after the withdrawal was committed and before the update was marked."""
    before = await scene.cash()
    to = scene.somewhere()
    await scene.ann.say("/withdraw")
    await scene.ann.tap("TON · TON network", containing="withdraw")
    await scene.ann.sees("Write the amount")
    await scene.ann.say("3")
    await scene.ann.sees("Now send the address")
    await scene.ann.say(to.friendly(bounceable=False))
    check = await scene.ann.sees("Check the withdrawal", button="Confirm the withdrawal")
    await idle(scene, "inbox", "done_at")
    async with gate(scene, table="inbox", column="done_at") as waiting:
        await scene.ann.press("Confirm the withdrawal", check)
        await until(waiting)
        await scene.end("bot")
    assert await scene.cash() == before - 3 * TON
    await make_due(scene, "inbox", "done_at")
    await scene.start("bot")
    await idle(scene, "inbox", "done_at")
    rows = await fetch(
        scene,
        "SELECT units FROM withdrawals WHERE destination = $1",
        to.friendly(bounceable=False),
    )
    assert [row["units"] for row in rows] == [3 * TON]
    assert await scene.cash() == before - 3 * TON


async def test_every_process_comes_back_by_itself_after_postgresql_was_away(
    scene: Scene, postgres: PostgresServer
) -> None:
    await until(scene.app_is_ready)
    pids = {name: scene.stage.processes.pid(name) for name in ALL}
    for _ in range(2):
        await asyncio.to_thread(postgres.kill)
        with pytest.raises(StoryFailed, match="503"):
            await play_dice(scene)
        await asyncio.sleep(2)
        await asyncio.to_thread(postgres.start)
    to = scene.somewhere()

    async def approved() -> bool:
        try:
            wanted.append(await scene.withdraw(TON, to))
        except (OSError, CasinoError):
            return False
        return True

    wanted: list[int] = []
    await until(approved)
    await until(scene.app_is_ready)
    await play_dice(scene)
    await scene.reaches(wanted[0], Status.CONFIRMED)  # watcher, signer and sender
    await scene.require_paid_once(to, TON)
    (news,) = await tell(scene, ANN)
    await delivered(scene, news)  # the bot's outbox
    await scene.ann.say("/fairness")
    await scene.ann.sees("Nobody can bend a round")  # its inbox
    await scene.olga.say("/menu")
    await scene.olga.tap("Withdrawals")  # the operators' bot
    assert {name: scene.stage.processes.pid(name) for name in ALL} == pids
