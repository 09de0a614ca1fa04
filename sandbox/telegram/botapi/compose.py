"""Turns the common fields of send and edit methods into content, checked as Telegram checks."""

from __future__ import annotations

from typing import Any

from sandbox.telegram.entities import check_given, finish, utf16_length
from sandbox.telegram.errors import bad_request
from sandbox.telegram.html_text import read_html
from sandbox.telegram.markdown_text import read_markdown, read_markdown_v2
from sandbox.telegram.markup import check_inline_keyboard, check_reply_markup
from sandbox.telegram.params import Call
from sandbox.telegram.records import Chat, Message
from sandbox.telegram.state import Telegram

Json = dict[str, Any]

TEXT_MAX = 4096
CAPTION_MAX = 1024


def read_text(source: str, *, mode: str, given: list[Json] | None) -> tuple[str, list[Json]]:
    """Plain text and entities for a parse mode, or with entities that the bot computed."""
    match mode.lower():
        case "":
            plain, entities = source, check_given(source, given or [])
        case "html":
            plain, entities = read_html(source)
        case "markdownv2":
            plain, entities = read_markdown_v2(source)
        case "markdown":
            plain, entities = read_markdown(source)
        case _:
            raise bad_request("unsupported parse_mode")
    return finish(plain, entities)


def text_content(call: Call) -> Json:
    """The `text` of a call; refuses nothing and too much."""
    source = call.text("text")
    plain, entities = read_text(
        source, mode=call.text("parse_mode"), given=call.find_list("entities")
    )
    if not plain:
        raise bad_request("message text is empty")
    if utf16_length(plain) > TEXT_MAX:
        raise bad_request("message is too long")
    content: Json = {"text": plain}
    if entities:
        content["entities"] = entities
    options = call.find_object("link_preview_options")
    if options:
        content["link_preview_options"] = options
    return content


def caption_content(call: Call) -> Json:
    """The `caption` of a call, which may be missing."""
    plain, entities = read_text(
        call.text("caption"),
        mode=call.text("parse_mode"),
        given=call.find_list("caption_entities"),
    )
    if utf16_length(plain) > CAPTION_MAX:
        raise bad_request("message caption is too long")
    content: Json = {}
    if plain:
        content["caption"] = plain
    if entities:
        content["caption_entities"] = entities
    return content


def inline_keyboard(call: Call, *, private: bool, invoice: bool = False) -> Json | None:
    """The inline keyboard of an edit; anything else is refused."""
    markup = call.find_object("reply_markup")
    if markup is None:
        return None
    if "inline_keyboard" not in markup:
        raise bad_request("inline keyboard expected")
    return check_inline_keyboard(markup, private=private, invoice=invoice)


def send(telegram: Telegram, call: Call, content: Json, *, invoice: bool = False) -> Message:
    """Post content with the options that all send methods share."""
    chat = telegram.chat_for_bot(call.bot, call.chat_id())
    markup = call.find_object("reply_markup")
    inline: Json | None = None
    keyboard: Json | None = None
    if markup and "inline_keyboard" in markup:
        inline = check_inline_keyboard(markup, private=chat.private, invoice=invoice)
    elif markup:
        keyboard = check_reply_markup(markup, private=chat.private)
    receiver = _receiver(call, chat)
    if call.flag("protect_content"):
        content = {**content, "has_protected_content": True}
    reply_to = _reply_to(telegram, call, chat)
    if keyboard is not None:
        chat.keyboard = None if keyboard.get("remove_keyboard") else keyboard
    message = telegram.post(
        chat,
        sender=call.bot.id,
        content=content,
        markup=inline,
        reply_to=reply_to,
        receiver=receiver,
    )
    if keyboard is not None:
        telegram.hub.publish("keyboard", chat=chat.key, keyboard=chat.keyboard)
    return message


def _reply_to(telegram: Telegram, call: Call, chat: Chat) -> int | None:
    parameters = call.find_object("reply_parameters") or {}
    wanted = parameters.get("message_id", call.find_integer("reply_to_message_id"))
    if wanted is None:
        return None
    if telegram.find_message(chat, int(wanted)) is not None:
        return int(wanted)
    if parameters.get("allow_sending_without_reply") or call.flag("allow_sending_without_reply"):
        return None
    raise bad_request("message to be replied not found")


def _receiver(call: Call, chat: Chat) -> int | None:
    """The one member of a group who will see an ephemeral message."""
    parameters = call.find_object("ephemeral_message_parameters") or {}
    receiver = parameters.get("receiver_user_id", call.find_integer("receiver_user_id"))
    if receiver is None:
        return None
    if chat.private:
        raise bad_request("ephemeral messages can be sent only to supergroups")
    if int(receiver) not in chat.people:
        raise bad_request("PARTICIPANT_ID_INVALID")
    return int(receiver)


def reply(telegram: Telegram, call: Call, message: Message) -> Json:
    """The Message object that a send or edit method returns."""
    return telegram.bot_view(message, bot_id=call.bot.id)
