"""What a bot says about itself: commands, menu button, description, default rights."""

from __future__ import annotations

import json
import re
from typing import Any

from sandbox.telegram.entities import utf16_length
from sandbox.telegram.errors import bad_request
from sandbox.telegram.markup import check_web_app
from sandbox.telegram.params import Call
from sandbox.telegram.records import BotRecord
from sandbox.telegram.state import Telegram

Json = dict[str, Any]

COMMANDS_MAX = 100
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_SCOPES = frozenset(
    {
        "default",
        "all_private_chats",
        "all_group_chats",
        "all_chat_administrators",
        "chat",
        "chat_administrators",
        "chat_member",
    }
)
_LENGTHS = {"name": 64, "description": 512, "short_description": 120}


def _place(call: Call) -> str:
    scope = call.find_object("scope") or {"type": "default"}
    if scope.get("type") not in _SCOPES:
        raise bad_request("unsupported type specified")
    return place(scope, call.text("language_code"))


def place(scope: Json, language: str) -> str:
    """The name under which commands of a scope and a language are kept."""
    return json.dumps(scope, sort_keys=True) + language


async def set_commands(telegram: Telegram, call: Call) -> bool:
    """Answers setMyCommands."""
    commands = call.find_list("commands")
    if commands is None:
        raise bad_request("can't parse commands JSON array")
    if len(commands) > COMMANDS_MAX:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    kept = [_command(command) for command in commands]
    call.bot.record.commands[_place(call)] = kept
    _told(telegram, call)
    return True


def _command(command: Json) -> Json:
    name = str(command.get("command", "")).removeprefix("/")
    text = str(command.get("description", ""))
    if not _COMMAND.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= utf16_length(text) <= 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": text}


async def get_commands(_telegram: Telegram, call: Call) -> list[Json]:
    """Answers getMyCommands."""
    return call.bot.record.commands.get(_place(call), [])


async def delete_commands(telegram: Telegram, call: Call) -> bool:
    """Answers deleteMyCommands."""
    call.bot.record.commands.pop(_place(call), None)
    _told(telegram, call)
    return True


def commands_shown(record: BotRecord, *, chat_id: int, language: str) -> list[Json]:
    """The commands that a person sees in a chat: the narrowest scope, his language first."""
    kind = "all_private_chats" if chat_id > 0 else "all_group_chats"
    scopes: tuple[Json, ...] = (
        {"type": "chat", "chat_id": chat_id},
        {"type": kind},
        {"type": "default"},
    )
    for scope in scopes:
        for spoken in (language, ""):
            found = record.commands.get(place(scope, spoken))
            if found:
                return found
    return []


async def set_menu_button(telegram: Telegram, call: Call) -> bool:
    """Answers setChatMenuButton, for one person or for all."""
    button = call.find_object("menu_button") or {"type": "default"}
    kind = button.get("type")
    if kind == "web_app":
        text = button.get("text")
        if not isinstance(text, str) or not text:
            raise bad_request("BUTTON_TEXT_INVALID")
        target = check_web_app(button.get("web_app"), what="menu button Web App URL")
        kept: Json = {"type": "web_app", "text": text, "web_app": target}
    elif kind in {"commands", "default"}:
        kept = {"type": kind}
    else:
        raise bad_request("can't parse menu button: MenuButton has unsupported type")
    call.bot.record.menu_buttons[_whose(telegram, call)] = kept
    _told(telegram, call)
    return True


async def get_menu_button(telegram: Telegram, call: Call) -> Json:
    """Answers getChatMenuButton."""
    buttons = call.bot.record.menu_buttons
    own = buttons.get(_whose(telegram, call), {"type": "default"})
    if own["type"] != "default":
        return own
    return buttons.get("", {"type": "commands"})


def menu_shown(record: BotRecord, *, chat_id: int) -> Json:
    """The menu button that a person sees."""
    own = record.menu_buttons.get(str(chat_id), {"type": "default"})
    return own if own["type"] != "default" else record.menu_buttons.get("", {"type": "commands"})


def _whose(telegram: Telegram, call: Call) -> str:
    chat_id = call.find_integer("chat_id")
    if chat_id is None:
        return ""
    if telegram.person(chat_id) is None:
        raise bad_request("chat not found")
    return str(chat_id)


async def set_text(telegram: Telegram, call: Call) -> bool:
    """Answers setMyName, setMyDescription, setMyShortDescription."""
    field = _text_field(call)
    text = call.text(field)
    if utf16_length(text) > _LENGTHS[field]:
        raise bad_request(f"{field} is too long")
    call.bot.record.texts[field + call.text("language_code")] = text
    _told(telegram, call)
    return True


async def get_text(_telegram: Telegram, call: Call) -> Json:
    """Answers getMyName, getMyDescription, getMyShortDescription."""
    field = _text_field(call)
    texts = call.bot.record.texts
    default = call.bot.spec.name if field == "name" else ""
    found = texts.get(field + call.text("language_code")) or texts.get(field) or default
    return {field: found}


def _text_field(call: Call) -> str:
    method = call.method.lower()
    if method.endswith("shortdescription"):
        return "short_description"
    return "description" if method.endswith("description") else "name"


async def set_rights(telegram: Telegram, call: Call) -> bool:
    """Answers setMyDefaultAdministratorRights."""
    call.bot.record.admin_rights = call.find_object("rights") or {}
    telegram.keep_bot(call.bot)
    return True


def _told(telegram: Telegram, call: Call) -> None:
    telegram.keep_bot(call.bot)
    telegram.hub.publish("bot", bot=call.bot.id)
