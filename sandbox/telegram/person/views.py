"""What a person sees: his chats with what is unread, and one chat with its messages."""

from __future__ import annotations

from typing import Any

from sandbox.telegram.botapi.settings import commands_shown, menu_shown
from sandbox.telegram.records import Chat, Message
from sandbox.telegram.state import Bot, Telegram

Json = dict[str, Any]


def overview(telegram: Telegram, person: int | None) -> Json:
    """Everybody, every bot, and the chats of one person, newest first."""
    view: Json = {
        "seq": telegram.hub.seq,
        "people": [_person(telegram, one) for one in telegram.people],
        "bots": [_bot(bot) for bot in telegram.bots.values()],
        "groups": [
            {"id": chat.id, "key": chat.key, "title": telegram.chat_object(chat)["title"]}
            for chat in telegram.chats.values()
            if not chat.private
        ],
    }
    if person is not None:
        chats = [chat_view(telegram, chat, person) for chat in _chats_of(telegram, person)]
        view["chats"] = sorted(chats, key=_newest, reverse=True)
    return view


def _newest(chat: Json) -> int:
    last = chat["last"]
    return int(last["date"]) if last else 0


def _person(telegram: Telegram, person: int) -> Json:
    spec = telegram.people[person]
    unread = sum(_unread(telegram, chat, person) for chat in _chats_of(telegram, person))
    return {
        **telegram.user(person),
        "caption": spec.caption,
        "stars": telegram.purse(person).stars,
        "unread": unread,
    }


def _bot(bot: Bot) -> Json:
    return {
        "id": bot.id,
        "first_name": bot.spec.name,
        "username": bot.spec.username,
        "about": bot.record.texts.get("description") or bot.spec.about,
        "webhook": bot.record.webhook is not None,
        "pending": len(bot.updates),
    }


def _chats_of(telegram: Telegram, person: int) -> list[Chat]:
    private = [telegram.private_chat(bot_id=bot_id, person_id=person) for bot_id in telegram.bots]
    groups = [
        chat for chat in telegram.chats.values() if not chat.private and person in chat.people
    ]
    return private + groups


def seen_by(telegram: Telegram, chat: Chat, person: int) -> list[Message]:
    """The messages of a chat that a person may see, in order."""
    return [
        message
        for message in telegram.messages[chat.key].values()
        if message.receiver in (None, person)
    ]


def _unread(telegram: Telegram, chat: Chat, person: int) -> int:
    last_read = chat.read.get(str(person), 0)
    return sum(
        message.id > last_read and message.sender != person
        for message in seen_by(telegram, chat, person)
    )


def chat_view(telegram: Telegram, chat: Chat, person: int) -> Json:
    """One line of the chat list, with what the chat's header and composer need."""
    messages = seen_by(telegram, chat, person)
    view: Json = {
        "key": chat.key,
        "id": chat.id,
        "private": chat.private,
        "started": chat.started or not chat.private,
        "blocked": chat.blocked,
        "unread": _unread(telegram, chat, person),
        "last": telegram.person_view(messages[-1]) if messages else None,
        "keyboard": chat.keyboard,
        "pinned": [
            telegram.person_view(message) for message in messages if message.id in chat.pinned
        ],
    }
    if chat.bot is not None:
        bot = telegram.bots[chat.bot]
        language = telegram.people[person].language
        view |= {
            "title": bot.spec.name,
            "bot": bot.id,
            "username": bot.spec.username,
            "about": bot.record.texts.get(f"description{language}") or _bot(bot)["about"],
            "menu": menu_shown(bot.record, chat_id=chat.id),
            "commands": commands_shown(bot.record, chat_id=chat.id, language=language),
        }
    else:
        view |= {
            "title": telegram.chat_object(chat)["title"],
            "members": [telegram.user(one) for one in (*chat.people, *chat.bots)],
            "menu": {"type": "commands"},
            "commands": _group_commands(telegram, chat, person),
        }
    return view


def _group_commands(telegram: Telegram, chat: Chat, person: int) -> list[Json]:
    language = telegram.people[person].language
    found: list[Json] = []
    for bot_id in chat.bots:
        bot = telegram.bots[bot_id]
        for command in commands_shown(bot.record, chat_id=chat.id, language=language):
            name = f"{command['command']}@{bot.spec.username}"
            found.append({**command, "command": name})
    return found


def transcript(
    telegram: Telegram, chat: Chat, person: int, *, after: int = 0, contains: str = ""
) -> Json:
    """A chat's messages; with `after`, only those new or changed since that number."""
    messages = [
        telegram.person_view(message)
        for message in seen_by(telegram, chat, person)
        if message.seq > after and contains in _words(message)
    ]
    return {"seq": telegram.hub.seq, "messages": messages}


def _words(message: Message) -> str:
    content = message.content
    return str(content.get("text") or content.get("caption") or "")
