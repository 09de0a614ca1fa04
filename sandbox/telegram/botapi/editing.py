"""Changing what was said: edits, deletions, pins and reactions."""

from __future__ import annotations

from typing import Any

from sandbox.telegram.botapi.compose import caption_content, inline_keyboard, reply, text_content
from sandbox.telegram.botapi.sending import media_content
from sandbox.telegram.errors import ApiError, bad_request
from sandbox.telegram.params import Call
from sandbox.telegram.records import Message
from sandbox.telegram.state import Telegram

Json = dict[str, Any]

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the"
    " same as a current content and reply markup of the message"
)
DELETED_AT_ONCE_MAX = 100
_MEDIA = ("photo", "document", "animation")


async def edit_text(telegram: Telegram, call: Call) -> Json | bool:
    """Answers editMessageText."""
    message = _target(telegram, call)
    content = text_content(call)
    if "text" not in message.content:
        raise bad_request("there is no text in the message to edit")
    return _change(telegram, call, message, content)


async def edit_caption(telegram: Telegram, call: Call) -> Json | bool:
    """Answers editMessageCaption."""
    message = _target(telegram, call)
    if not message.content.keys() & set(_MEDIA):
        raise bad_request("there is no caption in the message to edit")
    kept = {
        name: value
        for name, value in message.content.items()
        if name not in {"caption", "caption_entities"}
    }
    return _change(telegram, call, message, {**kept, **caption_content(call)})


async def edit_media(telegram: Telegram, call: Call) -> Json | bool:
    """Answers editMessageMedia."""
    message = _target(telegram, call)
    media = call.find_object("media")
    if media is None:
        raise bad_request("there is no media in the request")
    return _change(telegram, call, message, media_content(telegram, call, media))


async def edit_reply_markup(telegram: Telegram, call: Call) -> Json | bool:
    """Answers editMessageReplyMarkup."""
    message = _target(telegram, call)
    return _change(telegram, call, message, message.content, edited=False)


def _target(telegram: Telegram, call: Call) -> Message:
    """The message to edit: the bot's own, or one that was sent through it."""
    if call.has("inline_message_id"):
        inline = telegram.find_inline(call.text("inline_message_id"))
        if inline is None or inline.via_bot != call.bot.id:
            raise bad_request("MESSAGE_ID_INVALID")
        return inline
    chat = telegram.chat_for_bot(call.bot, call.chat_id())
    if not call.has("message_id"):
        raise bad_request("message identifier is not specified")
    message = telegram.find_message(chat, call.need_integer("message_id"))
    if message is None or message.receiver is not None:
        raise bad_request("message to edit not found")
    if message.sender != call.bot.id:
        raise bad_request("message can't be edited")
    return message


def _change(
    telegram: Telegram, call: Call, message: Message, content: Json, *, edited: bool = True
) -> Json | bool:
    chat = telegram.chats[message.chat]
    markup = inline_keyboard(call, private=chat.private)
    if content == message.content and markup == message.markup:
        raise bad_request(NOT_MODIFIED)
    message.content, message.markup = content, markup
    telegram.changed(message, edited=edited)
    return True if call.has("inline_message_id") else reply(telegram, call, message)


# -- ephemeral messages: seen by one member of a group ------------------------------------------


async def edit_ephemeral_text(telegram: Telegram, call: Call) -> bool:
    """Answers editEphemeralMessageText."""
    message = _ephemeral(telegram, call)
    _change(telegram, call, message, text_content(call))
    return True


async def edit_ephemeral_reply_markup(telegram: Telegram, call: Call) -> bool:
    """Answers editEphemeralMessageReplyMarkup."""
    message = _ephemeral(telegram, call)
    _change(telegram, call, message, message.content, edited=False)
    return True


async def delete_ephemeral(telegram: Telegram, call: Call) -> bool:
    """Answers deleteEphemeralMessage."""
    telegram.remove(_ephemeral(telegram, call))
    return True


def _ephemeral(telegram: Telegram, call: Call) -> Message:
    chat = telegram.chat_for_bot(call.bot, call.chat_id())
    message = telegram.find_message(chat, call.need_integer("ephemeral_message_id"))
    receiver = call.need_integer("receiver_user_id")
    if message is None or message.receiver != receiver or message.sender != call.bot.id:
        raise bad_request("message not found")
    return message


# -- deletions ----------------------------------------------------------------------------------


async def delete_message(telegram: Telegram, call: Call) -> bool:
    """Answers deleteMessage."""
    telegram.remove(_deletable(telegram, call, call.need_integer("message_id")))
    return True


async def delete_messages(telegram: Telegram, call: Call) -> bool:
    """Answers deleteMessages: those that cannot be found are passed over."""
    ids = call.find_list("message_ids") or []
    if not 1 <= len(ids) <= DELETED_AT_ONCE_MAX:
        raise bad_request("too few or too many message identifiers specified")
    for message_id in ids:
        try:
            telegram.remove(_deletable(telegram, call, int(message_id)))
        except ApiError as error:
            if "not found" not in error.description:
                raise
    return True


def _deletable(telegram: Telegram, call: Call, message_id: int) -> Message:
    chat = telegram.known_chat(call.bot, call.chat_id())
    message = telegram.find_message(chat, message_id)
    if message is None or message.receiver is not None:
        raise bad_request("message to delete not found")
    if not chat.private and message.sender != call.bot.id:
        raise bad_request("message can't be deleted")
    return message


# -- pins and reactions -------------------------------------------------------------------------


async def pin(telegram: Telegram, call: Call) -> bool:
    """Answers pinChatMessage."""
    chat = telegram.chat_for_bot(call.bot, call.chat_id())
    if not chat.private:
        raise bad_request("not enough rights to manage pinned messages in the chat")
    message = telegram.find_message(chat, call.need_integer("message_id"))
    if message is None:
        raise bad_request("message to pin not found")
    if message.id not in chat.pinned:
        chat.pinned.append(message.id)
        telegram.post(chat, sender=call.bot.id, content={"pinned_message": message.id})
    return True


async def unpin(telegram: Telegram, call: Call) -> bool:
    """Answers unpinChatMessage: the named one, or the newest."""
    chat = telegram.chat_for_bot(call.bot, call.chat_id())
    wanted = call.find_integer("message_id")
    if wanted is None and chat.pinned:
        wanted = chat.pinned[-1]
    if wanted not in chat.pinned:
        raise bad_request("message to unpin not found")
    chat.pinned.remove(wanted)
    telegram.keep_chat(chat)
    telegram.hub.publish("pinned", chat=chat.key, pinned=chat.pinned)
    return True


async def unpin_all(telegram: Telegram, call: Call) -> bool:
    """Answers unpinAllChatMessages."""
    chat = telegram.chat_for_bot(call.bot, call.chat_id())
    chat.pinned.clear()
    telegram.keep_chat(chat)
    telegram.hub.publish("pinned", chat=chat.key, pinned=[])
    return True


async def set_reaction(telegram: Telegram, call: Call) -> bool:
    """Answers setMessageReaction."""
    chat = telegram.chat_for_bot(call.bot, call.chat_id())
    message = telegram.find_message(chat, call.need_integer("message_id"))
    if message is None:
        raise bad_request("message to react not found")
    reactions = call.find_list("reaction") or []
    if len(reactions) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    if any(one.get("type") != "emoji" or not one.get("emoji") for one in reactions):
        raise bad_request("REACTION_INVALID")
    message.reactions.pop(str(call.bot.id), None)
    if reactions:
        message.reactions[str(call.bot.id)] = reactions
    telegram.changed(message, edited=False)
    return True
