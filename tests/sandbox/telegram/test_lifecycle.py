"""Updates reach a bot as Telegram brings them: offsets, one poller, webhooks that retry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from sandbox.telegram.hub import Doorbell
from sandbox.telegram.world import OPERATORS_TOKEN
from tests.sandbox.telegram.conftest import ANN, BORIS, GROUP, OLGA, Server

Json = dict[str, Any]


class Hook:
    """A webhook that fails when told to and remembers what it got."""

    def __init__(self) -> None:
        self.failures = 0
        self.reply: Json | None = None
        self.seen: list[tuple[Json, str]] = []
        self.taken: list[Json] = []
        self.bell = Doorbell()

    async def handle(self, request: web.Request) -> web.Response:
        update = await request.json()
        secret = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        self.seen.append((update, secret))
        if self.failures:
            self.failures -= 1
            return web.Response(status=500)
        self.taken.append(update)
        self.bell.ring()
        return web.json_response(self.reply) if self.reply else web.Response()

    async def until(self, count: int) -> None:
        await self.bell.until(lambda: True if len(self.taken) >= count else None, 20)
        assert len(self.taken) == count


@pytest.fixture
async def hook() -> AsyncIterator[tuple[Hook, str]]:
    one = Hook()
    app = web.Application()
    app.router.add_post("/hook", one.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield one, f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    await runner.cleanup()


async def say(server: Server, *texts: str) -> None:
    for text in texts:
        await server.do("send", person=ANN, bot="fairhouse_bot", text=text)


def texts(updates: list[Json]) -> list[str]:
    return [update["message"]["text"] for update in updates]


async def test_updates_stay_until_an_offset_confirms_them(server: Server) -> None:
    await say(server, "one", "two", "three")
    first = await server.ok("getUpdates", limit=2)
    assert texts(first) == ["one", "two"]
    assert await server.ok("getUpdates", limit=2) == first
    ids = [update["update_id"] for update in await server.ok("getUpdates")]
    assert ids == list(range(ids[0], ids[0] + 3))
    assert texts(await server.ok("getUpdates", offset=ids[1] + 1)) == ["three"]
    assert texts(await server.ok("getUpdates")) == ["three"]


async def test_a_negative_offset_keeps_the_newest_and_forgets_the_rest(server: Server) -> None:
    await say(server, "one", "two", "three")
    assert texts(await server.ok("getUpdates", offset=-1)) == ["three"]
    assert texts(await server.ok("getUpdates")) == ["three"]


async def test_a_long_poll_ends_with_the_first_update(server: Server) -> None:
    async with asyncio.TaskGroup() as group:
        poll = group.create_task(server.ok("getUpdates", timeout=50))
        await asyncio.sleep(0.05)
        await say(server, "hello")
    assert texts(poll.result()) == ["hello"]


async def test_the_older_of_two_pollers_gets_a_conflict(server: Server) -> None:
    async with asyncio.TaskGroup() as group:
        older = group.create_task(server.call("getUpdates", timeout=50))
        await asyncio.sleep(0.05)
        newer = group.create_task(server.call("getUpdates", timeout=50))
        await asyncio.sleep(0.05)
        await say(server, "hello")
    assert older.result()["error_code"] == 409
    assert "terminated by other getUpdates request" in older.result()["description"]
    assert texts(newer.result()["result"]) == ["hello"]


async def test_allowed_updates_are_remembered(started: Server) -> None:
    await started.ok("getUpdates", offset=-1, allowed_updates=["callback_query"])
    await started.ok("getUpdates", offset=10**9)
    await say(started, "not wanted")
    assert await started.ok("getUpdates") == []
    await started.ok("getUpdates", allowed_updates=[])
    await say(started, "wanted")
    assert texts(await started.ok("getUpdates")) == ["wanted"]


async def test_a_webhook_gets_what_waited_and_its_secret(
    server: Server, hook: tuple[Hook, str]
) -> None:
    one, url = hook
    await say(server, "before")
    await server.ok("setWebhook", url=url, secret_token="s3cret")
    await say(server, "after")
    await one.until(2)
    assert texts(one.taken) == ["before", "after"]
    assert {secret for _, secret in one.seen} == {"s3cret"}
    refusal = await server.refused("getUpdates")
    assert refusal.startswith("Conflict: can't use getUpdates method while webhook is active")


async def test_a_failing_webhook_is_tried_again_with_the_same_update(
    server: Server, hook: tuple[Hook, str]
) -> None:
    one, url = hook
    one.failures = 2
    await server.ok("setWebhook", url=url)
    await say(server, "one", "two")
    await one.until(2)
    assert texts(one.taken) == ["one", "two"]
    assert len(one.seen) == 4
    assert len({update["update_id"] for update, _ in one.seen[:3]}) == 1
    info = await server.ok("getWebhookInfo")
    assert info["last_error_message"].startswith("Wrong response from the webhook: 500")


async def test_a_webhook_may_answer_with_a_method(server: Server, hook: tuple[Hook, str]) -> None:
    one, url = hook
    one.reply = {"method": "sendMessage", "chat_id": ANN, "text": "from the body"}
    await server.ok("setWebhook", url=url)
    await say(server, "hello")
    await server.hear("from the body")


async def test_pending_updates_can_be_dropped(server: Server, hook: tuple[Hook, str]) -> None:
    one, url = hook
    await say(server, "old")
    await server.ok("setWebhook", url=url, drop_pending_updates=True)
    await say(server, "new")
    await one.until(1)
    assert texts(one.taken) == ["new"]
    await server.ok("deleteWebhook")
    await say(server, "by poll")
    assert texts(await server.ok("getUpdates")) == ["by poll"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"url": "http://casino.example/hook"}, "An HTTPS URL must be provided for webhook"),
        ({"url": "https://casino.example/", "secret_token": "no spaces"}, "unallowed characters"),
        ({"url": "https://casino.example/", "max_connections": 0}, "max_connections"),
    ],
)
async def test_webhooks_that_are_refused(server: Server, fields: Json, words: str) -> None:
    assert words in await server.refused("setWebhook", **fields)


async def test_unknown_methods_and_tokens(server: Server) -> None:
    assert await server.refused("makeCoffee") == "Not Found: method not found"
    assert await server.refused("getMe", "100:SOMEONE") == "Unauthorized"
    assert await server.refused("getMe", "7000000001:AAE-looks_like_a_real_one") == "Not Found"
    assert (await server.ok("GETME"))["username"] == "fairhouse_bot"


async def test_each_bot_has_its_own_updates(server: Server) -> None:
    await say(server, "to the players' bot")
    assert await server.ok("getUpdates", OPERATORS_TOKEN) == []


async def test_privacy_mode_in_the_group(server: Server) -> None:
    async def group_says(text: str, **more: Any) -> None:
        await server.do("send", person=ANN, chat=GROUP, text=text, **more)

    sent = await server.ok("sendMessage", chat_id=GROUP, text="the table is open")
    await group_says("nobody means the bot")
    await group_says("/deal")
    await group_says("/deal@someone_bot")
    await group_says("hey @fairhouse_bot")
    await group_says("I raise", reply_to=sent["message_id"])
    heard = texts(await server.ok("getUpdates"))
    assert heard == ["/deal", "hey @fairhouse_bot", "I raise"]


async def test_blocking_joining_and_leaving_are_told(started: Server) -> None:
    await started.ok("getUpdates", offset=-1, allowed_updates=["my_chat_member", "chat_member"])
    await started.ok("getUpdates", offset=10**9)
    await started.do("block", person=ANN, bot="fairhouse_bot", blocked=True)
    await started.do("start", person=ANN, bot="fairhouse_bot")
    await started.do("leave", person=BORIS, chat=GROUP)
    await started.do("join", person=BORIS, group=GROUP)
    kinds = []
    for update in await started.ok("getUpdates"):
        change = update.get("my_chat_member") or update["chat_member"]
        kinds.append((change["old_chat_member"]["status"], change["new_chat_member"]["status"]))
    assert kinds == [
        ("member", "kicked"),
        ("kicked", "member"),
        ("member", "left"),
        ("left", "member"),
    ]
    admins = await started.ok("getChatAdministrators", chat_id=GROUP)
    assert [admin["user"]["id"] for admin in admins] == [OLGA]
