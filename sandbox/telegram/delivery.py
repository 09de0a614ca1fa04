"""Brings updates to bots: long polls with their offsets, or webhooks with their retries."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import structlog

from sandbox.telegram.errors import ApiError, conflict
from sandbox.telegram.records import Chat, Message
from sandbox.telegram.state import Bot, Telegram

Json = dict[str, Any]
Answer = Callable[[Bot, str, Json], Awaitable[object]]

log = structlog.get_logger(__name__)

# Telegram sends these only to bots that asked for them by name.
ONLY_WHEN_ASKED = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
POLL_SECONDS_MAX = 50
UPDATES_MAX = 100
WEBHOOK_SECONDS = 60.0


def push(telegram: Telegram, bot: Bot, kind: str, payload: Json) -> None:
    """Queue an update for a bot, unless it does not want this kind."""
    allowed = bot.record.allowed_updates
    if (kind not in allowed) if allowed else (kind in ONLY_WHEN_ASKED):
        return
    bot.record.last_update_id += 1
    update = {"update_id": bot.record.last_update_id, kind: payload}
    bot.updates.append(update)
    telegram.keep_bot(bot)
    telegram.store.save(
        "update", f"{bot.id}/{update['update_id']}", {"bot": bot.id, "update": update}
    )
    bot.bell.ring()


def push_message(telegram: Telegram, chat: Chat, message: Message) -> None:
    """Give a person's message to every bot that may read it."""
    for bot in telegram.bots.values():
        if chat.private:
            hears = chat.bot == bot.id
        else:
            hears = bot.id in chat.bots and _meant_for(telegram, bot, chat, message)
        if hears:
            push(telegram, bot, "message", telegram.bot_view(message, bot_id=bot.id))


def _meant_for(telegram: Telegram, bot: Bot, chat: Chat, message: Message) -> bool:
    """Privacy mode: in groups a bot sees commands, replies and mentions that mean it."""
    if message.via_bot == bot.id:
        return True
    text = message.content.get("text") or message.content.get("caption")
    if text is None and not message.content.keys() & {"photo", "document", "dice"}:
        return True  # service messages reach every bot
    if message.reply_to is not None:
        replied = telegram.find_message(chat, message.reply_to)
        if replied is not None and replied.sender == bot.id:
            return True
    if text is None:
        return False
    name = f"@{bot.spec.username}".lower()
    if name in text.lower():
        return True
    command = text.split(maxsplit=1)[0] if text.startswith("/") else ""
    if not command or "@" in command:
        return False
    return _last_to_speak(telegram, chat) in {None, bot.id}


def _last_to_speak(telegram: Telegram, chat: Chat) -> int | None:
    for message in reversed(telegram.messages[chat.key].values()):
        if message.sender in telegram.bots:
            return message.sender
    return None


async def get_updates(
    telegram: Telegram,
    bot: Bot,
    *,
    offset: int,
    limit: int,
    timeout: int,
    allowed_updates: list[str] | None,
) -> list[Json]:
    """The next updates. A newer poll or a webhook ends this one with a 409."""
    if bot.record.webhook is not None:
        raise conflict(
            "can't use getUpdates method while webhook is active;"
            " use deleteWebhook to delete the webhook first"
        )
    bot.poll_turn += 1
    turn = bot.poll_turn
    bot.ended_by = (
        "terminated by other getUpdates request; make sure that only one bot instance is running"
    )
    bot.bell.ring()
    if allowed_updates is not None:
        bot.record.allowed_updates = allowed_updates
        telegram.keep_bot(bot)
    _confirm(telegram, bot, offset)
    telegram.store.commit()
    loop = asyncio.get_running_loop()
    deadline = loop.time() + min(max(timeout, 0), POLL_SECONDS_MAX)
    while not bot.updates and (left := deadline - loop.time()) > 0:
        await bot.bell.wait(left)
        if bot.poll_turn != turn:
            raise conflict(bot.ended_by)
    return bot.updates[: min(max(limit, 1), UPDATES_MAX)]


def _confirm(telegram: Telegram, bot: Bot, offset: int) -> None:
    if offset > 0:
        drop(telegram, bot, [u for u in bot.updates if u["update_id"] < offset])
    elif offset < 0:
        drop(telegram, bot, bot.updates[:offset])


def drop(telegram: Telegram, bot: Bot, updates: list[Json]) -> None:
    """Forget updates: they were received, or nobody wants them."""
    gone = {int(update["update_id"]) for update in updates}
    bot.updates = [update for update in bot.updates if update["update_id"] not in gone]
    for update_id in gone:
        telegram.store.drop("update", f"{bot.id}/{update_id}")


def webhook_changed(bot: Bot, *, by: str) -> None:
    """End a waiting poll and wake the deliverer, because the webhook was set or deleted."""
    bot.poll_turn += 1
    bot.ended_by = f"terminated by {by} request"
    bot.bell.ring()
    bot.webhook_bell.ring()


async def deliver(
    telegram: Telegram, bot: Bot, *, http: aiohttp.ClientSession, answer: Answer
) -> None:
    """Send a bot's updates to its webhook, one after the other, each until it is taken."""
    attempt = 0
    pauses = telegram.world.webhook_retry_seconds
    while True:
        if bot.record.webhook is None or not bot.updates:
            attempt = 0
            await bot.bell.wait(None)
            continue
        update = bot.updates[0]
        if await _posted(telegram, bot, update, http=http, answer=answer):
            drop(telegram, bot, [update])
            attempt = 0
        else:
            await bot.webhook_bell.wait(pauses[min(attempt, len(pauses) - 1)])
            attempt += 1
        telegram.store.commit()


async def _posted(
    telegram: Telegram, bot: Bot, update: Json, *, http: aiohttp.ClientSession, answer: Answer
) -> bool:
    hook = bot.record.webhook
    if hook is None:
        return False
    headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret_token} if hook.secret_token else {}
    try:
        async with http.post(
            hook.url,
            json=update,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=WEBHOOK_SECONDS),
            allow_redirects=False,
        ) as response:
            taken = 200 <= response.status < 300
            trouble = f"Wrong response from the webhook: {response.status} {response.reason}"
            body = await response.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        taken, body = False, b""
        trouble = "Connection refused" if _refused(error) else f"Connection failed: {error}"
    if taken:
        await _reply_in_body(bot, body, answer)
    else:
        hook.last_error_date = int(time.time())
        hook.last_error_message = trouble
        telegram.keep_bot(bot)
    return taken


def _refused(error: Exception) -> bool:
    return isinstance(error, aiohttp.ClientConnectorError)


async def _reply_in_body(bot: Bot, body: bytes, answer: Answer) -> None:
    """A webhook may answer with a method call; its own outcome is told to nobody."""
    call = _method_call(body)
    if call is None:
        return
    try:
        await answer(bot, str(call.pop("method")), call)
    except ApiError as error:
        log.info("webhook_reply.refused", bot=bot.id, description=error.description)


def _method_call(body: bytes) -> Json | None:
    if not body.lstrip().startswith(b"{"):
        return None
    try:
        call = json.loads(body)
    except ValueError:
        return None
    return call if isinstance(call, dict) and call.get("method") else None
