"""Withdrawals while any process dies at any status: paid exactly once, counted on the chain."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from casino.cashier import foreign_sends, withdrawals
from casino.cashier.foreign_sends import SentPayment
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.db import Database
from casino.ids import internal, new_reference
from payments.addresses import TonAddress
from sandbox.genesis import TON
from sandbox.postgres import DATABASE, start_postgres
from tests.faults.scene import (
    FEE,
    MONEY,
    Scene,
    ask_for_a_withdrawal,
    fetch,
    until,
)
from tests.servers import in_database

pytestmark = [pytest.mark.faults, pytest.mark.chain, pytest.mark.xdist_group("house")]

EVER = 1_000_000
WAYS_IN = ("DATABASE_URL", "SIGNER_DATABASE_URL")


@pytest.mark.parametrize(
    ("how", "units", "shown"),
    [
        pytest.param(signal.SIGTERM, 2_130_000_000, "2.13 TON", id="term"),
        pytest.param(signal.SIGKILL, 2_270_000_000, "2.27 TON", id="kill"),
    ],
)
async def test_every_process_ended_at_every_status_and_paid_once(
    scene: Scene, how: signal.Signals, units: int, shown: str
) -> None:
    """At each committed status all processes are ended; the next start leaves out the one that
    would move the withdrawal two statuses on, and what has no part in paying."""
    to = scene.somewhere()
    body = {
        "rail": "ton",
        "units": str(units),
        "destination": to.friendly(bounceable=False),
        "memo": "",
        "reference": new_reference(),
    }
    await until(scene.app_is_ready)
    asking = asyncio.create_task(ask_for_a_withdrawal(scene, body))
    withdrawal = await requested(scene, str(body["reference"]))
    await scene.end(how=how)
    await asking
    assert (await scene.withdrawal(withdrawal)).status is Status.IN_REVIEW

    await scene.start(without=("sender",))
    await until(scene.app_is_ready)
    again = await ask_for_a_withdrawal(scene, body)
    assert again is not None
    assert internal(str(again["id"])) == withdrawal
    await approve_by_button(scene, shown)
    await scene.reaches(withdrawal, Status.APPROVED)
    await scene.end(how=how)

    await scene.start(*MONEY, without=("signer",))
    await scene.reaches(withdrawal, Status.ASSIGNED)
    await scene.end(how=how)

    await scene.start(*MONEY, without=("sender",))
    await scene.reaches(withdrawal, Status.SIGNED)
    await scene.end(how=how)

    await scene.stage.chains.ton.fault(dropSend=EVER)
    await scene.start(*MONEY)
    await scene.reaches(withdrawal, Status.BROADCAST)
    await scene.end(how=how)
    assert await scene.payments_to(to) == []

    await scene.stage.chains.ton.fault(dropSend=0)
    await scene.start(*MONEY, without=("watcher",))
    await landed(scene, to)
    assert (await scene.withdrawal(withdrawal)).status is Status.BROADCAST
    await scene.end(how=how)

    await scene.start(*MONEY)
    await scene.reaches(withdrawal, Status.CONFIRMED)
    await scene.end(how=how)
    await scene.start()
    await scene.ann.sees("TON is paid", "The chain has confirmed it", seconds=120)
    history = await fetch(
        scene,
        "SELECT to_status FROM withdrawal_history WHERE withdrawal_id = $1 ORDER BY id",
        withdrawal,
    )
    assert [row["to_status"] for row in history] == [
        *("requested", "in_review", "approved", "assigned", "signed", "broadcast", "confirmed")
    ]
    await scene.require_paid_once(to, units)


async def requested(scene: Scene, reference: str) -> int:
    """The id of the withdrawal, as soon as it is committed."""
    found: list[int] = []

    async def there() -> bool:
        rows = await fetch(scene, "SELECT id FROM withdrawals WHERE reference = $1", reference)
        found.extend(row["id"] for row in rows)
        return bool(found)

    await until(there)
    return found[0]


async def approve_by_button(scene: Scene, shown: str) -> None:
    """The owner opens the queue, the withdrawal, and presses Approve without waiting."""
    await scene.olga.say("/menu")
    await scene.olga.tap("Withdrawals")
    await scene.olga.tap(shown)
    card = await scene.olga.sees(f"Pay {shown}", button="Approve")
    await scene.olga.press("Approve", card)


async def landed(scene: Scene, to: TonAddress) -> None:
    async def there() -> bool:
        return bool(await scene.payments_to(to))

    await until(there)


async def test_processes_ended_again_and_again_pay_each_withdrawal_once(scene: Scene) -> None:
    """No moment is chosen: whoever is hit, is hit wherever he happens to be."""
    dice = random.Random(20)
    wanted = {
        await scene.withdraw(TON + number * TON // 10, to): (TON + number * TON // 10, to)
        for number, to in enumerate(scene.somewhere() for _ in range(4))
    }
    for _ in range(12):
        victims = dice.sample(MONEY, dice.randint(1, 3))
        await scene.end(*victims, how=dice.choice([signal.SIGTERM, signal.SIGKILL]))
        await scene.start(*MONEY)
        await asyncio.sleep(dice.random() * 2)
    for number in range(4, 6):
        units, to = TON + number * TON // 10, scene.somewhere()
        wanted[await scene.withdraw(units, to)] = (units, to)
        await asyncio.sleep(dice.random() * 2)
        await scene.end(*MONEY)
        await scene.start(*MONEY)
    for withdrawal, (units, to) in wanted.items():
        await scene.reaches(withdrawal, Status.CONFIRMED)
        await scene.require_paid_once(to, units)


@pytest.mark.parametrize(
    "trouble",
    [{"dropSend": 1}, {"failAfterSend": 1}, {"http429": 12}, {"http500": 12}],
    ids=["dropped", "taken-but-denied", "too-many-requests", "server-errors"],
)
async def test_node_in_trouble_delays_a_payment_and_doubles_none(
    scene: Scene, trouble: dict[str, int]
) -> None:
    to = scene.somewhere()
    await scene.stage.chains.ton.fault(**trouble)
    withdrawal = await scene.withdraw(TON, to)
    await scene.reaches(withdrawal, Status.CONFIRMED)
    (name,) = trouble
    assert (await scene.stage.chains.ton.status())["faults"][name] == 0, "the fault never struck"
    await scene.require_paid_once(to, TON)


async def test_index_behind_the_chain_confirms_late_and_once(scene: Scene) -> None:
    to = scene.somewhere()
    await until(scene.watcher_is_level)  # else nothing new would leave at all
    await scene.stage.chains.ton.fault(lag=100_000)
    withdrawal = await scene.withdraw(TON, to)
    await scene.reaches(withdrawal, Status.BROADCAST)

    async def arrived() -> bool:
        return await scene.stage.chains.ton.balance(to.raw) == TON - FEE

    await until(arrived)
    await scene.end(*MONEY)
    await scene.start(*MONEY)
    assert (await scene.withdrawal(withdrawal)).status is Status.BROADCAST
    await scene.stage.chains.ton.fault(lag=0)
    await scene.reaches(withdrawal, Status.CONFIRMED)
    await scene.require_paid_once(to, TON)


async def test_twenty_simultaneous_confirms_are_one_withdrawal(scene: Scene) -> None:
    await until(scene.app_is_ready)
    before = await scene.cash()
    body = {
        "rail": "ton",
        "units": str(TON),
        "destination": scene.somewhere().friendly(bounceable=False),
        "memo": "",
        "reference": new_reference(),
    }
    told = await asyncio.gather(*(ask_for_a_withdrawal(scene, body) for _ in range(20)))
    answers = [one for one in told if one is not None]
    assert len(answers) == 20
    assert len({one["id"] for one in answers}) == 1
    assert await scene.cash() == before - TON
    rows = await fetch(scene, "SELECT id FROM withdrawals WHERE reference = $1", body["reference"])
    assert len(rows) == 1
    await scene.app.call("POST", f"/api/cashier/withdrawals/{answers[0]['id']}/cancel")
    assert await scene.cash() == before


async def test_watcher_ended_while_it_reads_deposits_credits_each_once(scene: Scene) -> None:
    before = await scene.cash()
    (tag,) = await fetch(
        scene, "SELECT tag FROM deposit_tags WHERE player_id = $1", scene.player_id
    )
    dice = random.Random(7)
    count = 12
    await scene.end("watcher")
    for number in range(count):
        await scene.stage.chains.ton.faucet(scene.hot_wallet, TON + number, comment=tag["tag"])
        if number % 3 == 2:
            won = elections(scene, "watcher")
            await scene.start("watcher")
            await until(lambda won=won: more_elections(scene, "watcher", won), look_seconds=0.01)
            # Somewhere between the first question to the node and the last commit.
            await asyncio.sleep(dice.random() * 0.2)
            await scene.end("watcher", how=dice.choice([signal.SIGTERM, signal.SIGKILL]))
    await scene.start("watcher")
    wanted = count * TON + sum(range(count))

    async def credited() -> bool:
        return await scene.cash() >= before + wanted

    await until(credited)
    await scene.end("watcher")
    await scene.start("watcher")
    withdrawal = await scene.withdraw(TON, scene.somewhere())
    await scene.reaches(withdrawal, Status.CONFIRMED)  # the watcher has read on
    assert await scene.cash() == before + wanted - TON
    rows = await fetch(
        scene,
        "SELECT count(*) AS all, count(DISTINCT business_key) AS keys FROM deposits"
        " WHERE player_id = $1 AND units BETWEEN $2 AND $3",
        scene.player_id,
        TON,
        TON + count,
    )
    assert (rows[0]["all"], rows[0]["keys"]) == (count, count)


async def more_elections(scene: Scene, name: str, before: int) -> bool:
    return elections(scene, name) > before


def elections(scene: Scene, name: str) -> int:
    """How often a process has said that it leads."""
    log = scene.stage.home.log_of(name)
    return log.read_text().count("election.won") if log.exists() else 0


async def test_restored_old_backup_pays_nothing_again(scene: Scene) -> None:
    """The copy was made before a payout that has happened since: it still says `approved`. The
    sender waits until the watcher has read what the wallet did meanwhile, and then nothing leaves
    the account that nobody has explained."""
    await scene.end()
    to, units = scene.somewhere(), 7 * TON
    withdrawal = await scene.withdraw(units, to)
    async with older_copy(scene) as url:
        await scene.start(*MONEY)
        await scene.reaches(withdrawal, Status.CONFIRMED)
        await scene.end()
        await scene.require_paid_once(to, units)
        present = {name: scene.stage.environment[name] for name in WAYS_IN}
        for name, there in present.items():
            scene.stage.environment[name] = in_database(there, "older")
        older = Database(url)
        await scene.start("sender", "signer")

        async def blocks_later(count: int) -> None:
            before = (await scene.stage.chains.ton.status())["seqno"]

            async def passed() -> bool:
                return (await scene.stage.chains.ton.status())["seqno"] > before + count

            await until(passed)

        async def put_before_staff() -> bool:
            async with older.transaction() as session:
                found = await withdrawals.get(session, withdrawal_id=withdrawal)
            return found.status is Status.IN_REVIEW

        try:
            await blocks_later(20)
            async with older.transaction() as session:
                found = await withdrawals.get(session, withdrawal_id=withdrawal)
            assert (found.status, found.attempts) == (Status.APPROVED, 0)
            await scene.start(*MONEY)
            await until(put_before_staff)
            await blocks_later(60)
            await scene.require_paid_once(to, units)
            async with older.transaction() as session:
                found = await withdrawals.get(session, withdrawal_id=withdrawal)
                waiting = await foreign_sends.waiting(session)
            assert (found.status, found.attempts) == (Status.IN_REVIEW, 0)
            assert [one.payments for one in waiting] == [
                (SentPayment("ton", to.friendly(), units - FEE),)
            ]
        finally:
            await scene.end()
            await older.close()
            scene.stage.environment.update(present)


@asynccontextmanager
async def older_copy(scene: Scene) -> AsyncIterator[str]:
    """A copy of the database as it is now; nobody may be connected to it meanwhile."""
    server = start_postgres(scene.stage.home.services / "postgres", log=lambda _line: None)
    await scene.stage.database.close()
    connection = await asyncpg.connect(server.dsn_of("postgres"))
    try:
        await connection.execute(f"CREATE DATABASE older TEMPLATE {DATABASE}")
        yield server.url_of("older")
        await connection.execute("DROP DATABASE older WITH (FORCE)")
    finally:
        await connection.close()
