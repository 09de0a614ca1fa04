"""A restart, and even a kill, loses no chat, no waiting update and no number."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.telegram.world import BotSpec, default_world
from tests.sandbox.telegram.conftest import ANN, Server

Json = dict[str, Any]
Boot = Callable[[], Awaitable[Server]]


@pytest.fixture
async def boot(tmp_path: Path) -> AsyncIterator[Boot]:
    """Starts a server on the same file again and again; the one before is stopped first."""
    running: list[Server] = []

    async def start() -> Server:
        while running:
            await running.pop().stop()
        server = Server(world=default_world(), store=tmp_path / "telegram.sqlite")
        await server.start()
        running.append(server)
        return server

    yield start
    while running:
        await running.pop().stop()


async def test_everything_is_there_after_a_restart(boot: Boot) -> None:
    server = await boot()
    await server.do("start", person=ANN, bot="fairhouse_bot", payload="ref")
    markup = {"inline_keyboard": [[{"text": "Tap", "callback_data": "a"}]]}
    sent = await server.ok("sendMessage", chat_id=ANN, text="hello", reply_markup=markup)
    await server.ok("setMyCommands", commands=[{"command": "start", "description": "Menu"}])
    await server.ok("getUpdates", allowed_updates=["message", "callback_query"])
    tapped = await server.do("tap", person=ANN, bot="fairhouse_bot", label="Tap")
    dice = [(await server.ok("sendDice", chat_id=ANN))["dice"]["value"] for _ in range(5)]
    before = await server.see("chat", person=ANN, bot="fairhouse_bot")
    pending = await server.ok("getUpdates")

    server = await boot()
    after = await server.see("chat", person=ANN, bot="fairhouse_bot")
    assert after["messages"] == before["messages"]
    assert after["chat"] == before["chat"]
    assert after["seq"] >= max(message["seq"] for message in before["messages"])
    assert await server.ok("getUpdates") == pending
    await server.ok("answerCallbackQuery", callback_query_id=tapped["callback"], text="late")

    await server.do("send", person=ANN, bot="fairhouse_bot", text="again")
    newest = (await server.ok("getUpdates"))[-1]
    assert newest["update_id"] == pending[-1]["update_id"] + 1
    assert newest["message"]["message_id"] == sent["message_id"] + 6
    more = [(await server.ok("sendDice", chat_id=ANN))["dice"]["value"] for _ in range(5)]
    assert more != dice


async def test_blocked_stays_blocked_and_files_stay(boot: Boot) -> None:
    server = await boot()
    await server.do("start", person=ANN, bot="fairhouse_bot")
    form = aiohttp.FormData({"chat_id": str(ANN)})
    form.add_field("document", b"kept", filename="a.txt")
    async with server.http.post("/bot100:PLAYERS/sendDocument", data=form) as response:
        file_id = (await response.json())["result"]["document"]["file_id"]
    await server.do("block", person=ANN, bot="fairhouse_bot", blocked=True)

    server = await boot()
    refusal = await server.refused("sendMessage", chat_id=ANN, text="x")
    assert refusal == "Forbidden: bot was blocked by the user"
    path = (await server.ok("getFile", file_id=file_id))["file_path"]
    async with server.http.get(f"/file/bot100:PLAYERS/{path}") as response:
        assert await response.read() == b"kept"


async def test_confirmed_updates_do_not_come_back(boot: Boot) -> None:
    server = await boot()
    for text in ("one", "two"):
        await server.do("send", person=ANN, bot="fairhouse_bot", text=text)
    first = (await server.ok("getUpdates"))[0]["update_id"]
    await server.ok("getUpdates", offset=first + 1)
    server = await boot()
    assert [u["message"]["text"] for u in await server.ok("getUpdates")] == ["two"]


async def test_reset_forgets_chats_and_lets_update_ids_rise(boot: Boot) -> None:
    server = await boot()
    await server.do("start", person=ANN, bot="fairhouse_bot")
    before = (await server.ok("getUpdates"))[-1]["update_id"]
    dice = [(await server.ok("sendDice", chat_id=ANN))["dice"]["value"] for _ in range(8)]
    await server.do("reset")
    assert (await server.see("chat", person=ANN, bot="fairhouse_bot"))["messages"] == []
    assert await server.ok("getUpdates") == []
    await server.do("start", person=ANN, bot="fairhouse_bot")
    assert (await server.ok("getUpdates"))[-1]["update_id"] > before
    assert [(await server.ok("sendDice", chat_id=ANN))["dice"]["value"] for _ in range(8)] != dice


async def test_a_killed_process_has_kept_what_it_answered(tmp_path: Path, free_port: int) -> None:
    store = tmp_path / "telegram.sqlite"
    process = await spawn(free_port, store)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{free_port}") as http:
        said = {"person": ANN, "bot": "fairhouse_bot", "text": "remember me"}
        async with http.post("/sim/send", json=said) as response:
            assert response.status == 200
        process.send_signal(signal.SIGKILL)
        await process.wait()
    process = await spawn(free_port, store)
    try:
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{free_port}") as http,
            http.get("/bot100:PLAYERS/getUpdates") as response,
        ):
            updates = (await response.json())["result"]
        assert [update["message"]["text"] for update in updates] == ["remember me"]
    finally:
        process.terminate()
        await process.wait()


async def spawn(port: int, store: Path) -> asyncio.subprocess.Process:
    command = ("-m", "sandbox.telegram", "--port", str(port), "--store", str(store))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            await writer.wait_closed()
            return process


@pytest.mark.parametrize(
    "token", ["7000000001:AAE-throwaway_token_for_test_vectors00", "bot", "100"]
)
def test_tokens_that_could_be_real_are_refused(token: str) -> None:
    with pytest.raises(ValueError, match="sandbox form"):
        BotSpec(token=token, name="x", username="x_bot")
