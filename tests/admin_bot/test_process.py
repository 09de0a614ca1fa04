"""`python -m admin_bot` as a real process, by polling and by webhook: started, stopped, killed."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from casino.db import Database
from casino.staff import orders
from sandbox.telegram.world import OPERATORS_TOKEN
from tests.admin_bot.office import KEY_SEED, NAME, OWNER, PAYMENTS, Office
from tests.bot_process import SECRET, Launch, launching, serving_updates
from tests.casino.cashier import cashbox
from tests.sandbox.telegram.conftest import Server

PATIENCE = 240


@pytest.fixture
async def webhook_url(db: Database) -> AsyncIterator[str]:
    async with serving_updates(db, "admin") as url:
        yield url


@pytest.fixture
async def launch(
    server: Server, database_url: str, redis_url: str, webhook_url: str, tmp_path: Path
) -> AsyncIterator[Launch]:
    settings = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TELEGRAM_API_URL": server.origin,
        "TELEGRAM_WEBHOOK_URL": webhook_url,
        "TELEGRAM_WEBHOOK_SECRET": "the-secret_of-the_other-bot",
        "ADMIN_WEBHOOK_SECRET": SECRET,
        "ADMIN_BOT_TOKEN": OPERATORS_TOKEN,
        "ADMIN_OWNERS": f"{OWNER}",
        "ADMIN_APPROVAL_KEY": KEY_SEED.hex(),
    }
    async with launching("admin_bot", settings, folder=tmp_path) as start:
        yield start


@pytest.mark.faults
@pytest.mark.parametrize("mode", ["polling", "webhook"])
async def test_a_stopped_bot_decides_after_its_next_start(
    office: Office, launch: Launch, mode: str
) -> None:
    first = await launch(mode)
    await office.server.do("start", person=PAYMENTS, bot=NAME)
    await hear(office, "Fairhouse desk")
    withdrawal = await cashbox.ask(office.database, await cashbox.rich_player(office.database))
    await hear(office, "Pay 10.00 TON to Ann?")
    first.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(first.wait(), PATIENCE) == 0
    await office.server.do("tap", person=PAYMENTS, bot=NAME, label="Approve")
    second = await launch(mode)
    await hear(office, "10.00 TON to Ann: approved")
    second.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(second.wait(), PATIENCE) == 0
    assert await cashbox.status_of(office.database, withdrawal.id) == "approved"
    assert await office.actions(PAYMENTS) == ["withdrawal.approved"]
    assert set(await office.column("SELECT outcome FROM inbox")) == {"handled"}


@pytest.mark.faults
async def test_a_bot_killed_at_an_approval_signs_one_order(office: Office, launch: Launch) -> None:
    """Killed as soon as the approval is committed, most likely before the update is marked."""
    await office.clerk(PAYMENTS).start()
    withdrawal = await cashbox.ask(office.database, await cashbox.rich_player(office.database))
    await office.settle()
    first = await launch("polling")
    for _ in range(3):
        await office.server.do("tap", person=PAYMENTS, bot=NAME, label="Approve")
    async with asyncio.timeout(PATIENCE):
        while await cashbox.status_of(office.database, withdrawal.id) != "approved":
            await asyncio.sleep(0.005)
    first.kill()
    await first.wait()
    signature = "SELECT order_signature FROM withdrawals WHERE id = :id"
    signed = await office.scalar(signature, id=withdrawal.id)
    second = await launch("polling")
    async with asyncio.timeout(PATIENCE):
        waiting = "SELECT count(*) FROM inbox WHERE done_at IS NULL"
        while await office.scalar(waiting):
            await office.column(
                "UPDATE inbox SET available_at = now() - interval '1 s' RETURNING id"
            )
            await asyncio.sleep(0.2)
    second.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(second.wait(), PATIENCE) == 0
    assert await office.scalar(signature, id=withdrawal.id) == signed
    order = await office.scalar(
        "SELECT order_text FROM withdrawals WHERE id = :id", id=withdrawal.id
    )
    orders.verify(
        orders.parse(order.encode()), bytes(signed), public_key=orders.public_key(KEY_SEED)
    )
    assert await office.actions(PAYMENTS) == ["withdrawal.approved"]


async def hear(office: Office, words: str) -> None:
    """Wait until the bot has said, or written into a message, these words."""
    clerk = office.clerk(PAYMENTS)
    async with asyncio.timeout(PATIENCE):
        while not any(words in said.text for said in await clerk.all()):
            await asyncio.sleep(0.05)
