"""New messages from bots: texts, files, albums, dice, copies, and the typing sign."""

from __future__ import annotations

from typing import Any

from sandbox.telegram.botapi.compose import caption_content, reply, send, text_content
from sandbox.telegram.errors import bad_request
from sandbox.telegram.media import content_of, field_file, input_file
from sandbox.telegram.params import Call
from sandbox.telegram.records import Message
from sandbox.telegram.state import Telegram

Json = dict[str, Any]

DICE_SIDES = {"🎲": 6, "🎯": 6, "🎳": 6, "🏀": 5, "⚽": 5, "🎰": 64}
ALBUM = range(2, 11)
_ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)


async def send_message(telegram: Telegram, call: Call) -> Json:
    """Answers sendMessage."""
    telegram.chat_for_bot(call.bot, call.chat_id())
    return reply(telegram, call, send(telegram, call, text_content(call)))


async def send_rich_message(telegram: Telegram, call: Call) -> Json:
    """Answers sendRichMessage: kept as the text of its markup."""
    rich = call.find_object("rich_message") or {}
    source = rich.get("html") or rich.get("markdown")
    if not isinstance(source, str):
        raise bad_request("message text is empty")
    mode = "HTML" if rich.get("html") else "MarkdownV2"
    inner = call.inside({**call.fields, "text": source, "parse_mode": mode})
    return reply(telegram, call, send(telegram, inner, text_content(inner)))


async def send_photo(telegram: Telegram, call: Call) -> Json:
    """Answers sendPhoto."""
    return _send_file(telegram, call, "photo")


async def send_document(telegram: Telegram, call: Call) -> Json:
    """Answers sendDocument."""
    return _send_file(telegram, call, "document")


async def send_animation(telegram: Telegram, call: Call) -> Json:
    """Answers sendAnimation."""
    return _send_file(telegram, call, "animation")


def _send_file(telegram: Telegram, call: Call, kind: str) -> Json:
    telegram.chat_for_bot(call.bot, call.chat_id())
    caption = caption_content(call)
    content = {**content_of(field_file(telegram, call, kind=kind)), **caption}
    return reply(telegram, call, send(telegram, call, content))


async def send_media_group(telegram: Telegram, call: Call) -> list[Json]:
    """Answers sendMediaGroup: every item is checked before the first is shown."""
    telegram.chat_for_bot(call.bot, call.chat_id())
    items = call.find_list("media") or []
    if len(items) not in ALBUM:
        raise bad_request("there must be from 2 to 10 messages in an album")
    if len({item.get("type") for item in items}) > 1:
        raise bad_request("photos and documents can't be mixed in one album")
    contents = [media_content(telegram, call, item) for item in items]
    group = telegram.new_id("album")
    sent = [send(telegram, call, {**content, "media_group_id": group}) for content in contents]
    return [reply(telegram, call, message) for message in sent]


def media_content(telegram: Telegram, call: Call, item: Json) -> Json:
    """The content that an InputMedia object describes."""
    kind = str(item.get("type"))
    if kind not in {"photo", "document", "animation"}:
        raise bad_request(f"unsupported media type {kind!r}")
    file = input_file(telegram, call, item.get("media"), kind=kind)
    return {**content_of(file), **caption_content(call.inside(item))}


async def send_dice(telegram: Telegram, call: Call) -> Json:
    """Answers sendDice: the value is in the answer at once."""
    emoji = call.text("emoji", "🎲") or "🎲"
    telegram.chat_for_bot(call.bot, call.chat_id())
    return reply(telegram, call, send(telegram, call, dice_content(telegram, emoji)))


def dice_content(telegram: Telegram, emoji: str) -> Json:
    """A throw of one of the animated emoji."""
    plain = emoji.replace("\ufe0f", "")
    if plain not in DICE_SIDES:
        raise bad_request("EMOTICON_INVALID")
    return {"dice": {"emoji": plain, "value": telegram.draw(DICE_SIDES[plain])}}


async def send_chat_action(telegram: Telegram, call: Call) -> bool:
    """Answers sendChatAction: shown for five seconds or until the next message."""
    chat = telegram.chat_for_bot(call.bot, call.chat_id())
    action = call.text("action")
    if action not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    telegram.hub.publish("action", chat=chat.key, action=action, sender=call.bot.id)
    return True


async def copy_message(telegram: Telegram, call: Call) -> Json:
    """Answers copyMessage."""
    return {"message_id": _copy(telegram, call, keep_sender=False).id}


async def forward_message(telegram: Telegram, call: Call) -> Json:
    """Answers forwardMessage."""
    return reply(telegram, call, _copy(telegram, call, keep_sender=True))


def _copy(telegram: Telegram, call: Call, *, keep_sender: bool) -> Message:
    source_id = call.need_integer("from_chat_id")
    source = telegram.known_chat(call.bot, source_id)
    original = telegram.find_message(source, call.need_integer("message_id"))
    what = "forward" if keep_sender else "copy"
    if original is None:
        raise bad_request(f"message to {what} not found")
    content = {k: v for k, v in original.content.items() if k != "media_group_id"}
    if keep_sender:
        content["forward_origin"] = {
            "type": "user",
            "sender_user": telegram.user(original.sender),
            "date": original.date,
        }
    elif call.fields.get("caption") is not None and "text" not in content:
        content.pop("caption", None)
        content.pop("caption_entities", None)
        content |= caption_content(call)
    return send(telegram, call, content)
