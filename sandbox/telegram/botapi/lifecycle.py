"""Who am I, and how do updates reach me: getMe, getUpdates, webhooks."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from sandbox.telegram.delivery import drop, get_updates, webhook_changed
from sandbox.telegram.errors import bad_request
from sandbox.telegram.markup import is_loopback
from sandbox.telegram.params import Call
from sandbox.telegram.records import Webhook
from sandbox.telegram.state import Telegram
from sandbox.telegram.views import bot_self

Json = dict[str, Any]

_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


async def get_me(_telegram: Telegram, call: Call) -> Json:
    """Answers getMe."""
    return bot_self(call.bot.spec)


async def updates(telegram: Telegram, call: Call) -> list[Json]:
    """Answers getUpdates."""
    return await get_updates(
        telegram,
        call.bot,
        offset=call.integer("offset"),
        limit=call.integer("limit", 100),
        timeout=call.integer("timeout"),
        allowed_updates=_allowed(call),
    )


def _allowed(call: Call) -> list[str] | None:
    wanted = call.find_list("allowed_updates")
    return None if wanted is None else [str(kind) for kind in wanted]


async def set_webhook(telegram: Telegram, call: Call) -> bool:
    """Answers setWebhook: what waits already is delivered too, unless it is dropped."""
    url = call.text("url").strip()
    if not url:
        return await delete_webhook(telegram, call)
    parts = urlsplit(url)
    loopback = is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    secret = call.text("secret_token")
    if secret and not _SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    connections = call.integer("max_connections", 40)
    if not 1 <= connections <= 100:
        raise bad_request("bad webhook: max_connections must be between 1 and 100")
    record = call.bot.record
    allowed = _allowed(call)
    if allowed is not None:
        record.allowed_updates = allowed
    record.webhook = Webhook(url=url, secret_token=secret, max_connections=connections)
    if call.flag("drop_pending_updates"):
        drop(telegram, call.bot, call.bot.updates)
    telegram.keep_bot(call.bot)
    webhook_changed(call.bot, by="setWebhook")
    return True


async def delete_webhook(telegram: Telegram, call: Call) -> bool:
    """Answers deleteWebhook: updates go on waiting for getUpdates, unless they are dropped."""
    call.bot.record.webhook = None
    if call.flag("drop_pending_updates"):
        drop(telegram, call.bot, call.bot.updates)
    telegram.keep_bot(call.bot)
    webhook_changed(call.bot, by="deleteWebhook")
    return True


async def get_webhook_info(_telegram: Telegram, call: Call) -> Json:
    """Answers getWebhookInfo."""
    record = call.bot.record
    info: Json = {
        "url": "",
        "has_custom_certificate": False,
        "pending_update_count": len(call.bot.updates),
    }
    if record.webhook is not None:
        hook = record.webhook
        info |= {
            "url": hook.url,
            "max_connections": hook.max_connections,
            "ip_address": "127.0.0.1",
        }
        if hook.last_error_date is not None:
            info["last_error_date"] = hook.last_error_date
            info["last_error_message"] = hook.last_error_message
    if record.allowed_updates:
        info["allowed_updates"] = record.allowed_updates
    return info


async def leave_server(_telegram: Telegram, _call: Call) -> bool:
    """Answers logOut and close: nothing to leave here, and nothing is lost."""
    return True
