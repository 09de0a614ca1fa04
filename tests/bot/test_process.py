"""`python -m bot` as a real process, by polling and by webhook: started, stopped, killed."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from casino.db import Database
from tests.bot.crew import DESTINATION, NAME, Crew, Visitor
from tests.bot_process import SECRET, Launch, launching, serving_updates
from tests.factories import TON
from tests.sandbox.telegram.conftest import ANN, Server

PATIENCE = 240


@pytest.fixture
async def webhook_url(db: Database) -> AsyncIterator[str]:
    async with serving_updates(db, "player") as url:
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
        "TELEGRAM_WEBHOOK_SECRET": SECRET,
    }
    async with launching("bot", settings, folder=tmp_path) as start:
        yield start


@pytest.mark.faults
@pytest.mark.parametrize("mode", ["polling", "webhook"])
async def test_a_stopped_bot_answers_after_its_next_start(
    crew: Crew, launch: Launch, mode: str
) -> None:
    first = await launch(mode)
    await crew.server.do("start", person=ANN, bot=NAME)
    welcome = await hear(crew, "Welcome to Fairhouse, Ann")
    await crew.server.do("tap", person=ANN, bot=NAME, label=label_of(welcome, 0))
    await hear(crew, "You have 0.00 TON")
    commands = await crew.server.see("calls", bot=NAME, method="setMyCommands", limit=10)
    assert len(commands["calls"]) == 2
    first.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(first.wait(), PATIENCE) == 0
    await crew.server.do("send", person=ANN, bot=NAME, text="/fairness")
    second = await launch(mode)
    await hear(crew, "Nobody can bend a round")
    second.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(second.wait(), PATIENCE) == 0
    assert set(await crew.column("SELECT outcome FROM inbox")) == {"handled"}


@pytest.mark.faults
async def test_a_bot_killed_at_a_confirmation_makes_one_withdrawal(
    crew: Crew, ann: Visitor, launch: Launch
) -> None:
    """Killed as soon as the withdrawal is committed, most likely before the update is marked."""
    await ann.rich()
    for deed in ("/withdraw", "TON · TON network", "10", DESTINATION):
        await (ann.tap(deed) if deed.startswith("TON ·") else ann.say(deed))
    first = await launch("polling")
    for _ in range(5):
        await crew.server.do("tap", person=ANN, bot=NAME, label="Confirm the withdrawal")
    async with asyncio.timeout(PATIENCE):
        while not await crew.scalar("SELECT count(*) FROM withdrawals"):
            await asyncio.sleep(0.005)
    first.kill()
    await first.wait()
    await crew.make_inbox_due()
    second = await launch("polling")
    await hear(crew, "Withdrawal of 10.00 TON requested")
    async with asyncio.timeout(PATIENCE):
        while await crew.scalar("SELECT count(*) FROM inbox WHERE done_at IS NULL"):
            await crew.make_inbox_due()
            await asyncio.sleep(0.2)
    second.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(second.wait(), PATIENCE) == 0
    assert await crew.column("SELECT units FROM withdrawals") == [10 * TON]
    assert set(await crew.column("SELECT outcome FROM inbox")) == {"handled"}


@pytest.mark.faults
async def test_a_bot_without_redis_still_pays_out(crew: Crew, launch: Launch) -> None:
    """Half-filled forms live in the process then; money does not notice."""
    await crew.visitor(ANN).rich()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    process = await launch("polling", REDIS_URL=f"redis://127.0.0.1:{port}/0")
    for words, answer in (
        ("/withdraw", "What would you like to withdraw?"),
        ("TON · TON network", "Write the amount in TON"),
        ("10", "Now send the address of your wallet"),
        (DESTINATION, "Check the withdrawal of 10.00 TON"),
        ("Confirm the withdrawal", "Withdrawal of 10.00 TON requested"),
    ):
        if words.startswith(("TON", "Confirm")):
            await crew.server.do("tap", person=ANN, bot=NAME, label=words)
        else:
            await crew.server.do("send", person=ANN, bot=NAME, text=words)
        await hear(crew, answer)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    assert await crew.column("SELECT units FROM withdrawals") == [10 * TON]


async def hear(crew: Crew, words: str) -> dict[str, Any]:
    """The newest message of the bot with these words, once it is there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await crew.server.see("wait", person=ANN, bot=NAME, contains=words, timeout=5)
            if found["messages"]:
                return dict(found["messages"][-1])


def label_of(message: dict[str, Any], row: int) -> str:
    return str(message["reply_markup"]["inline_keyboard"][row][0]["text"])
