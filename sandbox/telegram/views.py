"""The small objects of the Bot API that look the same to everyone: users and file ids."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from sandbox.telegram.world import BotSpec, PersonSpec

Json = dict[str, Any]

_SEAL = b"sandbox file ids"


def bot_user(spec: BotSpec) -> Json:
    """A bot as others see it."""
    return {
        "id": spec.id,
        "is_bot": True,
        "first_name": spec.name,
        "username": spec.username,
    }


def bot_self(spec: BotSpec) -> Json:
    """A bot as it sees itself (getMe)."""
    return {
        **bot_user(spec),
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": True,
        "can_connect_to_business": False,
        "has_main_web_app": True,
    }


def person_user(spec: PersonSpec) -> Json:
    """A person as bots see him."""
    user: Json = {"id": spec.id, "is_bot": False, "first_name": spec.first_name}
    if spec.last_name:
        user["last_name"] = spec.last_name
    if spec.username:
        user["username"] = spec.username
    user["language_code"] = spec.language
    return user


def file_id(*, bot_id: int, unique_id: str) -> str:
    """The name of a file for one bot; another bot cannot use it."""
    head = f"{bot_id}.{unique_id}"
    seal = hmac.new(_SEAL, head.encode(), hashlib.sha256).hexdigest()[:16]
    return base64.urlsafe_b64encode(f"{head}.{seal}".encode()).rstrip(b"=").decode()


def find_unique_id(*, bot_id: int, given: str) -> str | None:
    """The file behind a file id of this bot, or None for any other text."""
    try:
        padded = given.encode("ascii") + b"=" * (-len(given) % 4)
        owner, unique_id, _ = base64.urlsafe_b64decode(padded).decode("ascii").split(".")
    except ValueError:
        return None
    if owner != str(bot_id) or file_id(bot_id=bot_id, unique_id=unique_id) != given:
        return None
    return unique_id
