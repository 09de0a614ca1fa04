"""Answers to people's questions: taps, inline queries, Mini App queries, prepared messages."""

from __future__ import annotations

import time
from typing import Any

from sandbox.telegram.botapi.compose import caption_content, text_content
from sandbox.telegram.entities import utf16_length
from sandbox.telegram.errors import bad_request
from sandbox.telegram.markup import check_inline_keyboard, check_url
from sandbox.telegram.media import content_of, input_file
from sandbox.telegram.params import Call
from sandbox.telegram.records import Prepared
from sandbox.telegram.state import Telegram

Json = dict[str, Any]

TOAST_MAX = 200
INLINE_RESULTS_MAX = 50
PREPARED_SECONDS = 86_400
TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


async def answer_callback(telegram: Telegram, call: Call) -> bool:
    """Answers answerCallbackQuery: once, and in time."""
    callback = telegram.callbacks.get(call.text("callback_query_id"))
    patience = telegram.world.callback_seconds
    if (
        callback is None
        or callback.bot != call.bot.id
        or callback.answer is not None
        or time.time() - callback.asked_at > patience
    ):
        raise bad_request(TOO_OLD)
    text = call.text("text")
    if utf16_length(text) > TOAST_MAX:
        raise bad_request("MESSAGE_TOO_LONG")
    answer: Json = {"text": text, "show_alert": call.flag("show_alert")}
    if call.has("url"):
        answer["url"] = check_url(call.text("url"), what="callback answer URL", secure=False)
    callback.answer = answer
    telegram.keep_callback(callback)
    telegram.hub.publish(
        "callback_answer",
        chat=callback.chat,
        person=callback.person,
        callback=callback.id,
        message_id=callback.message_id,
        answer=answer,
    )
    return True


async def answer_inline(telegram: Telegram, call: Call) -> bool:
    """Answers answerInlineQuery."""
    asked = telegram.inline_queries.get(call.text("inline_query_id"))
    if asked is None or asked.bot != call.bot.id or asked.results is not None:
        raise bad_request(TOO_OLD)
    results = call.find_list("results") or []
    if len(results) > INLINE_RESULTS_MAX:
        raise bad_request("RESULTS_TOO_MUCH")
    names = [str(result.get("id", "")) for result in results]
    if len(set(names)) != len(names):
        raise bad_request("RESULT_ID_DUPLICATE")
    for result in results:
        if not 1 <= len(str(result.get("id", "")).encode()) <= 64:
            raise bad_request("RESULT_ID_INVALID")
        result_content(telegram, call, result)
    asked.results = results
    telegram.hub.bell.ring()
    return True


async def answer_web_app(telegram: Telegram, call: Call) -> Json:
    """Answers answerWebAppQuery: posts the result from the person's name, once for each launch."""
    launch = telegram.launches.get(call.text("web_app_query_id"))
    if launch is None or launch.bot != call.bot.id:
        raise bad_request(TOO_OLD)
    result = call.find_object("result")
    if result is None:
        raise bad_request("can't parse inline query result: InlineQueryResult must be an Object")
    content, markup = result_content(telegram, call, result)
    del telegram.launches[launch.id]
    telegram.store.drop("launch", launch.id)
    message = telegram.post(
        telegram.chats[launch.chat],
        sender=launch.person,
        content=content,
        markup=markup,
        via_bot=call.bot.id,
    )
    return {"inline_message_id": message.inline_id}


async def save_prepared(telegram: Telegram, call: Call) -> Json:
    """Answers savePreparedInlineMessage: a message that a Mini App may ask the person to share."""
    person = call.need_integer("user_id")
    if telegram.person(person) is None:
        raise bad_request("USER_ID_INVALID")
    result = call.find_object("result")
    if result is None:
        raise bad_request("can't parse inline query result: InlineQueryResult must be an Object")
    result_content(telegram, call, result)
    prepared = Prepared(
        id=telegram.new_id("prepared"),
        bot=call.bot.id,
        person=person,
        result=result,
        expires_at=int(time.time()) + PREPARED_SECONDS,
    )
    telegram.prepared[prepared.id] = prepared
    telegram.store.save("prepared", prepared.id, prepared)
    return {"id": prepared.id, "expiration_date": prepared.expires_at}


def result_content(telegram: Telegram, call: Call, result: Json) -> tuple[Json, Json | None]:
    """What is posted when an inline result is chosen, and its keyboard."""
    markup = result.get("reply_markup")
    keyboard = check_inline_keyboard(markup, private=False) if markup else None
    given = result.get("input_message_content")
    if isinstance(given, dict):
        fields = {
            "text": given.get("message_text", ""),
            "parse_mode": given.get("parse_mode") or "",
            "entities": given.get("entities"),
        }
        return text_content(call.inside(fields)), keyboard
    kind = str(result.get("type"))
    caption = caption_content(call.inside(result))
    for name in ("photo", "document"):
        if kind == name and result.get(f"{name}_file_id"):
            file = input_file(telegram, call, result[f"{name}_file_id"], kind=name)
            return {**content_of(file), **caption}, keyboard
    if kind == "article":
        raise bad_request("message text is empty")
    raise bad_request(f"can't parse inline query result: unsupported type {kind!r}")
