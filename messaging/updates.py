"""What an update is to the inbox: its source, its place in a chat's order, its exact JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from casino import inbox

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

PLAYER_SOURCE = "telegram:player"
STAFF_SOURCE = "telegram:admin"

PLAYER_UPDATES = ("message", "callback_query", "my_chat_member")
STAFF_UPDATES = ("message", "callback_query", "my_chat_member")


def chat_key(update: Mapping[str, Any]) -> str:
    """The key whose updates are handled one after another: the chat, or else the person."""
    for name, content in update.items():
        if name == "update_id" or not isinstance(content, Mapping):
            continue
        holder = content.get("message") or content
        place = holder.get("chat") or content.get("chat") or content.get("from")
        if isinstance(place, Mapping) and "id" in place:
            return str(place["id"])
    return "none"


async def record_update(session: AsyncSession, *, source: str, update: Mapping[str, Any]) -> bool:
    """Store one update of one bot; False says it was here before. Raises KeyError without an id."""
    return await inbox.record(
        session,
        source=source,
        external_id=str(update["update_id"]),
        key=chat_key(update),
        payload={name: storable(part) for name, part in update.items()},
    )


def storable(part: object) -> Any:
    """The same JSON without what PostgreSQL cannot keep: U+0000 and half a surrogate pair. One
    such character in a message would otherwise stop all updates behind it."""
    if isinstance(part, str):
        return part.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(part, list):
        return [storable(item) for item in part]
    if isinstance(part, Mapping):
        return {storable(name): storable(item) for name, item in part.items()}
    return part
