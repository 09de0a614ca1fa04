"""Opens Mini Apps: the address with truly signed launch data, whatever the way they were opened."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit, urlunsplit

from sandbox.telegram.botapi.settings import menu_shown
from sandbox.telegram.delivery import push_message
from sandbox.telegram.errors import ActError
from sandbox.telegram.person.acts import chat_instance
from sandbox.telegram.records import Chat, Launch
from sandbox.telegram.signing import init_data
from sandbox.telegram.state import Bot, Telegram
from sandbox.telegram.themes import THEMES

Json = dict[str, Any]

VERSION = "9.1"
START_PARAM_MAX = 512
SENT_DATA_MAX = 4096


def menu_url(bot: Bot, person: int) -> str:
    """The address behind the bot's menu button, which is its main Mini App here."""
    button = menu_shown(bot.record, chat_id=person)
    if button["type"] != "web_app":
        raise ActError("this bot has no Mini App", status=404)
    return str(button["web_app"]["url"])


def launch(
    telegram: Telegram,
    *,
    bot: Bot,
    person: int,
    url: str,
    way: str,
    chat: Chat | None = None,
    start_param: str = "",
    theme: str = "dark",
    platform: str = "weba",
) -> Json:
    """The launch address of a Mini App. `way` is menu, inline, keyboard or link: a keyboard gives
    no data, a link gives chat facts, the others give a query id that the bot may answer once."""
    if len(start_param) > START_PARAM_MAX:
        raise ActError("a start parameter has at most 512 characters")
    fields = _fields(telegram, bot=bot, person=person, way=way, chat=chat)
    if start_param:
        fields["start_param"] = start_param
    raw = "" if way == "keyboard" else init_data(token=bot.spec.token, fields=fields)
    colours = THEMES["light" if theme == "light" else "dark"]
    fragment = {
        "tgWebAppData": raw,
        "tgWebAppVersion": VERSION,
        "tgWebAppPlatform": platform,
        "tgWebAppThemeParams": json.dumps(colours),
    }
    return {
        "url": _address(url, start_param, fragment),
        "init_data": raw,
        "query_id": fields.get("query_id"),
        "theme_params": colours,
        "bot": bot.id,
        "title": bot.spec.name,
        "way": way,
    }


def _fields(
    telegram: Telegram, *, bot: Bot, person: int, way: str, chat: Chat | None
) -> dict[str, str]:
    user = {**telegram.user(person), "allows_write_to_pm": True}
    user.pop("is_bot")
    fields = {
        "user": json.dumps(user, ensure_ascii=False, separators=(",", ":")),
        "auth_date": str(int(time.time())),
    }
    home = chat or telegram.private_chat(bot_id=bot.id, person_id=person)
    if way in {"menu", "inline"} and home.private:
        opened = Launch(
            id="AAH" + telegram.new_id("launch"), bot=bot.id, person=person, chat=home.key
        )
        telegram.launches[opened.id] = opened
        telegram.store.save("launch", opened.id, opened)
        fields["query_id"] = opened.id
    if way == "link":
        fields["chat_instance"] = chat_instance(home)
        fields["chat_type"] = "sender" if home.private else "supergroup"
    return fields


def _address(url: str, start_param: str, fragment: dict[str, str]) -> str:
    parts = urlsplit(url)
    query = parts.query
    if start_param:
        added = urlencode({"tgWebAppStartParam": start_param}, quote_via=quote)
        query = f"{query}&{added}" if query else added
    own = f"{parts.fragment}&" if parts.fragment else ""
    return urlunsplit(
        parts._replace(query=query, fragment=own + urlencode(fragment, quote_via=quote))
    )


def send_data(telegram: Telegram, chat: Chat, person: int, *, label: str, data: str) -> None:
    """What a Mini App opened from a keyboard sends back: the bot gets it as a service message."""
    if not 1 <= len(data.encode()) <= SENT_DATA_MAX:
        raise ActError("a Mini App sends 1 to 4096 bytes")
    content = {"web_app_data": {"data": data, "button_text": label}}
    push_message(telegram, chat, telegram.post(chat, sender=person, content=content))


def read_link(url: str) -> Json:
    """What a t.me link means: a chat, a start with payload, a Mini App or an invoice."""
    parts = urlsplit(url if "://" in url else f"https://t.me/{url.lstrip('/')}")
    if parts.scheme == "tg":
        query = parse_qs(parts.query, keep_blank_values=True)
        name = query.get("domain", [""])[0]
    else:
        if parts.hostname not in {"t.me", "telegram.me"}:
            raise ActError("this is not a Telegram link")
        query = parse_qs(parts.query, keep_blank_values=True)
        name = parts.path.strip("/").partition("/")[0]
    if name.startswith("$"):
        return {"kind": "invoice", "slug": name[1:]}
    for kind in ("startapp", "start"):
        if kind in query:
            return {"kind": kind, "bot": name, "payload": query[kind][0]}
    return {"kind": "chat", "bot": name}
