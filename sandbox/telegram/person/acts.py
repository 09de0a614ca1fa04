"""What a person does in a chat: says, sends, throws, taps, blocks, joins and leaves."""

from __future__ import annotations

import time
from typing import Any

from sandbox.telegram.botapi.chats import member
from sandbox.telegram.botapi.sending import dice_content
from sandbox.telegram.delivery import push, push_message
from sandbox.telegram.entities import finish, utf16_length
from sandbox.telegram.errors import ActError, ApiError
from sandbox.telegram.media import content_of, take_in
from sandbox.telegram.params import Upload
from sandbox.telegram.records import Callback, Chat, Message
from sandbox.telegram.state import Bot, Telegram

Json = dict[str, Any]

TEXT_MAX = 4096
CAPTION_MAX = 1024
START_PAYLOAD_MAX = 64


def find_bot(telegram: Telegram, name: object) -> Bot:
    """A bot by id or username."""
    wanted = str(name).removeprefix("@").lower()
    for bot in telegram.bots.values():
        if wanted in {str(bot.id), bot.spec.username.lower()}:
            return bot
    raise ActError("there is no such bot", status=404)


def find_person(telegram: Telegram, person: object) -> int:
    """A person's id, checked."""
    if str(person).isdigit() and int(str(person)) in telegram.people:
        return int(str(person))
    raise ActError("there is no such person", status=404)


def find_chat(telegram: Telegram, person: int, fields: Json) -> Chat:
    """The chat that is meant: `bot` for a private one, `chat` for a key or a group's id."""
    if fields.get("bot") not in (None, ""):
        bot = find_bot(telegram, fields["bot"])
        return telegram.private_chat(bot_id=bot.id, person_id=person)
    key = str(fields.get("chat", ""))
    chat = telegram.chats.get(key)
    if chat is None and ":" in key and key.endswith(f":{person}"):
        bot = find_bot(telegram, key.partition(":")[0])
        chat = telegram.private_chat(bot_id=bot.id, person_id=person)
    if chat is None:
        raise ActError("there is no such chat", status=404)
    if person != chat.person and person not in chat.people:
        raise ActError("this person is not in the chat", status=403)
    return chat


def whose(telegram: Telegram, fields: Json) -> tuple[int, Chat]:
    """Who acts, and in which chat."""
    person = find_person(telegram, fields.get("person"))
    return person, find_chat(telegram, person, fields)


def may_write(chat: Chat) -> None:
    """A blocked bot must be unblocked first, as in any client."""
    if chat.blocked:
        raise ActError("unblock the bot first", status=409)


def write(
    telegram: Telegram, chat: Chat, person: int, content: Json, *, reply_to: int | None = None
) -> Message:
    """Post a person's message and give it to the bots that may read it."""
    may_write(chat)
    if chat.private and not chat.started:
        chat.started = True
        telegram.keep_chat(chat)
    message = telegram.post(chat, sender=person, content=content, reply_to=reply_to)
    push_message(telegram, chat, message)
    return message


def say(
    telegram: Telegram, chat: Chat, person: int, text: str, *, reply_to: int | None = None
) -> Message:
    """Say something; a command is marked as one."""
    plain, entities = finish(text, [])
    if not plain:
        raise ActError("an empty message cannot be sent")
    if utf16_length(plain) > TEXT_MAX:
        raise ActError("this message is too long")
    content: Json = {"text": plain}
    if entities:
        content["entities"] = entities
    return write(telegram, chat, person, content, reply_to=reply_to)


def start(telegram: Telegram, chat: Chat, person: int, payload: str) -> Message:
    """Press Start, with the payload of a deep link if there is one; also after a block."""
    if len(payload) > START_PAYLOAD_MAX:
        raise ActError("a start payload has at most 64 characters")
    if chat.blocked:
        set_blocked(telegram, chat, person, blocked=False)
    return say(telegram, chat, person, f"/start {payload}".strip())


def send_file(
    telegram: Telegram, chat: Chat, person: int, upload: Upload, *, kind: str, caption: str
) -> Message:
    """Send a photo or a document."""
    may_write(chat)
    try:
        file = take_in(telegram, upload, kind=kind)
    except ApiError as error:
        raise ActError(f"this file cannot be sent: {error.description}") from error
    content = content_of(file)
    plain, entities = finish(caption, [])
    if utf16_length(plain) > CAPTION_MAX:
        raise ActError("this caption is too long")
    if plain:
        content["caption"] = plain
    if entities:
        content["caption_entities"] = entities
    return write(telegram, chat, person, content)


def throw(telegram: Telegram, chat: Chat, person: int, emoji: str) -> Message:
    """Throw one of the animated emoji."""
    try:
        content = dice_content(telegram, emoji)
    except ApiError as error:
        raise ActError("this emoji is not a die") from error
    return write(telegram, chat, person, content)


def find_visible(telegram: Telegram, chat: Chat, person: int, message_id: int) -> Message:
    """A message that the person can see."""
    message = telegram.find_message(chat, message_id)
    if message is None or message.receiver not in (None, person):
        raise ActError("this message is gone", status=404)
    return message


def find_button(
    telegram: Telegram,
    chat: Chat,
    person: int,
    *,
    message_id: int | None,
    label: str | None,
    data: str | None,
) -> tuple[Message, Json]:
    """An inline button by label or data: on one message, or on the newest that has it."""
    if message_id is None:
        messages = [
            message
            for message in reversed(telegram.messages[chat.key].values())
            if message.receiver in (None, person)
        ]
    else:
        messages = [find_visible(telegram, chat, person, message_id)]
    for message in messages:
        for row in (message.markup or {}).get("inline_keyboard", []):
            for button in row:
                if data is not None and button.get("callback_data") != data:
                    continue
                if label is not None and not _labelled(button["text"], label):
                    continue
                return message, button
    raise ActError("there is no such button", status=404)


def _labelled(text: str, wanted: str) -> bool:
    """Labels are matched as people read them: the whole, or the words after an icon."""
    return wanted in {text, text.strip()} or text.partition(" ")[2].strip() == wanted


def tap(telegram: Telegram, chat: Chat, person: int, message: Message, data: str) -> Callback:
    """Tap a callback button: the bot gets a query and should answer it."""
    may_write(chat)
    owner = message.via_bot or message.sender
    bot = telegram.bots.get(owner)
    if bot is None:
        raise ActError("this message is not a bot's")
    callback = Callback(
        id=telegram.new_id("callback"),
        bot=bot.id,
        person=person,
        chat=chat.key,
        message_id=message.id,
        data=data,
        asked_at=time.time(),
    )
    telegram.keep_callback(callback)
    query: Json = {
        "id": callback.id,
        "from": telegram.user(person),
        "chat_instance": chat_instance(chat),
        "data": data,
    }
    if message.inline_id is not None:
        query["inline_message_id"] = message.inline_id
    else:
        query["message"] = telegram.bot_view(message, bot_id=bot.id)
    push(telegram, bot, "callback_query", query)
    return callback


def chat_instance(chat: Chat) -> str:
    """A number that means this chat to games and Mini Apps."""
    return str(sum(ord(sign) * 1_000_003**place for place, sign in enumerate(chat.key)) % 2**62)


def set_blocked(telegram: Telegram, chat: Chat, person: int, *, blocked: bool) -> None:
    """Block the bot or let it write again; the bot is told."""
    if chat.bot is None:
        raise ActError("only a bot can be blocked")
    if chat.blocked == blocked:
        return
    chat.blocked = blocked
    telegram.keep_chat(chat)
    telegram.hub.publish("chat", chat=chat.key)
    bot = telegram.bots[chat.bot]
    _member_changed(
        telegram,
        bot,
        chat,
        person,
        before="member" if blocked else "kicked",
        after="kicked" if blocked else "member",
    )


def _member_changed(
    telegram: Telegram, bot: Bot, chat: Chat, person: int, *, before: str, after: str
) -> None:
    me = telegram.user(bot.id)
    states: list[Json] = [{"status": status, "user": me} for status in (before, after)]
    for state in states:
        if state["status"] == "kicked":
            state["until_date"] = 0
    push(
        telegram,
        bot,
        "my_chat_member",
        {
            "chat": telegram.chat_object(chat),
            "from": telegram.user(person),
            "date": int(time.time()),
            "old_chat_member": states[0],
            "new_chat_member": states[1],
        },
    )


def join(telegram: Telegram, person: int, group_id: int) -> Message:
    """Join the group."""
    chat = telegram.chats.get(str(group_id))
    if chat is None or chat.private:
        raise ActError("there is no such group", status=404)
    if person in chat.people:
        raise ActError("already in the group", status=409)
    before = member(telegram, chat, person)
    chat.people.append(person)
    telegram.keep_chat(chat)
    content: Json = {"new_chat_members": [telegram.user(person)]}
    message = telegram.post(chat, sender=person, content=content)
    push_message(telegram, chat, message)
    _people_changed(telegram, chat, person, before)
    return message


def leave(telegram: Telegram, person: int, chat: Chat) -> None:
    """Leave the group."""
    if chat.private:
        raise ActError("only a group can be left")
    before = member(telegram, chat, person)
    content: Json = {"left_chat_member": telegram.user(person)}
    message = telegram.post(chat, sender=person, content=content)
    push_message(telegram, chat, message)
    chat.people.remove(person)
    telegram.keep_chat(chat)
    _people_changed(telegram, chat, person, before)


def _people_changed(telegram: Telegram, chat: Chat, person: int, before: Json) -> None:
    telegram.hub.publish("chat", chat=chat.key)
    change = {
        "chat": telegram.chat_object(chat),
        "from": telegram.user(person),
        "date": int(time.time()),
        "old_chat_member": before,
        "new_chat_member": member(telegram, chat, person),
    }
    for bot_id in chat.bots:
        push(telegram, telegram.bots[bot_id], "chat_member", change)


def invite_bot(telegram: Telegram, person: int, chat: Chat, bot: Bot) -> None:
    """Bring a bot into the group."""
    if chat.private or bot.id in chat.bots:
        raise ActError("the bot cannot be added here", status=409)
    chat.bots.append(bot.id)
    telegram.keep_chat(chat)
    _member_changed(telegram, bot, chat, person, before="left", after="member")
    content: Json = {"new_chat_members": [telegram.user(bot.id)]}
    push_message(telegram, chat, telegram.post(chat, sender=person, content=content))


def read_up(telegram: Telegram, chat: Chat, person: int) -> None:
    """The person has seen everything in the chat."""
    if chat.read.get(str(person)) != chat.last_message_id:
        chat.read[str(person)] = chat.last_message_id
        telegram.keep_chat(chat)
